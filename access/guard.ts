/**
 * The one Evaluator that authorises and clamps. Doors are given this one and nothing else.
 *
 * Who may come in at all is decided per connection by {@linkcode identify}.
 */

import { RtoolError } from "../core/errors.ts";
import type { Evaluator, Job, JobRequest, Principal } from "../core/job.ts";
import { maybeMachineId } from "../core/machine.ts";
import { type Ends, isLoopback, maybePeerUid } from "./peer.ts";

/** What the server allows. */
export interface GuardOptions {
  /** Accept any peer, also of other users and other machines. @default {false} */
  readonly insecure: boolean;
  /** Most bytes of code in one job. @default {16 MiB} */
  readonly codeMax: number;
}

/** Session names are shown, logged and typed: plain characters only. */
const SESSION_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Says who the peer is, or refuses it with `not_allowed`. */
export function identify(ends: Ends, options: GuardOptions): Principal {
  const uid = isLoopback(ends.remote.hostname) ? maybePeerUid(ends) : undefined;
  const own = Deno.uid();
  if (uid !== undefined && uid === own) return { name: `uid-${uid}`, local: true };
  if (options.insecure) return { name: "anyone", local: false };
  const reason = uid === undefined ? "Cannot tell which user you are" : `You are user ${uid}`;
  throw new RtoolError(
    "not_allowed",
    `${reason}; this server only serves its own user (${own}) on this machine`,
  );
}

/** Wraps an engine so that every request is authorised and within bounds. */
export function createGuard(engine: Evaluator, options: GuardOptions): Evaluator {
  return {
    submit: (principal: Principal, request: JobRequest, signal: AbortSignal): Promise<Job> =>
      Promise.resolve().then(() => {
        check(request, options);
        const cwd = principal.local && isHere(request) ? request.cwd : undefined;
        return engine.submit(principal, { ...request, cwd }, signal);
      }),
  };
}

/** A client behind a tunnel looks local, but its directories are on another machine. */
function isHere({ machine }: JobRequest): boolean {
  return machine === undefined || machine === maybeMachineId();
}

function check(request: JobRequest, options: GuardOptions): void {
  if (!SESSION_NAME.test(request.session)) {
    throw new RtoolError(
      "bad_request",
      `Cannot use the session name ${JSON.stringify(request.session.slice(0, 80))}: ` +
        "a name is 1 to 64 letters, digits, '.', '_' or '-'",
    );
  }
  if (request.code.length > options.codeMax) {
    throw new RtoolError(
      "code_too_big",
      `The code has ${request.code.length} characters; the most is ${options.codeMax}`,
    );
  }
  if (request.code.includes("\0")) {
    throw new RtoolError("bad_request", "The code holds a NUL character, which R cannot read");
  }
  for (const name of Object.keys(request.env)) {
    if (!VARIABLE_NAME.test(name)) {
      const shown = JSON.stringify(name.slice(0, 80));
      throw new RtoolError("bad_request", `Cannot set the environment variable ${shown}`);
    }
  }
}
