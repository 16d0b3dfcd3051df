/**
 * What is shown to the broker to be let in, and what it means when that is refused.
 *
 * Knows texts. Must not know where they are kept; what is secret stands in no error.
 */

import type { Authenticator } from "@nats-io/nats-core/internal";
import { RtoolError } from "../core/errors.ts";

type Transport = typeof import("@nats-io/nats-core/internal");

/** One of these, or nothing. */
export interface BrokerLogin {
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  /** Text of an nkey seed. */
  readonly nkey?: string | undefined;
  /** Text of a credentials file. */
  readonly credentials?: string | undefined;
}

/** Asked at each connection: who renews a file need not restart a server. */
export function loginAuthenticator(read: () => BrokerLogin, transport: Transport): Authenticator {
  return (nonce) => authenticator(read(), transport)(nonce);
}

/** Throws `bad_config` for a seed or credentials that can be none. */
export function refuseBadLogin(login: BrokerLogin, transport: Transport): void {
  try {
    authenticator(login, transport)("nonce");
  } catch (cause) {
    const what = login.nkey === undefined ? "a credentials file, as nsc makes it" : "an nkey seed";
    throw new RtoolError("bad_config", `Cannot log in to the broker: the file is not ${what}`, {
      cause,
    });
  }
}

/** The broker has not let us in with this. */
export function refusedLogin(login: BrokerLogin, where: string, cause: unknown): RtoolError {
  const [why, hint] = shown(login);
  return new RtoolError("not_allowed", `Cannot log in at ${where}: ${why}`, { cause, hint });
}

function authenticator(login: BrokerLogin, transport: Transport): Authenticator {
  const { user, password, token, nkey, credentials } = login;
  const bytes = (text: string) => new TextEncoder().encode(text);
  if (nkey !== undefined) return transport.nkeyAuthenticator(bytes(nkey.trim()));
  // Who edits one on another system leaves carriage returns, which the client does not know.
  if (credentials !== undefined) {
    return transport.credsAuthenticator(bytes(`${credentials.replaceAll("\r", "").trim()}\n`));
  }
  if (token !== undefined) return transport.tokenAuthenticator(token);
  if (user !== undefined) return transport.usernamePasswordAuthenticator(user, password);
  return () => undefined;
}

function shown(
  { user, token, nkey, credentials }: BrokerLogin,
): readonly [why: string, hint: string] {
  if (nkey !== undefined) {
    return ["the broker refuses our nkey", "is it the seed of a user the broker knows?"];
  }
  if (credentials !== undefined) return shownCredentials(credentials);
  if (token !== undefined) {
    return ["the broker refuses our token", "see the file that --nats-token-file names"];
  }
  if (user !== undefined) {
    return [
      `the broker refuses user '${user}' or the password`,
      "see --nats-user, and the file that --nats-password-file names",
    ];
  }
  return [
    "the broker wants to know who we are",
    "show it with --nats-user, --nats-token-file, --nats-nkey-file or --nats-credentials",
  ];
}

function shownCredentials(credentials: string): readonly [why: string, hint: string] {
  const end = maybeExpiry(credentials);
  if (end === undefined || end.getTime() > Date.now()) {
    return [
      "the broker refuses our credentials",
      "are they of an account the broker knows, and not revoked?",
    ];
  }
  return [
    `our credentials expired at ${end.toISOString()}`,
    "whoever runs the broker makes others with: nsc generate creds",
  ];
}

/** When the user's JWT in a credentials file ends, if it says so. */
function maybeExpiry(credentials: string): Date | undefined {
  const claims = /-----BEGIN NATS USER JWT-----\s+[\w-]+\.([\w-]+)\./.exec(credentials)?.[1];
  if (claims === undefined) return undefined;
  try {
    const { exp } = JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/")));
    return typeof exp === "number" && exp > 0 ? new Date(1000 * exp) : undefined;
  } catch {
    return undefined; // The broker has refused it in any case.
  }
}
