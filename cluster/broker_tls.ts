/**
 * TLS to the broker with Deno's own means, and what goes wrong in any TLS there.
 */

import { maybeCertificateFault, maybeRefusal, untrusted } from "../core/certificate_fault.ts";
import { RtoolError } from "../core/errors.ts";

/** What carries a connection's bytes. */
export type Carrier = Pick<Deno.TcpConn, "read" | "write" | "close">;

/**
 * Begins TLS with who is called so, until `signal`. Owns the connection from then on, also when it
 * fails.
 */
export type StartTls = (
  conn: Deno.TcpConn,
  hostname: string,
  signal: AbortSignal,
) => Promise<Carrier>;

/** What to do about a certificate, the broker's or ours. */
export const BROKER_HINTS = {
  issuer: "name who has with --nats-ca FILE",
  early: "is the clock of this machine right?",
  expired: "whoever runs the broker has to renew it",
  name: "use a name in --nats that the certificate is for",
  refused: "show another with --nats-cert FILE and --nats-key FILE",
} as const;

/** TLS without a certificate of our own; the file of authorities is read anew each time. */
export function startDenoTls(caFile?: string): StartTls {
  return async (conn, hostname, signal) => {
    const caCerts = caFile === undefined ? [] : readCertificateTexts(caFile, conn);
    const secured = await Deno.startTls(conn, { hostname, caCerts });
    const giveUp = () => closeQuietly(secured);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      signal.throwIfAborted();
      await secured.handshake();
      return secured;
    } catch (cause) {
      closeQuietly(secured);
      const text = cause instanceof Error ? cause.message : "";
      const fault = maybeCertificateFault(text);
      throw fault ? untrusted(hostname, fault, BROKER_HINTS, cause) : cause;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  };
}

/** Why a try to reach the broker failed: what it says of a certificate becomes rtool's word. */
export function socketFault(cause: unknown): Error {
  if (!(cause instanceof Error)) return new RtoolError("internal", String(cause));
  // Where we show one, what is wrong with it has been told already.
  if (cause instanceof RtoolError || maybeRefusal(cause.message) === undefined) return cause;
  return new RtoolError("not_allowed", "The broker wants a certificate of ours", {
    cause,
    hint: "show one with --nats-cert FILE and --nats-key FILE",
  });
}

function readCertificateTexts(path: string, conn: Deno.TcpConn): string[] {
  try {
    return [Deno.readTextFileSync(path)];
  } catch (cause) {
    conn.close();
    throw new RtoolError("bad_config", `Cannot read ${path}`, { cause });
  }
}

function closeQuietly(conn: Deno.TlsConn): void {
  try {
    conn.close();
  } catch {
    // The broker was first.
  }
}
