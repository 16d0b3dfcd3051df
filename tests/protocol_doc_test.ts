/**
 * docs/PROTOCOL.md is the contract: what its transcripts show happens on a real server with real R,
 * and its tables are those of the code.
 */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseInvocation, resolveOptions } from "../cli/parse.ts";
import { maybeCommand } from "../cli/table.ts";
import { ERROR_CODES, EXIT_STATUS, RtoolError } from "../core/errors.ts";
import { EMPTY_RECEIPT, LIMIT_NAMES } from "../core/job.ts";
import { parseOutcome, parseSubmission, receiptFields, submissionFields } from "../messages.ts";
import { attachFields, parseAttach, parseControl } from "../messages_control.ts";
import { callablesFields, parseCallables } from "../messages_functions.ts";
import { reportFields } from "../messages_report.ts";
import { decodeJson, encodeFrame, type Frame, type Kind, KINDS } from "../protocol.ts";
import { start } from "../start.ts";
import { REPORT } from "./fake_port.ts";
import { RawPeer } from "./raw_peer.ts";
import { findDifference, type Line, readTable, readTranscripts, unescaped } from "./transcript.ts";

const DOCUMENT = await Deno.readTextFile(new URL("../docs/PROTOCOL.md", import.meta.url));
const TRANSCRIPTS = readTranscripts(DOCUMENT);

/** Kinds whose payload is JSON; that of the others is bytes. */
const JSON_KINDS = new Set<Kind>([
  "hello",
  "submit",
  "attach",
  "control",
  "accepted",
  "started",
  "waiting",
  "reply",
  "item",
  "item_end",
  "prompt",
  "end",
  "error",
]);

/** May come between what is shown. */
const UNSHOWN = new Set<Kind>(["condition", "window", "ping"]);

// What asks the kernel who a peer is stays open for as long as the process lives.
const KEPT = { sanitizeResources: false };

Deno.test("the transcripts of docs/PROTOCOL.md are what a real server says", KEPT, async (t) => {
  assert(TRANSCRIPTS.length >= 7, "The transcripts were not found");
  await using server = await startServer();
  for (const { title, lines } of TRANSCRIPTS) {
    await t.step(title, async () => {
      using peer = await RawPeer.connect(server.port);
      await replay(peer, lines);
    });
  }
});

Deno.test("every kind of frame in docs/PROTOCOL.md is the code's, with its number", () => {
  const documented = readTable(DOCUMENT, "Kinds").map(([name, number]) => [name, Number(number)]);
  assertEquals(documented, Object.entries(KINDS));
});

Deno.test("every error code in docs/PROTOCOL.md is the code's, with its exit status", () => {
  const documented = readTable(DOCUMENT, "Error codes").map((
    [code, status],
  ) => [code, Number(status)]);
  assertEquals(documented, ERROR_CODES.map((code) => [code, EXIT_STATUS[code]]));
});

Deno.test("every field of a submit in docs/PROTOCOL.md is read, and no other is sent", () => {
  const documented = readTable(DOCUMENT, "submit").map(([field]) => field!);
  const examples: Readonly<Record<string, unknown>> = {
    text: "x",
    number: 10,
    true: true,
    texts: ["x"],
    "texts by name": { X: "x" },
  };
  const types = readTable(DOCUMENT, "submit").map(([field, type]) => [field!, examples[type!]]);
  const sent = ["fresh", "session"].map((other) => {
    const fields = Object.fromEntries(types.filter(([field]) => field !== other));
    assertEquals(submissionFields(parseSubmission(fields)), fields);
    return Object.keys(fields);
  });
  assertEquals([...new Set(sent.flat())].sort(), documented.sort());
});

Deno.test("every field of an attach in docs/PROTOCOL.md is read and sent", () => {
  const documented = readTable(DOCUMENT, "attach").map(([field]) => field!);
  assertEquals(Object.keys(attachFields({ job: "x", after: 1 })), documented);
  assertEquals(parseAttach({ job: "x", after: 1 }), { job: "x", after: 1 });
});

Deno.test("every kind of control in docs/PROTOCOL.md is read, and asks for what is written", () => {
  const kinds = readTable(DOCUMENT, "control", 1);
  for (const [kind, of] of kinds) {
    const fields = { kind, ...(of === "" ? {} : { [of!]: "x" }) };
    assertEquals(parseControl(fields) as unknown, fields);
  }
  const error = assertThrows(() => parseControl({ kind: "" }), RtoolError);
  assertStringIncludes(error.message, `one of ${kinds.map(([kind]) => kind).join(", ")}`);
});

Deno.test("every field of a report stands in docs/PROTOCOL.md, in its order", () => {
  const { sessions, jobs, ...fields } = reportFields(REPORT) as Record<string, unknown>;
  const [session, job] = [sessions, jobs].map((list) => Object.keys((list as object[])[0]!));
  assertEquals(readTable(DOCUMENT, "report").map(([field]) => field), session);
  assertEquals(readTable(DOCUMENT, "report", 1).map(([field]) => field), job);
  const shown = `{${[...Object.keys(fields), "sessions", "jobs"].join(", ")}}`;
  assertStringIncludes(DOCUMENT, shown);
});

