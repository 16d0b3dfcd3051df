/**
 * What a map is to do, by its options: the script, the jobs of its items, where results go.
 */

import { RtoolError } from "../core/errors.ts";
import { bareRequest, type JobRequest, type QueueRequest } from "../core/job.ts";
import { maybeMachineId } from "../core/machine.ts";
import type { Options } from "../core/options.ts";
import { gather, type Piece, readDataPieces, valuePiece } from "./brought.ts";
import type { Context } from "./context.ts";
import { type MapInput, type MapItem, openInput } from "./map_input.ts";
import type { JsonShape } from "./map_job.ts";
import { QUEUED_AT_ONCE } from "./map_queue.ts";
import { digestOf } from "./map_result.ts";
import type { ItemJob } from "./map_run.ts";
import { readQueue } from "./queued.ts";
import { readEnvironment, readLimits } from "./send.ts";
import { readSource } from "./source.ts";

/** The name each job has its item under. */
export const ITEM_NAME = ".item";

/** Most items at once: a connection may have as many jobs open, unless its server says less. */
export const JOBS_AT_ONCE_MAX = 256;

/** One map. */
export interface MapPlan {
  readonly input: MapInput;
  /** The job of an item. */
  readonly build: (item: MapItem) => Promise<ItemJob>;
  /** Digest of the script, and of all that is the same for every item and may change its value. */
  readonly digest: string;
  readonly shape: JsonShape;
  /** The queue the items go to, or `undefined` when the server itself runs them. */
  readonly queue: QueueRequest | undefined;
  /** Items at once, where that is asked for. */
  readonly atOnce: number | undefined;
  readonly retries: number;
  /** The file of results. */
  readonly out: string | undefined;
}

/** Reads and checks everything but the items. */
export async function readPlan(context: Context): Promise<MapPlan> {
  const { options } = context;
  const over = options.maybeText("over");
  if (over === undefined) {
    throw new RtoolError(
      "usage",
      "Over what? --over names a file of lines of JSON, or - for stdin",
      {
        hint: "for instance: seq 10 | rtool map -e '.item^2' --over -",
      },
    );
  }
  checkChoices(options);
  const [request, pieces] = [await readRequest(context, over), await readDataPieces(options)];
  if (pieces.some(({ target }) => target.kind === "data" && target.name === ITEM_NAME)) {
    throw new RtoolError("usage", `Cannot set ${ITEM_NAME}: each job has its item under that name`);
  }
  const shape: JsonShape = {
    unbox: options.flag("unbox"),
    frames: options.text("frames") === "columns" ? "columns" : "rows",
  };
  return {
    input: openInput(over),
    build: (item) => buildJob(request, pieces, item),
    digest: await digestPlan(request, pieces, shape),
    shape,
    queue: request.queue,
    atOnce: readAtOnce(options) ?? (request.queue && QUEUED_AT_ONCE),
    retries: options.maybeText("retry") === undefined ? 0 : options.integer("retry"),
    out: options.maybeText("out"),
  };
}

function checkChoices(options: Options): void {
  const needs = [["resume", "out"], ["failed", "resume"]] as const;
  for (const [name, needed] of needs) {
    if (options.flag(name) && options.maybeText(needed) === undefined) {
      const dashes = needed === "out" ? "-o FILE" : `--${needed}`;
      throw new RtoolError("usage", `--${name} needs ${dashes}`, {
        hint: "a map that can be gone on with has its results in a file",
      });
    }
  }
}

function readAtOnce(options: Options): number | undefined {
  if (options.maybeText("jobs-at-once") === undefined) return undefined;
  const atOnce = options.integer("jobs-at-once");
  if (atOnce <= JOBS_AT_ONCE_MAX) return atOnce;
  throw new RtoolError("usage", `Cannot run ${atOnce} jobs at once: at most ${JOBS_AT_ONCE_MAX}`);
}

/** The job of every item, but for the item. */
async function readRequest(context: Context, over: string): Promise<JobRequest> {
  const { options, operands, env } = context;
  const hasName = options.maybeText("script") !== undefined || operands.length > 0;
  if (!hasName && options.list("eval").length === 0) {
    throw new RtoolError("usage", "Which script?", { hint: "name a file, or give code: -e EXPR" });
  }
  const source = await readSource(context);
  if (!source || (over === "-" && !source.stdinIsFree)) {
    throw new RtoolError("usage", "stdin cannot be both the script and the items");
  }
  return {
    ...bareRequest(source.code, undefined),
    queue: readQueue(options),
    args: source.args,
    cwd: Deno.cwd(),
    machine: maybeMachineId(),
    env: readEnvironment(options.list("env"), env),
    timeoutMs: options.maybeMs("timeout"),
    limits: readLimits(options),
    within: env("RTOOL_WORKER"),
    wants: { value: true, plots: [], files: [] },
  };
}

async function buildJob(
  request: JobRequest,
  pieces: readonly Piece[],
  { value }: MapItem,
): Promise<ItemJob> {
  const item = await valuePiece({ kind: "data", name: ITEM_NAME }, value);
  const { uploads, contents } = gather([...pieces, item]);
  if (!contents) throw new RtoolError("internal", "An item has no bytes");
  return { request: { ...request, uploads }, contents };
}

async function digestPlan(
  { code, args, env }: JobRequest,
  pieces: readonly Piece[],
  shape: JsonShape,
): Promise<string> {
  const parts: (string | Uint8Array)[] = [code, JSON.stringify([args, env, shape])];
  for (const { target, read } of pieces) {
    parts.push(JSON.stringify(target));
    for await (const bytes of read()) parts.push(bytes);
  }
  return digestOf(parts);
}
