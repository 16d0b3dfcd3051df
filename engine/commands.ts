/**
 * The lines the server writes to R's REPL: the other half of r/worker.R.
 *
 * User code is only ever data here, a string literal handed to `parse()`. A line of the REPL holds
 * less than 4096 bytes (R's console buffer), so longer code goes in pieces.
 */

import { BATCH_MODE, type JobMode, type JobWants, NO_WANTS } from "../core/item.ts";
import callsSource from "./r/calls.R" with { type: "text" };
import codeSource from "./r/code.R" with { type: "text" };
import conditionsSource from "./r/conditions.R" with { type: "text" };
import forkSource from "./r/fork.R" with { type: "text" };
import itemsSource from "./r/items.R" with { type: "text" };
import jobSource from "./r/job.R" with { type: "text" };
import linesSource from "./r/lines.R" with { type: "text" };
import marksSource from "./r/marks.R" with { type: "text" };
import pagesSource from "./r/pages.R" with { type: "text" };
import placesSource from "./r/places.R" with { type: "text" };
import plotsSource from "./r/plots.R" with { type: "text" };
import workerSource from "./r/worker.R" with { type: "text" };

/** The worker, without the comments: R would only have to read them. */
const SOURCE = [
  ...[workerSource, linesSource, jobSource, codeSource, placesSource, conditionsSource],
  ...[callsSource, marksSource, itemsSource, plotsSource, pagesSource, forkSource],
].join("\n").replaceAll(/^ *#.*\n/gm, "");

/** Most bytes of a line, its end included: R's CONSOLE_BUFFER_SIZE is 4096. */
export const LINE_BYTES_MAX = 4000;

/** Up to how many expressions lines are written before R has said how many there are. */
const LINES_AHEAD_MAX = 16;

/** Code of at most this many characters fits one line however it is escaped. */
const PIECE_CHARS = 600;

/** What a job sets before its code runs, and the worker takes back after it. */
export interface JobSettings {
  readonly cwd: string | undefined;
  readonly args: readonly string[] | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly width: number | undefined;
  /** R ends with this job, as Rscript does. */
  readonly last: boolean;
  readonly wants: JobWants;
  /** Images behind these need not be made. */
  readonly plotsMax: number;
  readonly mode: JobMode;
  readonly call: string | undefined;
  readonly brought: Brought;
}

/** Files that hold what came with a job. */
export interface Brought {
  /** Where they belong, below the session's directory, and where they are. */
  readonly files: Readonly<Record<string, string>>;
  /** Serialized values by the name they are to have. */
  readonly data: Readonly<Record<string, string>>;
  /** The serialized list of a call's arguments. */
  readonly args: string | undefined;
}

/** What a forked worker is told. */
export interface ForkRequest {
  /** Answered by the R that forks, with the process id. */
  readonly nonce: string;
  /** Answered by the new worker, when it is ready. */
  readonly hello: string;
  readonly id: string;
  readonly dir: string;
  /** Path before 0, 1 and 2: the ends of the pipes it is to open. */
  readonly pipes: string;
}

/** A job that sets nothing. */
export const NO_SETTINGS: JobSettings = {
  cwd: undefined,
  args: undefined,
  env: {},
  width: undefined,
  last: false,
  wants: NO_WANTS,
  plotsMax: 0,
  mode: BATCH_MODE,
  call: undefined,
  brought: { files: {}, data: {}, args: undefined },
};

/** Makes the lines for one worker; `prefix` keeps our names apart from the user's. */
export class Commands {
  readonly #prefix: string;
  readonly #pair: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
    this.#pair = `${prefix}e\n${prefix}m()\n`;
  }

  /** Lines that turn a fresh R into a worker. */
  bootstrap(nonce: string, files: { stopFile: string; holdFile: string }): string {
    const self = `${this.#prefix}self`;
    const lines = [`${self} <- new.env(parent = baseenv()); ${self}$text <- ""\n`];
    for (const piece of pieces(SOURCE)) {
      lines.push(`${self}$text <- paste0(${self}$text, ${literal(piece)})\n`);
    }
    lines.push(
      `${self}$self <- ${self}; ${self}$prefix <- ${literal(this.#prefix)}; ` +
        `${self}$worker_nonce <- ${literal(nonce)}\n`,
      `${self}$stop_file <- ${literal(files.stopFile)}; ` +
        `${self}$hold_file <- ${literal(files.holdFile)}\n`,
      `eval(parse(text = ${self}$text, keep.source = FALSE), ${self}); ` +
        `${self}$start(); rm(${self})\n`,
    );
    return lines.join("");
  }

  /** A whole job. `ahead` says that another job still runs when this is written. */
  job(nonce: string, given: string, settings: JobSettings, ahead: boolean): string {
    // R's console reads CR LF as LF, also inside strings.
    const code = given.includes("\r\n") ? given.replaceAll("\r\n", "\n") : given;
    const options = this.#settings(settings);
    const lines = expressionsAtMost(code);
    const begin = (piece: string) =>
      `${this.#prefix}b("\\036${nonce}",${lines}L,${literal(piece)}${ahead ? ",TRUE" : ""})\n`;
    if (code.length <= PIECE_CHARS) return options + begin(code) + this.#pair.repeat(lines);
    const all = pieces(code);
    const last = all.pop() ?? "";
    const text = all.map((piece) => `${this.#prefix}c(${literal(piece)})\n`).join("");
    return options + text + begin(last) + this.#pair.repeat(lines);
  }

  /** Lines for so many expressions more. */
  more(count: number): string {
    return this.#pair.repeat(count);
  }

  /** Text that does not parse, for R to say why, and the line that takes over after it. */
  tail(text: string): string {
    return `${text}\n${this.#prefix}t()\n`;
  }

  /** Leaves an open browser. */
  leaveBrowser(): string {
    return "Q\n";
  }

  /** Ends an R that is too old, in words it understands: it would fail somewhere in the middle. */
  refuseOldR(): string {
    const version = 'R.version$major, ".", R.version$minor';
    return "if (as.integer(R.version$major) < 4L) " +
      `stop("rtool needs R 4.0 or newer, this is ", ${version}, call. = FALSE)\n`;
  }

  /** Loads packages and runs scripts before there is a worker; what fails ends R. */
  preload(packages: readonly string[], scripts: readonly string[]): string {
    const loads = packages.map((name) =>
      `suppressPackageStartupMessages(library(${literal(name)}, character.only = TRUE))\n`
    );
    return [...loads, ...scripts.map((path) => `source(${longLiteral(path)})\n`)].join("");
  }

  /** Readies R to be forked; it answers with a line for each of these packages, a file of it. */
  template(nonce: string, packages: readonly string[]): string {
    return `${this.#prefix}p("${nonce}",${vector(packages)})\n`;
  }

  /** Forks a worker. R must have nothing else to read: its child would read that too. */
  fork({ nonce, hello, id, dir, pipes }: ForkRequest): string {
    const args = [nonce, hello, id, dir, pipes].map(literal).join(",");
    return `${this.#prefix}f(${args})\n`;
  }

  /** Lets go of workers that have ended; R answers as to {@linkcode Commands.sync}. */
  reap(nonce: string, pids: readonly number[]): string {
    return `${this.#prefix}w("${nonce}",${pids.map((pid) => `${pid}L`).join(",")})\n`;
  }

  /** A line R answers when it has done all before it. */
  sync(nonce: string): string {
    return `${this.#prefix}s("${nonce}")\n`;
  }

  /** Makes R empty its standard input; it answers as to {@linkcode Commands.sync}. */
  drainInput(nonce: string): string {
    return `${this.#prefix}d("${nonce}")\n`;
  }

  #settings(settings: JobSettings): string {
    const parts: string[] = [];
    if (settings.cwd !== undefined) parts.push(`cwd=${longLiteral(settings.cwd)}`);
    if (settings.width !== undefined) parts.push(`width=${settings.width}L`);
    if (settings.last) parts.push("last=TRUE");
    if (settings.args !== undefined) parts.push(`args=${vector(settings.args)}`);
    pushMap(parts, "env", settings.env);
    pushItems(parts, settings);
    // The REPL joins lines until its expression is whole; each must fit its buffer.
    if (parts.length === 0) return "";
    const line = parts.join(",");
    return `${this.#prefix}o(${literalFits(line) ? line : parts.join(",\n")})\n`;
  }
}

