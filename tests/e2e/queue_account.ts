/**
 * The account of the jobs that a test has sent: which of them ended how, as those say who follow
 * them, and as the broker's streams say; and how often each was run.
 */

import { assertEquals } from "@std/assert";
import { deadJobs } from "../../cluster/dead_jobs.ts";
import { JobLog } from "../../cluster/job_log.ts";
import { toRtoolError } from "../../core/errors.ts";
import type { JobId } from "../../core/job.ts";
import { outcomeOf, type Outcomes, type TestQueue } from "./queue_load.ts";

/** A job that was taken. */
export interface Sent {
  readonly id: JobId;
  /** What it writes into the file of runs, once each time it is run. */
  readonly mark: string;
  readonly end: Promise<Outcomes>;
}

/** `sent` is the sum of the four that follow it. */
export interface Account {
  readonly sent: number;
  readonly ok: number;
  /** Ended otherwise. */
  readonly failed: number;
  /** On the dead list. */
  readonly dead: number;
  readonly pending: number;
  /** Runs beyond the first of each job. */
  readonly duplicates: number;
}

/** The ids of jobs by what became of them. */
interface Sets {
  readonly ok: ReadonlySet<JobId>;
  readonly failed: ReadonlySet<JobId>;
  readonly dead: ReadonlySet<JobId>;
  readonly pending: ReadonlySet<JobId>;
}

/** Acknowledgements come behind ends, and lost ones only with the next delivery. */
const SETTLE_MS = 60_000;

/** Logs looked at together. */
const ABREAST = 64;

/** All that is sent through one queue. */
export class Ledger {
  /** Each run of a job adds a line to it. */
  readonly runsFile: string;
  readonly #queue: TestQueue;
  readonly #sent = new Map<JobId, Sent>();
  readonly #told = new Map<JobId, Outcomes>();
  readonly #ends = new Map<JobId, string>();
  /** Marks of what was refused, which must never run. */
  readonly #refused: string[] = [];
  /** Jobs of which the client was told that they may run. */
  readonly #unsure = new Set<JobId>();
  #marks = 0;

  constructor(queue: TestQueue, dir: string) {
    this.#queue = queue;
    this.runsFile = `${dir}/runs`;
  }

  /** Sends a job; throws when it is not taken. */
  async send(code: string, more: { readonly atMostOnce?: boolean } = {}): Promise<Sent> {
    const marked = this.marked(code);
    try {
      const job = await this.#queue.submit(marked.code, more);
      return this.adopt({ id: job.id, mark: marked.mark, end: outcomeOf(job) });
    } catch (error) {
      const { code, hint } = toRtoolError(error);
      const id = /\b[0-9a-f]{32}\b/.exec(hint ?? "")?.[0];
      if (code === "connection_lost" && id !== undefined) this.#unsure.add(id);
      else this.#refused.push(marked.mark);
      throw error;
    }
  }

  /** Code that notes its runs, to be sent by another program. */
  marked(code: string): { readonly mark: string; readonly code: string } {
    const mark = `job-${this.#marks++}`;
    const marking = `cat("${mark}\\n", file = "${this.runsFile}", append = TRUE)`;
    return { mark, code: `${marking}\n${code}` };
  }

