/**
 * Which requirements jobs have: whoever sends a job with some says so, and whoever can run it
 * answers; what was not heard is found among the jobs that wait.
 */

import { RtoolError } from "../core/errors.ts";
import { type HostCapacity, maybeRequirements, satisfies } from "./requirements.ts";
import type { Queue } from "./queue.ts";

/** A host that can run such jobs answers within this, in milliseconds. */
const ANSWER_MS = 1_000;

/** What was answered holds so long for other jobs of the same requirements, in milliseconds. */
const HOLDS_MS = 5_000;

/** Answers that are remembered. */
const ANSWERS_MAX = 1_000;

/** Says what jobs require, and hears whether a host has it. */
export class Announcer {
  readonly #queue: Queue;
  readonly #answers = new Map<string, { readonly at: number; readonly found: Promise<boolean> }>();

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /** Whether a host takes jobs of these requirements; from now on, if it had none before. */
  hasHost(token: string): Promise<boolean> {
    const known = this.#answers.get(token);
    const now = performance.now();
    if (known && now - known.at < HOLDS_MS) return known.found;
    if (this.#answers.size >= ANSWERS_MAX) this.#answers.clear();
    const found = this.#ask(token);
    this.#answers.set(token, { at: now, found });
    return found;
  }

  /** The job is in the queue or not, whatever becomes of the question. */
  async #ask(token: string): Promise<boolean> {
    const { broker } = this.#queue;
    try {
      return await broker.ask(wantedSubject(this.#queue), token, ANSWER_MS) !== undefined;
    } catch (error) {
      if (error instanceof RtoolError) return true; // The broker is away: nobody knows.
      throw error;
    }
  }
}

/**
 * Answers, until it is disposed, whoever asks for a host that can run such jobs: when `serve` has
 * seen to it that they are taken here, with this name.
 */
export function answerWanted(
  queue: Queue,
  host: string,
  serve: (token: string) => Promise<boolean>,
): Disposable {
  return queue.broker.listen(wantedSubject(queue), (question) => {
    const answering = serve(question.string()).then((isServed) => {
      if (isServed) question.respond(host);
    });
    answering.catch(() => {}); // The broker is away: the jobs that wait are looked at later.
  });
}

/** Whether a host can run the jobs of a token; those of a token that means nothing, none can. */
export function canServe(host: HostCapacity, token: string): boolean {
  const requirements = maybeRequirements(token);
  return requirements !== undefined && satisfies(host, requirements);
}

/** How many jobs there are of each token, beside those that require nothing. */
export async function pendingTokens({ broker, names }: Queue): Promise<Map<string, number>> {
  const prefix = `${names.prefix}.job.need.`;
  const subjects = await broker.subjects(names.jobs, `${prefix}*.*.*`);
  const counts = new Map<string, number>();
  for (const [subject, jobs] of Object.entries(subjects)) {
    const token = subject.slice(prefix.length).split(".", 1)[0]!;
    counts.set(token, (counts.get(token) ?? 0) + jobs);
  }
  return counts;
}

function wantedSubject({ names }: Queue): string {
  return `${names.prefix}.wanted`;
}
