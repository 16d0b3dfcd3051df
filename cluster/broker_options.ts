/**
 * What a connection to NATS is made with.
 */

import { type BrokerLogin, loginAuthenticator } from "./broker_login.ts";
import type { StartTls } from "./broker_tls.ts";
import type { SocketOptions } from "./nats_socket.ts";

/** Where the broker is, and how to get in. */
export interface BrokerOptions {
  readonly urls: readonly string[];
  /** What is shown to it, as it is at that time. */
  readonly login?: (() => BrokerLogin) | undefined;
  /** Whether it has to speak TLS. */
  readonly tls?: boolean | undefined;
  /** Name of a PEM file: the broker's certificate is checked with it, and TLS is required. */
  readonly ca?: string | undefined;
  /** TLS with a certificate of our own; then it is required, too. */
  readonly startTls?: StartTls | undefined;
}

/** Dialling and greeting together may take this. */
const CONNECT_TIMEOUT_MS = 10_000;

/** A connection is given up after two of these without an answer, and made anew. */
const PING_INTERVAL_MS = 10_000;

const RECONNECTING = {
  timeout: CONNECT_TIMEOUT_MS,
  maxReconnectAttempts: -1,
  // Refused again, a server goes on trying: its files are read anew, and may be renewed.
  ignoreAuthErrorAbort: true,
  pingInterval: PING_INTERVAL_MS,
  name: "rtool",
} as const;

/** The same, as the client of NATS takes it. */
export function connectionOptions(
  { urls, login, tls = false, ca, startTls }: BrokerOptions,
  transport: typeof import("@nats-io/nats-core/internal"),
): SocketOptions {
  const isTls = tls || ca !== undefined || startTls !== undefined;
  return {
    ...RECONNECTING,
    servers: [...urls],
    ...(login ? { authenticator: loginAuthenticator(login, transport) } : {}),
    ...(isTls ? { tls: ca === undefined ? {} : { caFile: ca } } : {}),
    ...(startTls ? { startTls } : {}),
  };
}
