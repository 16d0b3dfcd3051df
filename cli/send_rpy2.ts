/**
 * `rtool send --wire rpy2`: a client of the servers rpy2's manual describes.
 *
 * That wire has no exit status and one stream: what comes back goes to stdout, and the status says
 * only whether it came back whole.
 */

import { dial } from "../client_dial.ts";
import { RtoolError } from "../core/errors.ts";
import { maybeCharset } from "../core/charset.ts";
import { Link } from "../wire.ts";
import { maybeTls } from "./connection.ts";
import type { CommandEnd, Context } from "./context.ts";
import type { Source } from "./source.ts";
import { BrokenPipeSignal, createOutput } from "./terminal.ts";

const CONNECT_TIMEOUT_MS = 10_000;
const COUNT_BYTES = 8;

/** Most bytes of a reply that are believed: a count costs a broken server eight bytes. */
const REPLY_BYTES_MAX = 1 << 30;

/** Sends one request and prints the reply. */
export async function sendRpy2(context: Context, source: Source): Promise<CommandEnd> {
  const { options } = context;
  const label = options.text("encoding");
  const charset = maybeCharset(label);
  if (!charset) throw new RtoolError("usage", `Unknown encoding '${label}'`);
  const hostname = options.text("hostname");
  const port = options.integer("port");
  const tls = await maybeTls(context);
  const link = new Link(await dial({ hostname, port, timeoutMs: CONNECT_TIMEOUT_MS, tls }));
  const limitMs = options.maybeMs("timeout");
  let late = false;
  const timer = limitMs === undefined ? undefined : setTimeout(() => {
    late = true;
    link.close();
  }, limitMs);
  try {
    link.send(encodeRequest(label, charset.encode(source.code)));
    const reply = charset.decode(await readReply(link));
    const output = createOutput(Deno.stdout, !options.flag("raw") && Deno.stdout.isTerminal());
    await output.write(new TextEncoder().encode(reply));
    return { status: 0 };
  } catch (error) {
    if (error instanceof BrokenPipeSignal) return { status: 141 };
    if (!late) throw error;
    context.say("time limit reached; this wire cannot tell the server to stop");
    return { status: 124 };
  } finally {
    clearTimeout(timer);
    link.close();
  }
}

function encodeRequest(label: string, code: Uint8Array): Uint8Array {
  const first = new TextEncoder().encode(`${label}\n`);
  const bytes = new Uint8Array(first.length + COUNT_BYTES + code.length);
  bytes.set(first);
  new DataView(bytes.buffer).setBigUint64(first.length, BigInt(code.length), true);
  bytes.set(code, first.length + COUNT_BYTES);
  return bytes;
}

async function readReply(link: Link): Promise<Uint8Array> {
  const header = await readExactly(link, COUNT_BYTES);
  const count = new DataView(header.buffer).getBigUint64(0, true);
  if (count > BigInt(REPLY_BYTES_MAX)) {
    throw new RtoolError("bad_frame", `The server announced a reply of ${count} bytes`, {
      hint: "it may not be a server of rpy2's manual: try without --wire rpy2",
    });
  }
  return await readExactly(link, Number(count));
}

async function readExactly(link: Link, count: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count;) {
    const chunk = await link.read();
    if (!chunk) {
      const message = `The server closed the connection after ${at} of ${count} bytes`;
      throw new RtoolError("connection_lost", message);
    }
    const taken = chunk.subarray(0, count - at);
    bytes.set(taken, at);
    at += taken.length;
    link.unread(chunk.subarray(taken.length));
  }
  return bytes;
}