/** What is wanted and brought beside code and output: seldom anything. */
function pushItems(parts: string[], settings: JobSettings): void {
  const { wants, plotsMax, mode, call, brought } = settings;
  if (wants.value) parts.push("value=TRUE");
  if (wants.plots.length > 0) {
    const words = wants.plots.map(({ format, width, height, dpi }) =>
      `${format} ${width} ${height} ${dpi}`
    );
    parts.push(`plots=${vector(words)}`, `plots_max=${plotsMax}L`);
  }
  if (wants.files.length > 0) parts.push(`give=${vector(wants.files)}`);
  if (mode.echo) parts.push("echo=TRUE");
  if (mode.lines !== undefined) parts.push(`lines=${longLiteral(mode.lines)}`);
  if (mode.interactive) parts.push("ask=TRUE");
  if (mode.aside) parts.push("aside=TRUE");
  if (call !== undefined) parts.push(`call=${longLiteral(call)}`);
  pushMap(parts, "files", brought.files);
  pushMap(parts, "data", brought.data);
  if (brought.args !== undefined) parts.push(`call_args=${longLiteral(brought.args)}`);
}

/** A named character vector, unless it would be empty. */
function pushMap(parts: string[], name: string, map: Readonly<Record<string, string>>): void {
  const names = Object.keys(map);
  if (names.length === 0) return;
  const values = vector(names.map((each) => map[each]!));
  parts.push(`${name}=structure(${values},names=${vector(names)})`);
}

