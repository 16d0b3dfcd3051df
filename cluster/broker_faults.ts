/**
 * What goes wrong at the broker, in rtool's words; and asking again while it is away.
 */

import { RtoolError } from "../core/errors.ts";
import { delay } from "../core/time.ts";
import { type BrokerLogin, refusedLogin } from "./broker_login.ts";

/** Between one try to reach the broker and the next: longer each time. */
export const RECONNECT_MS = { first: 200, max: 10_000 } as const;

const STREAM_FULL = 10077;
const NO_STORAGE = 10047;

/** The account, or the broker, has no JetStream. */
const NO_STREAMS: readonly number[] = [503, 10039, 10076];

const ACCESS_HINT = "docs/cluster.md lists the permissions rtool needs";

/** Does what the broker is asked for; its errors become rtool's. */
export async function asking<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    throw brokerFault(cause);
  }
}

/** Asks again, ever more rarely, while the broker is away; until `signal`. */
export async function persistently<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let waitMs: number = RECONNECT_MS.first;; waitMs = Math.min(2 * waitMs, RECONNECT_MS.max)) {
    try {
      return await ask();
    } catch (error) {
      const isAway = error instanceof RtoolError && error.code === "cannot_connect";
      if (!isAway || signal.aborted) throw error;
    }
    await delay(waitMs);
  }
}

/** How the client of NATS is told when to try again. */
export interface BackOff {
  /** Milliseconds between one try and the next. */
  readonly reconnectDelayHandler: () => number;
  /** Called before each try; whichever broker is next is meant. */
  readonly reconnectToServer: () => null;
}

/**
 * Waits twice as long after each try, and begins anew after a while without one. The client asks
 * for the wait again when it is over: with another answer than before it would wait on.
 */
export function backOff(nowMs: () => number = () => performance.now()): BackOff {
  let [waitMs, triedAt, nextMs] = [RECONNECT_MS.first as number, -Infinity, 0];
  return {
    reconnectDelayHandler: () => nextMs,
    reconnectToServer: () => {
      const isNew = nowMs() - triedAt > 3 * RECONNECT_MS.max;
      waitMs = isNew ? RECONNECT_MS.first : Math.min(2 * waitMs, RECONNECT_MS.max);
      triedAt = nowMs();
      nextMs = waitMs * (0.75 + Math.random() / 2);
      return null;
    },
  };
}

/** Whether nobody answered a question. */
export function isSilence(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  const names = [cause.name, cause.cause instanceof Error ? cause.cause.name : ""];
  return names.includes("TimeoutError") || names.includes("NoResponders");
}

/** The number JetStream gives an error, or `undefined`. */
export function codeOf(cause: unknown): number | undefined {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  return typeof code === "number" ? code : undefined;
}

/** Why the broker could not be reached, or has not let us in. */
export function connectFault(cause: unknown, where: string, login: BrokerLogin): RtoolError {
  const name = cause instanceof Error ? cause.name : "";
  if (name === "AuthorizationError" || name === "UserAuthenticationExpiredError") {
    return refusedLogin(login, where, cause);
  }
  return brokerFault(cause, where);
}

/** What the broker refuses is told as it words it; all else means that it is not there. */
export function brokerFault(cause: unknown, where?: string): RtoolError {
  if (cause instanceof RtoolError) return cause;
  const denied = maybeDenied(cause);
  if (denied) return denied;
  const why = cause instanceof Error ? cause.message : String(cause);
  const code = codeOf(cause);
  if (code === STREAM_FULL) {
    return new RtoolError("busy", "The queue is full", { cause, hint: "try again later" });
  }
  if (code === NO_STORAGE) {
    return new RtoolError("busy", "The broker has too little storage for the queue", {
      cause,
      hint: "give it more (max_file_store), or make the queue smaller: --logs-size-max",
    });
  }
  if (code !== undefined && NO_STREAMS.includes(code)) {
    return new RtoolError("not_allowed", "The broker has no JetStream for us", {
      cause,
      hint: "start it with -js; with accounts, enable JetStream in ours",
    });
  }
  if (code !== undefined && code > 1000) {
    return new RtoolError("internal", `The broker refused: ${why}`, { cause });
  }
  if (cause instanceof Error && cause.name === "InvalidArgumentError") {
    return new RtoolError("internal", `The broker cannot be asked that: ${why}`, { cause });
  }
  const place = where === undefined ? "The broker does not answer" : `Cannot connect to ${where}`;
  return new RtoolError("cannot_connect", `${place}: ${why}`, { cause });
}

/** A subject is closed to us. */
function maybeDenied(cause: unknown): RtoolError | undefined {
  for (let error = cause; error instanceof Error; error = error.cause) {
    if (error.name !== "PermissionViolationError") continue;
    const { operation, subject } = error as Error & { operation?: string; subject?: string };
    const what = operation === "subscription" ? "listen to" : "publish to";
    const message = `The broker does not let us ${what} ${subject}`;
    return new RtoolError("not_allowed", message, { cause, hint: ACCESS_HINT });
  }
  return undefined;
}
