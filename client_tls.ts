/**
 * TLS on the client's side: Deno's own, which checks the server's name and certificate always.
 *
 * Part of the client, loaded only for TLS. Says in rtool's words what the library says in its own.
 */

import { type ClientTls, type DialOptions, dialPlain, reach } from "./client_dial.ts";
import {
  type CertificateFault,
  maybeCertificateFault,
  maybeRefusal,
  untrusted,
} from "./core/certificate_fault.ts";
import { RtoolError } from "./core/errors.ts";
import type { Wire } from "./wire.ts";

/** Connects, and shakes hands. */
export async function dialTls(options: DialOptions, tls: ClientTls): Promise<Wire> {
  const conn = await startTls(options, tls);
  const late = setTimeout(() => conn.close(), options.timeoutMs);
  try {
    await conn.handshake();
  } catch (cause) {
    closeQuietly(conn);
    throw toHandshakeFault(cause, options);
  } finally {
    clearTimeout(late);
  }
  return wireOf(conn, options);
}

/** A socket of ours sends small pieces at once; only Deno's own can show a certificate. */
async function startTls(options: DialOptions, tls: ClientTls): Promise<Deno.TlsConn> {
  const { hostname, port } = options;
  const caCerts = [...tls.authorities];
  if (!tls.identity) return await Deno.startTls(await dialPlain(options), { hostname, caCerts });
  const { identity } = tls;
  return await reach(Deno.connectTls({ hostname, port, caCerts, ...identity }), options);
}

/** A server refuses our certificate after its part of the handshake: the first read tells. */
function wireOf(conn: Deno.TlsConn, options: DialOptions): Wire {
  const told = (cause: unknown): never => {
    throw maybeRefused(cause, options) ?? cause;
  };
  return {
    localAddr: conn.localAddr as Deno.NetAddr,
    remoteAddr: conn.remoteAddr as Deno.NetAddr,
    // An end without a word of TLS is an end: the frames say whether it is the whole.
    read: (into) =>
      conn.read(into).catch((cause) => {
        return cause instanceof Deno.errors.UnexpectedEof ? null : told(cause);
      }),
    write: (bytes) => conn.write(bytes).catch(told),
    closeWrite: () => conn.closeWrite(),
    close: () => closeQuietly(conn),
  };
}

/** What to do about the faults of a server's certificate. */
const HINTS: Readonly<Record<CertificateFault, string>> = {
  issuer: "name who has with --tls-ca FILE: the ca.pem that rtool tls init made for it",
  early: "is the clock of this machine right?",
  expired: "whoever runs it makes another with: rtool tls server --force",
  name: "use a name it is for, or make one for this name: rtool tls server --force --name NAME",
};

function toHandshakeFault(cause: unknown, options: DialOptions): RtoolError {
  const refusal = maybeRefused(cause, options);
  if (refusal) return refusal;
  const { hostname, port, timeoutMs } = options;
  const text = cause instanceof Error ? cause.message : String(cause);
  const isCertificate = /invalid peer certificate|certificate/i.test(text);
  const peer = `${hostname}:${port}`;
  const fault = isCertificate ? maybeCertificateFault(text) : undefined;
  if (fault) return untrusted(peer, fault, HINTS, cause);
  const isSilent = cause instanceof Deno.errors.BadResource ||
    cause instanceof Deno.errors.Interrupted;
  const silence = isSilent
    ? `no answer to TLS within ${timeoutMs / 1000} s`
    : "it does not speak TLS";
  const message = `Cannot trust ${peer}: ${isCertificate ? text : silence}`;
  const hint = "leave out --tls, or serve with --tls there";
  return new RtoolError("cannot_connect", message, { cause, ...(isCertificate ? {} : { hint }) });
}

function maybeRefused(cause: unknown, { hostname, port }: DialOptions): RtoolError | undefined {
  const why = maybeRefusal(cause instanceof Error ? cause.message : "");
  if (why === undefined) return undefined;
  const message = `${hostname}:${port} refuses our certificate: ${why}`;
  return new RtoolError("not_allowed", message, {
    cause,
    hint: "show another with --tls-cert FILE; rtool tls client NAME makes one on the server",
  });
}

function closeQuietly(conn: Deno.TlsConn): void {
  try {
    conn.close();
  } catch {
    // The peer's reset has closed it.
  }
}