  /** Takes a job into the account that was sent. */
  adopt(sent: Sent): Sent {
    // What it throws is thrown where it is read.
    void sent.end.then((told) => this.#told.set(sent.id, told), () => {});
    this.#sent.set(sent.id, sent);
    return sent;
  }

  /** Sends a job for each code, again while they are not taken; resolves when all have ended. */
  async storm(codes: readonly string[]): Promise<readonly Outcomes[]> {
    const sent: Sent[] = [];
    for (const code of codes) sent.push(await this.#persistently(code));
    return await Promise.all(sent.map(({ end }) => end));
  }

  /** How many runs there have been until now. */
  async runs(): Promise<number> {
    return (await this.#marksRun()).length;
  }

  /**
   * Waits until the broker and whoever follows the jobs say the same, and counts. Fails with the
   * ids about which they do not agree.
   */
  async account(): Promise<Account> {
    const patience = performance.now() + SETTLE_MS;
    for (;;) {
      const sets = await this.#sets();
      const faults = [...await this.#disagreements(sets), ...await this.#wrongRuns(sets)];
      if (faults.length === 0) return await this.#count(sets);
      if (performance.now() > patience) assertEquals(faults, []);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async #persistently(code: string): Promise<Sent> {
    for (;;) {
      try {
        return await this.send(code);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 200)); // The broker is away.
      }
    }
  }

  /** What the logs and the dead list say of all that was sent. */
  async #sets(): Promise<Sets> {
    await this.#readEnds();
    const dead = new Set<JobId>();
    for await (const { id } of deadJobs(this.#queue.client.queue)) dead.add(id);
    const ids = [...this.#sent.keys()];
    const ended = (isSo: (end: string) => boolean) => {
      return new Set(ids.filter((id) => !dead.has(id) && isSo(this.#ends.get(id) ?? "")));
    };
    return {
      ok: ended((end) => end === "ok"),
      failed: ended((end) => end !== "ok" && end !== ""),
      dead,
      pending: ended((end) => end === ""),
    };
  }

  async #readEnds(): Promise<void> {
    const { queue } = this.#queue.client;
    const open = [...this.#sent.keys()].filter((id) => !this.#ends.has(id));
    for (let at = 0; at < open.length; at += ABREAST) {
      await Promise.all(
        open.slice(at, at + ABREAST).map(async (id) => {
          const last = await new JobLog(queue, "*", id).maybeLast();
          if (last?.entry.end !== undefined) this.#ends.set(id, last.entry.end);
        }),
      );
    }
  }

  async #disagreements({ dead, pending }: Sets): Promise<string[]> {
    const faults: string[] = [];
    const waiting = await this.#subjects("jobs", "job.>");
    const logs = await this.#subjects("events", "event.>");
    const expect = (isSo: boolean, id: JobId, what: string) => {
      if (!isSo) faults.push(`${id}: ${what}`);
    };
    for (const [id] of this.#sent) {
      const told = this.#told.get(id)?.kind ?? "";
      const end = this.#ends.get(id) ?? "";
      expect(told === end, id, `was told as '${told}', and is kept as '${end}'`);
      expect(logs.has(id), id, "was taken and has no log");
      expect(waiting.has(id) === pending.has(id), id, `'${end}', and its message says otherwise`);
    }
    for (const id of dead) expect(this.#ends.get(id) === "lost", id, "is dead and not lost");
    const known = (id: JobId) => this.#sent.has(id) || this.#unsure.has(id);
    for (const [id] of waiting) expect(known(id), id, "waits, and nobody was told of it");
    return faults;
  }

  /** What was never taken has not run; what is ok has. */
  async #wrongRuns({ ok }: Sets): Promise<string[]> {
    const marks = new Set(await this.#marksRun());
    const unrun = [...ok].filter((id) => !marks.has(this.#sent.get(id)!.mark));
    return [
      ...unrun.map((id) => `${id}: ok, and never run`),
      ...this.#refused.filter((mark) => marks.has(mark)).map((mark) => `${mark}: refused, and run`),
    ];
  }

  async #count(sets: Sets): Promise<Account> {
    const { ok, failed, dead, pending } = sets;
    const marks = await this.#marksRun();
    const sent = this.#sent.size;
    assertEquals(sent, ok.size + failed.size + dead.size + pending.size);
    return {
      sent,
      ok: ok.size,
      failed: failed.size,
      dead: dead.size,
      pending: pending.size,
      duplicates: marks.length - new Set(marks).size,
    };
  }

  async #marksRun(): Promise<string[]> {
    const text = await Deno.readTextFile(this.runsFile).catch(() => "");
    return text.split("\n").slice(0, -1);
  }

  /** The jobs that a stream has messages of, by their ids, and their owners. */
  async #subjects(stream: "jobs" | "events", subjects: string): Promise<Map<JobId, string>> {
    const { broker, names } = this.#queue.client.queue;
    const found = await broker.subjects(names[stream], `${names.prefix}.${subjects}`);
    return new Map(
      Object.keys(found).map((subject) => {
        const [owner = "", id = ""] = subject.split(".").slice(-2);
        return [id, owner];
      }),
    );
  }
}

/** Tells what a test found. */
export function tell(what: string, counts: object): void {
  const told = Object.entries(counts).map(([name, n]) => `${name} ${n}`).join(", ");
  console.log(`${what}: ${told}`);
}
