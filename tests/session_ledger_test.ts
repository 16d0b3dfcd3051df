/**
 * Which sessions a host owns, and that it ends what is another's by now.
 */

import { assertEquals } from "@std/assert";
import { type Records, SessionLedger } from "../cluster/session_ledger.ts";
import type { KeptRecord, SessionPlace, SessionRecord } from "../cluster/session_register.ts";
import type { Principal } from "../core/job.ts";
import { OWNER } from "../core/profile.ts";
import type { SessionReport } from "../core/report.ts";
import { REPORT } from "./fake_port.ts";

const ANN: Principal = { name: "ann", local: false, profile: OWNER };
const SELF = { host: "here", token: "mine", leaseMs: 1000 };
const OTHER = { host: "there", token: "theirs", leaseMs: 1000 };
const PLACE: SessionPlace = { owner: "0a", name: "s" };

/** One record at a time, in memory. */
class Kept implements Records {
  record: KeptRecord | undefined;
  #seq = 0;

  put(holder: typeof SELF, was = "", gone = false): void {
    this.record = { ...holder, was, gone, seq: ++this.#seq, epoch: `${this.#seq}` };
  }

  maybeRecord(): Promise<KeptRecord | undefined> {
    return Promise.resolve(this.record);
  }

  write(_: SessionPlace, after: number, record: SessionRecord): Promise<number | undefined> {
    if ((this.record?.seq ?? 0) !== after) return Promise.resolve(undefined);
    this.record = { ...record, seq: ++this.#seq };
    return Promise.resolve(this.#seq);
  }

  remove(seq: number): Promise<void> {
    if (this.record?.seq === seq) this.record = undefined;
    return Promise.resolve();
  }

  async markGone(place: SessionPlace, token: string): Promise<void> {
    if (this.record?.token !== token) return;
    await this.write(place, this.record.seq, { ...this.record, gone: true });
  }
}

/** A ledger, what is kept, the sessions that are there, and what was done to them. */
function makeLedger(unusedMs = 0) {
  const kept = new Kept();
  const sessions: SessionReport[] = [];
  const done: string[] = [];
  const keeper = {
    report: () => Promise.resolve({ ...REPORT, sessions }),
    control: (_: Principal, command: { kind: string; session?: string }) => {
      done.push(`${command.kind} ${command.session}`);
      sessions.length = 0;
      return Promise.resolve("");
    },
  };
  const ledger = new SessionLedger(kept, keeper, SELF, unusedMs);
  const open = () => sessions.push({ ...REPORT.sessions[0]!, name: "s", principal: "ann" });
  return { ledger, kept, done, open };
}

Deno.test("a session is this host's while its record says so, and new once", async () => {
  const { ledger, kept, done } = makeLedger();
  assertEquals(await ledger.admit(PLACE, ANN), { isOurs: false });
  kept.put(OTHER);
  assertEquals(await ledger.admit(PLACE, ANN), { isOurs: false });
  kept.put(SELF, "there");
  const note = "session 's' was on there, which is gone: it begins anew";
  assertEquals(await ledger.admit(PLACE, ANN), { isOurs: true, isNew: true, note });
  assertEquals(await ledger.admit(PLACE, ANN), { isOurs: true });
  kept.put(SELF, "", true);
  assertEquals(await ledger.admit(PLACE, ANN), { isOurs: false });
  assertEquals(done, ["kill s"]);
});

Deno.test("a session this host has had at its own door goes on, and the note says so", async () => {
  const { ledger, kept, done, open } = makeLedger();
  open();
  kept.put(SELF, "there");
  const { note } = await ledger.admit(PLACE, ANN);
  assertEquals(note, "session 's' was on there, which is gone: it goes on as that of here");
  assertEquals(done, []);
});

Deno.test("a session that was another's meanwhile is ended before it is this host's again", async () => {
  const { ledger, kept, done, open } = makeLedger();
  kept.put(SELF);
  await ledger.admit(PLACE, ANN);
  open();
  kept.put(OTHER);
  kept.put(SELF, "there");
  const { note } = await ledger.admit(PLACE, ANN);
  assertEquals([done, note?.endsWith("it begins anew")], [["kill s"], true]);
});

Deno.test("renewing says again what is owned, and lets go of what has ended", async () => {
  const { ledger, kept, done, open } = makeLedger();
  kept.put(SELF);
  await ledger.admit(PLACE, ANN);
  open();
  await ledger.renew();
  assertEquals([kept.record?.seq, kept.record?.token, ledger.size], [2, "mine", 1]);
  assertEquals(await ledger.admit(PLACE, ANN), { isOurs: true });
  kept.put(OTHER);
  await ledger.renew();
  assertEquals([done, ledger.size, kept.record?.token], [["kill s"], 0, "theirs"]);
  kept.put(SELF);
  await ledger.admit(PLACE, ANN);
  await ledger.renew(); // Its R has ended by itself.
  assertEquals([ledger.size, kept.record], [0, undefined]);
});

Deno.test("a session that a job is about to begin is not let go of, nor taken for another", async () => {
  const { ledger, kept, done } = makeLedger(60_000);
  kept.put(SELF);
  await ledger.admit(PLACE, ANN);
  const renewing = ledger.renew();
  assertEquals(await ledger.admit(PLACE, ANN), { isOurs: true });
  await renewing;
  assertEquals(await ledger.admit(PLACE, ANN), { isOurs: true });
  assertEquals([done, ledger.size, kept.record?.seq], [[], 1, 2]);
});

Deno.test("a host that leaves says so of its own sessions alone", async () => {
  const { ledger, kept } = makeLedger();
  kept.put(SELF);
  await ledger.admit(PLACE, ANN);
  await ledger.leave();
  assertEquals([kept.record?.gone, ledger.size], [true, 0]);
  kept.put(SELF);
  await ledger.admit(PLACE, ANN);
  kept.put(OTHER);
  await ledger.leave();
  assertEquals(kept.record?.gone, false);
});
