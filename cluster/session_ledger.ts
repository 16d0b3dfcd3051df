/**
 * The sessions one host owns, and what becomes of them when it does no more.
 *
 * Knows the register and an Evaluator. Must not know jobs.
 */

import type { Evaluator, Principal } from "../core/job.ts";
import type {
  KeptRecord,
  SessionHolder,
  SessionPlace,
  SessionRegister,
} from "./session_register.ts";
import { OneByOne } from "./one_by_one.ts";

/** What the ledger asks of the register. */
export type Records = Pick<SessionRegister, "maybeRecord" | "write" | "remove" | "markGone">;

/** Whoever has the sessions themselves. */
export type SessionKeeper = Pick<Evaluator, "report" | "control">;

/** Whether a session is a host's. */
export interface Admission {
  readonly isOurs: boolean;
  /** It was not, until now. */
  readonly isNew?: boolean;
  /** What its first job is told, when another host had it before. */
  readonly note?: string;
}

interface Owned {
  readonly place: SessionPlace;
  readonly principal: Principal;
  readonly epoch: string;
  usedAt: number;
}

/** A session that was used so lately may not have its R yet. */
const UNUSED_MS = 60_000;

/** What a host owns. */
export class SessionLedger {
  readonly #records: Records;
  readonly #keeper: SessionKeeper;
  readonly #self: SessionHolder;
  readonly #unusedMs: number;
  readonly #owned = new Map<string, Owned>();
  readonly #turns = new OneByOne();

  constructor(
    records: Records,
    keeper: SessionKeeper,
    self: SessionHolder,
    unusedMs: number = UNUSED_MS,
  ) {
    this.#records = records;
    this.#keeper = keeper;
    this.#self = self;
    this.#unusedMs = unusedMs;
  }

  /** How many sessions there are. */
  get size(): number {
    return this.#owned.size;
  }

  /**
   * Whether the session is this host's. If it was, and another's since, its R is ended: what is in
   * it nobody has any more.
   */
  admit(place: SessionPlace, principal: Principal): Promise<Admission> {
    return this.#turns.take(keyOf(place), async () => {
      const record = await this.#review(place);
      if (!record) return { isOurs: false };
      const owned = this.#owned.get(keyOf(place));
      if (owned) {
        owned.usedAt = performance.now();
        return { isOurs: true };
      }
      const { epoch, was } = record;
      const note = was === "" ? {} : { note: await this.#beginningOf(place, principal, was) };
      this.#owned.set(keyOf(place), { place, principal, epoch, usedAt: performance.now() });
      return { isOurs: true, isNew: true, ...note };
    });
  }

  /** A session that is not this host's any more has its R ended. */
  review(place: SessionPlace): Promise<unknown> {
    return this.#turns.take(keyOf(place), () => this.#review(place));
  }

  /** Lets go of a session: its next job may be any host's. */
  letGo(place: SessionPlace): Promise<void> {
    return this.#turns.take(keyOf(place), () => this.#letGo(place));
  }

  /**
   * Says again that the sessions are this host's, lets go of those that have ended, and ends those
   * that are another's by now.
   */
  async renew(): Promise<void> {
    for (const owned of [...this.#owned.values()]) {
      await this.#turns.take(keyOf(owned.place), () => this.#renewOne(owned));
    }
  }

  /** The process leaves: every session's variables go with it. */
  async leave(): Promise<void> {
    const places = Array.from(this.#owned.values(), ({ place }) => place);
    this.#owned.clear();
    await Promise.all(places.map((place) => this.#records.markGone(place, this.#self.token)));
  }

  async #renewOne({ place, principal, usedAt }: Owned): Promise<void> {
    const record = await this.#review(place);
    if (!record) return;
    const isUnused = performance.now() - usedAt >= this.#unusedMs;
    if (isUnused && !await this.#isThere(place, principal)) return await this.#letGo(place);
    await this.#records.write(place, record.seq, record);
  }

  /** The session's record, if it still is this host's. */
  async #review(place: SessionPlace): Promise<KeptRecord | undefined> {
    const record = await this.#records.maybeRecord(place);
    const ours = record && record.token === this.#self.token && !record.gone ? record : undefined;
    const owned = this.#owned.get(keyOf(place));
    if (!owned || owned.epoch === ours?.epoch) return ours;
    this.#owned.delete(keyOf(place));
    const command = { kind: "kill", session: place.name } as const;
    await this.#keeper.control(owned.principal, command).catch(() => {}); // It has none.
    return ours;
  }

  async #letGo(place: SessionPlace): Promise<void> {
    const owned = this.#owned.get(keyOf(place));
    this.#owned.delete(keyOf(place));
    const record = await this.#records.maybeRecord(place);
    if (record && record.epoch === owned?.epoch) await this.#records.remove(record.seq);
  }

  async #isThere({ name }: SessionPlace, principal: Principal): Promise<boolean> {
    const { sessions } = await this.#keeper.report(principal);
    return sessions.some((each) => each.name === name && each.principal === principal.name);
  }

  async #beginningOf(place: SessionPlace, principal: Principal, was: string): Promise<string> {
    const gone = `session '${place.name}' was on ${was}, which is gone: it`;
    return await this.#isThere(place, principal)
      ? `${gone} goes on as that of ${this.#self.host}`
      : `${gone} begins anew`;
  }
}

function keyOf({ owner, name }: SessionPlace): string {
  return `${owner} ${name}`;
}