/** Whether R will need no more lines than {@linkcode Commands.job} writes. */
export function needsNoMoreLines(code: string): boolean {
  return code.length <= PIECE_CHARS && separators(code) < LINES_AHEAD_MAX;
}

function expressionsAtMost(code: string): number {
  return Math.min(LINES_AHEAD_MAX, separators(code) + 1);
}

/** Expressions stand between line ends and semicolons. */
function separators(code: string): number {
  let count = 0;
  for (let i = 0; i < code.length && count < LINES_AHEAD_MAX; i++) {
    const unit = code.charCodeAt(i);
    if (unit === 10 || unit === 59) count++;
  }
  return count;
}

/** A string as R source: JSON's escapes are a subset of R's, as long as there is no NUL. */
function literal(text: string): string {
  return JSON.stringify(text);
}

/** A literal that may be longer than a line. */
function longLiteral(text: string): string {
  const parts = pieces(text).map(literal);
  return parts.length < 2 ? literal(text) : `paste0(\n${parts.join(",\n")})`;
}

function vector(texts: readonly string[]): string {
  if (texts.length === 0) return "character()";
  const parts = texts.map(longLiteral);
  const line = `c(${parts.join(",")})`;
  return literalFits(line) ? line : `c(\n${parts.join(",\n")})`;
}

/** Whether text surely fits a line together with the little that stands around it. */
function literalFits(text: string): boolean {
  return text.length < LINE_BYTES_MAX / 8 && !text.includes("\n");
}

/** Cuts text so that each piece, as a literal, fits a line. */
function pieces(text: string): string[] {
  const all: string[] = [];
  for (let from = 0; from < text.length;) {
    let to = Math.min(from + 3600, text.length);
    while (literalBytes(text.slice(from, to)) > LINE_BYTES_MAX - 100) {
      to = from + Math.floor((to - from) * 0.75);
    }
    if (isHighSurrogate(text.charCodeAt(to - 1)) && to < text.length) to--;
    all.push(text.slice(from, to));
    from = to;
  }
  return all;
}

const encoder = new TextEncoder();
const scratch = new Uint8Array(3 * 6 * 3600 + 2);

function literalBytes(piece: string): number {
  return encoder.encodeInto(literal(piece), scratch).written;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
