/**
 * A queue as what a map's items go to: straight at its broker, or through a server; and the name
 * under which their jobs are found again.
 */

import type { ClientEvent } from "../client_stream.ts";
import { type ErrorCode, toRtoolError } from "../core/errors.ts";
import { EMPTY_RECEIPT } from "../core/job.ts";
import { connect } from "./connection.ts";
import type { Context } from "./context.ts";
import { fileFault } from "./local_file.ts";
import type { MapPlace } from "./map_server.ts";

/** Items in a queue at once, where nothing else is asked for: those that wait cost little. */
export const QUEUED_AT_ONCE = 64;

/** What another connection may mend. */
const BROKEN = new Set<ErrorCode>(["cannot_connect", "connection_lost"]);

/** Connects to the broker that --nats names, or else to the server. */
export async function connectToPlace(context: Context): Promise<MapPlace> {
  if (context.options.list("nats").length === 0) return await connect(context);
  const { QueueConnection } = await import("./queue_connection.ts");
  const queue = await QueueConnection.connect(context);
  return {
    hello: Promise.resolve(),
    report: () => queue.report(),
    submit: (request, contents) => {
      const job = queue.submit(request, contents);
      return { events: withRefusal(job.events), cancel: () => job.cancel() };
    },
    [Symbol.asyncDispose]: () => queue[Symbol.asyncDispose](),
  };
}

/** What the queue refuses is the job's end, as a server tells it. */
async function* withRefusal(events: AsyncIterable<ClientEvent>): AsyncGenerator<ClientEvent> {
  try {
    yield* events;
  } catch (error) {
    const { code, message } = toRtoolError(error);
    if (BROKEN.has(code)) throw error;
    yield { kind: "end", outcome: { kind: "rejected", code, message }, receipt: EMPTY_RECEIPT };
  }
}

/**
 * The name of a map's jobs in a queue. With a file of results it stands in a file beside that until
 * the map has ended in order: a map that was killed is gone on with under the same name.
 */
export class MapName {
  readonly text: string;
  /** How many earlier runs had it. */
  readonly runsBefore: number;
  readonly #path: string | undefined;

  private constructor(text: string, runsBefore: number, path: string | undefined) {
    this.text = text;
    this.runsBefore = runsBefore;
    this.#path = path;
  }

  /** The name for results in `out`; the one that is there only if the map may go on with it. */
  static open(out: string | undefined, mayInherit: boolean): MapName {
    const text = crypto.randomUUID();
    if (out === undefined) return new MapName(text, 0, undefined);
    const path = `${out}.run`;
    const known = mayInherit ? maybeName(path) : undefined;
    try {
      // A line for each run.
      if (known) Deno.writeTextFileSync(path, `${known.text}\n`, { append: true });
      else Deno.writeTextFileSync(path, `${text}\n`);
    } catch (cause) {
      throw fileFault("unwritable_output", `Cannot write ${path}`, cause);
    }
    return new MapName(known?.text ?? text, known?.runs ?? 0, path);
  }

  /** The key of an item's job; `what` tells what it is from what it was in an earlier run. */
  keyOf(index: number, attempt: number, what: string): string {
    return `map:${this.text}:${index}:${attempt}:${what}`;
  }

  /** No job is left in the queue. */
  forget(): void {
    if (this.#path === undefined) return;
    try {
      Deno.removeSync(this.#path);
    } catch {
      // Whoever removed it wanted it gone.
    }
  }
}

/** The name in a file, and how many runs have written it there. */
function maybeName(path: string): { text: string; runs: number } | undefined {
  try {
    const names = Deno.readTextFileSync(path).match(/^[0-9a-f-]{36}$/mg);
    return names?.[0] === undefined ? undefined : { text: names[0], runs: names.length };
  } catch {
    return undefined;
  }
}
