/**
 * The rpy2 door: one request per connection, evaluated in the session `main`.
 *
 * Format (client-server page of rpy2's manual): encoding name, line end, u64 little-endian count,
 * so many bytes of code; the reply is a u64 little-endian count and the console output in the same
 * encoding. Knows an Evaluator. Must not know R, frames, flags or files.
 */

import { RtoolError, toRtoolError } from "../core/errors.ts";
import { bareRequest } from "../core/job.ts";
import type { Admit, Evaluator, Job, Outcome } from "../core/job.ts";
import { outcomeText } from "../core/outcome.ts";
import type { Link } from "../wire.ts";
import { type Charset, maybeCharset } from "../core/charset.ts";

/** What the rpy2 door needs and obeys. */
export interface Rpy2Options {
  readonly evaluator: Evaluator;
  /** Most bytes of code in one request. @default {16 MiB} */
  readonly codeMax: number;
  /**
   * Whether the peer's process has let go of the connection; one that is only half closed has not.
   */
  readonly hasGone: (link: Link) => boolean;
}

const COUNT_BYTES = 8;

/** How often a client that waits is looked for, in milliseconds. */
const GONE_INTERVAL_MS = 500;

/** How long what a refused client still sends is taken from it, in milliseconds. */
const DRAIN_MS = 2000;

/** Serves one request whose first line has been read, and says how it ended. */
export async function serveRpy2(
  link: Link,
  label: string,
  admit: Admit,
  options: Rpy2Options,
  greeted: () => void,
): Promise<void> {
  const principal = await admit(undefined); // This wire has no word for a token.
  const gone = new AbortController();
  let charset: Charset = maybeCharset("utf-8")!;
  try {
    charset = findCharset(label);
    const code = charset.decode(await readCode(link, options.codeMax, greeted));
    const job = await options.evaluator.submit(principal, bareRequest(code, "main"), gone.signal);
    const watch = setInterval(() => options.hasGone(link) && gone.abort(), GONE_INTERVAL_MS);
    reply(link, charset, await consoleText(job).finally(() => clearInterval(watch)));
  } catch (error) {
    reply(link, charset, `Error: ${toRtoolError(error).message}\n`);
    await link.drain(DRAIN_MS); // A client still writing would lose the reply to a reset.
  } finally {
    await link.flushed(true).catch(() => {}); // The client has gone.
    gone.abort();
  }
}

/** Says no as this wire says everything: as text of the console. */
export function refuseRpy2(link: Link, error: RtoolError): void {
  reply(link, maybeCharset("us-ascii")!, `Error: ${error.message}\n`);
}

function findCharset(label: string): Charset {
  const charset = maybeCharset(label);
  if (charset) return charset;
  throw new RtoolError(
    "bad_request",
    `Cannot use the encoding ${JSON.stringify(label.trim().slice(0, 64))}: ` +
      "the first line must name one, such as UTF-8",
  );
}

async function readCode(
  link: Link,
  codeMax: number,
  greeted: () => void,
): Promise<Uint8Array> {
  const header = await readExactly(link, COUNT_BYTES, "the length of the code");
  greeted();
  const announced = new DataView(header.buffer).getBigUint64(0, true);
  // Checked before waiting for the code: a count costs the peer eight bytes.
  if (announced > BigInt(codeMax)) {
    throw new RtoolError(
      "code_too_big",
      `${announced} bytes of code were announced; the most is ${codeMax}`,
    );
  }
  return await readExactly(link, Number(announced), "the code");
}

async function readExactly(link: Link, count: number, what: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count;) {
    const chunk = await link.read();
    if (!chunk) {
      throw new RtoolError(
        "bad_request",
        `The connection ended after ${at} of the ${count} bytes of ${what}`,
      );
    }
    const taken = chunk.subarray(0, count - at);
    bytes.set(taken, at);
    at += taken.length;
    link.unread(chunk.subarray(taken.length));
  }
  return bytes;
}

/** What a console shows: both streams as they come, and how the job ended when R did not say. */
async function consoleText(job: Job): Promise<string> {
  const options = { ignoreBOM: true };
  const streams = {
    stdout: new TextDecoder("utf-8", options),
    stderr: new TextDecoder("utf-8", options),
  };
  let text = "";
  for await (const event of job.events) {
    if (event.kind === "stdout" || event.kind === "stderr") {
      text += streams[event.kind].decode(event.bytes, { stream: true });
    } else if (event.kind === "end") {
      text += streams.stdout.decode() + streams.stderr.decode() + ending(event.outcome);
    }
  }
  return text;
}

/** R has already printed its own errors. */
function ending(outcome: Outcome): string {
  if (outcome.kind === "ok" || outcome.kind === "error") return "";
  return `Error: ${outcomeText(outcome)}\n`;
}

function reply(link: Link, charset: Charset, text: string): void {
  const body = charset.encode(text);
  const bytes = new Uint8Array(COUNT_BYTES + body.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(body.length), true);
  bytes.set(body, COUNT_BYTES);
  link.send(bytes);
}
