/**
 * One job of a map: its value as JSON, its output to whoever wants it, and how far it came.
 */

import type { ClientEvent, ClientJob } from "../client_stream.ts";
import { concat } from "../core/bytes.ts";
import { RtoolError, toRtoolError } from "../core/errors.ts";
import type { Outcome } from "../core/job.ts";
import { sizeText } from "../core/units.ts";
import { type Audience, follow } from "./follow.ts";
import type { ItemSink } from "./item_sink.ts";
import type { Prints } from "./map_prints.ts";
import { ValueSink } from "./value_sink.ts";

/** Most bytes of an item's value, as R serializes it: many are held at once. */
export const VALUE_BYTES_MAX = 16 << 20;

/** How values become JSON. */
export interface JsonShape {
  readonly unbox: boolean;
  readonly frames: "rows" | "columns";
}

/** How a job ended. */
export interface JobEnd {
  readonly outcome: Outcome;
  /** Whether R had the code: then nobody may run it again unasked. */
  readonly hasStarted: boolean;
  /** Whether the connection ended before the job did. */
  readonly isCut: boolean;
  /** The value as JSON, on one line. */
  readonly json: Uint8Array | undefined;
  /** Why there is no value. */
  readonly problem: string | undefined;
}

/** Follows a job to its end; aborting `signal` cancels it. */
export async function followJob(
  job: ClientJob,
  shape: JsonShape,
  prints: Prints,
  signal: AbortSignal,
): Promise<JobEnd> {
  let hasStarted = false;
  const note = ({ kind }: ClientEvent) => hasStarted ||= kind === "started";
  const value = new JsonValue(shape);
  const cancel = () => job.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  if (signal.aborted) cancel();
  try {
    const events = noting(job.events, note);
    const { outcome } = await follow({ events, cancel }, audienceOf(prints, value));
    return { outcome, hasStarted, isCut: false, json: value.json, problem: value.problem };
  } catch (error) {
    if (!(error instanceof RtoolError)) throw error;
    const outcome: Outcome = { kind: "lost", message: error.message };
    return { outcome, hasStarted, isCut: true, json: undefined, problem: undefined };
  } finally {
    signal.removeEventListener("abort", cancel);
    await prints.end();
  }
}

async function* noting(
  events: AsyncIterable<ClientEvent>,
  note: (event: ClientEvent) => void,
): AsyncGenerator<ClientEvent> {
  for await (const event of events) {
    note(event);
    yield event;
  }
}

function audienceOf(prints: Prints, items: ItemSink): Audience {
  return {
    stdout: prints.stdout,
    stderr: prints.stderr,
    document: undefined,
    lines: undefined,
    script: undefined,
    waiting: undefined,
    quiet: true,
    items,
    say: () => {},
  };
}

/** Takes a value and makes one line of JSON of it. What fails is told, never thrown. */
class JsonValue implements ItemSink {
  json: Uint8Array | undefined;
  problem: string | undefined = NO_VALUE;
  readonly #sink: ValueSink;
  readonly #written: Uint8Array[] = [];
  #bytes = 0;

  constructor(shape: JsonShape) {
    this.#sink = new ValueSink({ format: "json", ...shape }, () => ({
      write: (bytes) => void this.#written.push(bytes),
      commit: () => {},
      abandon: () => {},
    }));
  }

  /** The first value may have come from a host that was lost: only this one counts. */
  begin(): void {
    this.#written.length = 0;
    this.#bytes = 0;
    this.json = undefined;
    this.problem = NO_VALUE;
    this.#sink.begin();
  }

  async take(bytes: Uint8Array): Promise<void> {
    this.#bytes += bytes.length;
    if (this.#bytes <= VALUE_BYTES_MAX) await this.#sink.take(bytes);
  }

  async end(problem: string | undefined): Promise<void> {
    try {
      await this.#sink.end(this.#isTooBig ? TOO_BIG : problem);
      this.json = concat(this.#written).subarray(0, -1); // Without its line end.
      this.problem = undefined;
    } catch (error) {
      this.problem = toRtoolError(error).message;
    }
  }

  get #isTooBig(): boolean {
    return this.#bytes > VALUE_BYTES_MAX;
  }
}

const NO_VALUE = "the job handed over no value";
const TOO_BIG = `it has more than ${sizeText(VALUE_BYTES_MAX)}`;