Deno.test("every field of a function that may be called stands in docs/PROTOCOL.md", () => {
  const wanted = { name: "", optional: true, wanted: "", summary: "" };
  const each = { name: "", summary: "", arguments: [wanted], schema: {} };
  const fields = callablesFields({ any: false, functions: [each] });
  assertEquals(readTable(DOCUMENT, "functions").map(([field]) => field), Object.keys(each));
  assertStringIncludes(DOCUMENT, `\`{${Object.keys(fields).join(", ")}}\``);
  assertStringIncludes(DOCUMENT, `\`{${Object.keys(wanted).join(", ")}}\``);
  assertEquals(parseCallables(fields), { any: false, functions: [each] });
});

Deno.test("every limit a job can reach stands in docs/PROTOCOL.md", () => {
  const section = DOCUMENT.split(/^### /m).find((part) => part.startsWith("limits\n")) ?? "";
  const named = [...section.matchAll(/`(\w+)`/g)].map(([, name]) => name!);
  assertEquals(named.sort(), [...LIMIT_NAMES]);
});

Deno.test("every outcome in docs/PROTOCOL.md is read as itself", () => {
  const kinds = readTable(DOCUMENT, "outcome").map(([kind]) => kind!);
  const more = { status: 0, limit_ms: 1, message: "", limit: "output", max: 1, code: "busy" };
  assertEquals(kinds.map((kind) => parseOutcome({ kind, ...more }).kind as string), kinds);
});

Deno.test("every field of a receipt stands in docs/PROTOCOL.md", () => {
  const section = DOCUMENT.split(/^### /m).find((part) => part.startsWith("receipt\n")) ?? "";
  const missing = Object.keys(receiptFields(EMPTY_RECEIPT)).filter((f) =>
    !section.includes(`\`${f}\``)
  );
  assertEquals(missing, []);
});

/** Says the client's lines, and compares what comes with the server's. */
async function replay(peer: RawPeer, lines: readonly Line[]): Promise<void> {
  const frames = new Frames(peer);
  for (const line of lines) {
    if (line.from === "client") await say(peer, line, frames.job);
    else if (line.kind === "preface") assertEquals(line.text, "RTOOL/1"); // Checked by the peer.
    else await frames.expect(line);
  }
}

async function say(peer: RawPeer, { kind, stream, text }: Line, job: string): Promise<void> {
  if (kind === "preface") return await peer.send(`${text}\n`);
  const payload = JSON_KINDS.has(kind) ? text.replace("<id>", job) : unescaped(text);
  await peer.send(encodeFrame(kind, stream, new TextEncoder().encode(payload)));
}

/** The server's side of a conversation. */
class Frames {
  /** The id of the job that was accepted last: what `<id>` is in a client's line. */
  job = "";
  readonly #peer: RawPeer;

  constructor(peer: RawPeer) {
    this.#peer = peer;
  }

  async expect(line: Line): Promise<void> {
    if (["stdout", "stderr", "item_bytes"].includes(line.kind)) return await this.#output(line);
    const frame = await this.#next(line);
    if (!JSON_KINDS.has(frame.kind)) return; // What a `window` grants differs from run to run.
    const fields = decodeJson(frame);
    if (frame.kind === "accepted") this.job = String(fields["job"]);
    const difference = findDifference(fields, JSON.parse(line.text));
    assertEquals(difference, undefined, `${line.kind} ${line.stream}: ${difference}`);
  }

  /** Output may come in pieces. */
  async #output(line: Line): Promise<void> {
    const shown = unescaped(line.text);
    let text = "";
    while (text.length < shown.length) {
      text += new TextDecoder().decode((await this.#next(line)).payload);
    }
    assertEquals(text, shown);
  }

  async #next({ kind, stream }: Line): Promise<Frame> {
    for (;;) {
      const frame = await this.#peer.frame();
      if (UNSHOWN.has(frame.kind) && frame.kind !== kind) continue;
      assertEquals([frame.kind, frame.stream], [kind, stream]);
      return frame;
    }
  }
}

/** `rtool serve --port 0`, joined as main.ts does it. */
async function startServer(): Promise<{ readonly port: number } & AsyncDisposable> {
  const command = maybeCommand("serve")!;
  const { flags } = parseInvocation(command, ["--port", "0", "--quiet"]);
  const env = (name: string) => ["PATH", "HOME"].includes(name) ? Deno.env.get(name) : undefined;
  const options = await resolveOptions(command, flags, { env, readFile: () => undefined });
  const listening = Promise.withResolvers<number>();
  const say = (line: string) => {
    const port = /^listening on 127\.0\.0\.1:(\d+) \(R /.exec(line)?.[1];
    if (port) listening.resolve(Number(port));
  };
  const stop = new AbortController();
  const context = { options, operands: [], rest: [], env, say };
  const running = start(context, {
    stop: stop.signal,
    hurry: stop.signal,
    onReload: () => {},
    reread: () => Promise.resolve(options),
  });
  running.catch(listening.reject);
  const port = await listening.promise;
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await running;
    },
  };
}
