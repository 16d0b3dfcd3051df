/**
 * Which sessions there are, whose they are, and how they are found.
 *
 * Must not know what runs in them.
 */

import { RtoolError } from "../core/errors.ts";
import type { JobRequest, Principal } from "../core/job.ts";
import { Session } from "./session.ts";
import type { SessionOwner } from "./session_types.ts";

/** Bounds of sessions. */
export interface DirectoryOptions {
  /** Sessions that may have an R. @default {64} */
  readonly sessionsMax: number;
  /** How long a session may be unused before its R ends, in milliseconds. @default {1 h} */
  readonly sessionIdleMs: number;
}

/** How many jobs that were sent from jobs are followed. */
const DEPTH_MAX = 64;

/** Every session of one server. */
export class Directory {
  readonly #house: SessionOwner;
  #options: DirectoryOptions;
  readonly #sessions = new Map<string, Session>();
  readonly #ending = new Set<Promise<void>>();

  constructor(house: SessionOwner, options: DirectoryOptions) {
    this.#house = house;
    this.#options = options;
  }

  get all(): IterableIterator<Session> {
    return this.#sessions.values();
  }

  reconfigure(options: DirectoryOptions): void {
    this.#options = options;
  }

  /** The principal's session of this name, made when there is none; without a name a new one. */
  obtain(principal: Principal, name: string | undefined): Session {
    const key = keyOf(principal, name ?? crypto.randomUUID());
    const known = this.#sessions.get(key);
    if (known) return known;
    if (this.#sessions.size >= this.#options.sessionsMax) this.#forgetEmpty();
    // One for a single job waits with it: the queue is its bound.
    if (this.#sessions.size >= this.#options.sessionsMax && name !== undefined) {
      throw new RtoolError(
        "too_many_sessions",
        `Cannot make the session '${name}': ${this.#sessions.size} sessions are open`,
        { hint: "end one with: rtool sessions kill NAME; or raise sessions_max" },
      );
    }
    const { name: owner, profile } = principal;
    const idleMs = this.#options.sessionIdleMs;
    const options = { name, owner, profile: profile.name, idleMs };
    const session: Session = new Session(options, this.#house, (ending) => {
      this.#ending.add(ending);
      void ending.finally(() => this.#ending.delete(ending));
      // Forgotten meanwhile, its name may be a new session's.
      if (this.#sessions.get(key) === session) this.#sessions.delete(key);
    });
    this.#sessions.set(key, session);
    return session;
  }

  /** By name among the principal's own, or by id; throws `unknown_session`. */
  find(principal: Principal, name: string): Session {
    const own = this.#sessions.get(keyOf(principal, name));
    const found = own ?? [...this.#sessions.values()].find(({ id, owner }) => {
      return id === name && (principal.local || owner === principal.name);
    });
    if (found) return found;
    throw new RtoolError("unknown_session", `There is no session '${name}'`, {
      hint: "see: rtool sessions",
    });
  }

  /** A job that waits for the job it was sent from would wait for ever. */
  refuseDeadlock(principal: Principal, request: JobRequest): void {
    if (request.session === undefined) return;
    const wanted = this.#sessions.get(keyOf(principal, request.session));
    let within = request.within;
    for (let depth = 0; within !== undefined && depth < DEPTH_MAX; depth++) {
      const id = within;
      const session = [...this.#sessions.values()].find((each) => each.workerId === id);
      if (!session?.current) return;
      if (session === wanted) {
        throw new RtoolError(
          "deadlock",
          `Session '${request.session}' runs the job this one was sent from: ` +
            "it would wait for ever",
          { hint: "name another session with --session" },
        );
      }
      within = session.current.request.within;
    }
  }

  /** Ends every session. */
  async [Symbol.asyncDispose](): Promise<void> {
    const all = Array.from(this.all, (session) => session[Symbol.asyncDispose]());
    await Promise.all([...all, ...this.#ending]);
  }

  /** Sessions whose R has ended are only kept to tell the next job so. */
  #forgetEmpty(): void {
    for (const [key, session] of this.#sessions) {
      if (!session.empty) continue;
      session.forget();
      this.#sessions.delete(key);
    }
  }
}

/**
 * Who comes under a name that had another profile, or may only call now, finds nothing of what was
 * done there before.
 */
function keyOf({ name: owner, profile }: Principal, name: string): string {
  return `${owner}\n${profile.name}\n${profile.grant}\n${name}`;
}
