/**
 * The way to a server: a socket, in plain text or under TLS.
 *
 * Part of the client. Must not know frames.
 */

import { RtoolError } from "./core/errors.ts";
import { isLoopback } from "./core/loopback.ts";
import type { Wire } from "./wire.ts";

/** What TLS is to trust and to show, in PEM. */
export interface ClientTls {
  /** Authorities to trust beside the well-known ones. */
  readonly authorities: readonly string[];
  /** Who we are, where a certificate says so. */
  readonly identity: { readonly cert: string; readonly key: string } | undefined;
}

/** Where the server is, and how it is reached. */
export interface DialOptions {
  readonly hostname: string;
  readonly port: number;
  /** How long it may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Speaks TLS; plain text when undefined. */
  readonly tls?: ClientTls | undefined;
}

/** Connects, with a clear word when that fails. */
export async function dial(options: DialOptions): Promise<Wire> {
  if (options.tls) return await (await import("./client_tls.ts")).dialTls(options, options.tls);
  return await dialPlain(options);
}

/** A socket, and no more. */
export async function dialPlain({ hostname, port, timeoutMs }: DialOptions): Promise<Deno.TcpConn> {
  const conn = await reach(Deno.connect({ hostname, port }), { hostname, port, timeoutMs });
  conn.setNoDelay(true);
  return conn;
}

/** The connection that is being made, or why there is none. */
export async function reach<C extends Disposable>(
  connecting: Promise<C>,
  { hostname, port, timeoutMs }: DialOptions,
): Promise<C> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new RtoolError("cannot_connect", "")), timeoutMs);
  try {
    return await Promise.race([connecting, late.promise]);
  } catch (cause) {
    void connecting.then((conn) => conn[Symbol.dispose](), () => {});
    const why = cause instanceof Deno.errors.ConnectionRefused
      ? "nothing listens there"
      : cause instanceof RtoolError
      ? `no answer within ${timeoutMs / 1000} s`
      : cause instanceof Error
      ? cause.message
      : String(cause);
    throw new RtoolError("cannot_connect", `Cannot connect to ${hostname}:${port}: ${why}`, {
      cause,
      hint: `start a server there with: rtool serve --port ${port}`,
    });
  } finally {
    clearTimeout(timer);
  }
}

/** Whoever is on the way could read a token, and use it. */
export function refuseOpenWire(wire: Wire): void {
  const { hostname } = wire.remoteAddr;
  if (isLoopback(hostname)) return;
  wire.close();
  throw new RtoolError(
    "not_allowed",
    `Cannot send a token to ${hostname} in plain text: beyond this machine it needs TLS`,
    { hint: "add --tls if the server speaks it, or use a tunnel such as ssh -L" },
  );
}
