/**
 * The grant `call`: nothing but a registered function runs, and what it is given is plain data.
 *
 * The escapes are those that got past a list of forbidden names: there they ran a command.
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createCallCheck, findCallables } from "../access/call_check.ts";
import { concat } from "../core/bytes.ts";
import { RtoolError } from "../core/errors.ts";
import type { Upload } from "../core/item.ts";
import { bareRequest, type JobRequest, type Principal } from "../core/job.ts";
import { OWNER, type Profile } from "../core/profile.ts";
import { decodeValue } from "../rdata/read.ts";
import type { RValue } from "../rdata/types.ts";
import { character, list, numeric } from "../rdata/values.ts";
import { encodeValue } from "../rdata/write.ts";
import { ESCAPES, FUNCTION_NAMES } from "./escapes.ts";
import { isPlain, registryOf } from "./registries.ts";

const CALLER: Profile = { ...OWNER, name: "analyst", grant: "call", env: ["TZ"] };
const ANALYST: Principal = { name: "ada", local: false, profile: CALLER };
const SELF: Principal = { name: "self", local: true, profile: OWNER };

const check = createCallCheck(
  new Map([[
    "analyst",
    registryOf(`
      [functions."stats::quantile"]
      summary = "Sample quantiles"
      arguments.x = { type = "double" }
      arguments.type = { type = "integer", enum = [1, 7], scalar = true, optional = true }
      [functions.shout]
      arguments.text = { type = "character" }
      [functions.pick]
      arguments.how = { type = "character", enum = ["low", "high"], scalar = true }
      arguments.word = { type = "character", pattern = "[a-z]{1,9}", length = 1 }
      [functions.keep]
      arguments.anything = { type = "any_data" }
    `),
  ]]),
);

const FILE: Upload = { target: { kind: "file", path: "a" }, bytes: 0, path: undefined };
const DATA: Upload = { target: { kind: "data", name: "x" }, bytes: 0, path: undefined };

/** What else could be code, or lead to it. */
const MORE: readonly (readonly [what: string, more: Partial<JobRequest>])[] = [
  ["code", { code: "1" }],
  ["no call at all", { call: undefined }],
  ["code beside a call", { code: "system('id')", call: "shout" }],
  ["a file", { uploads: [FILE] }],
  ["a value of a name", { uploads: [DATA] }],
  ["files out", { wants: { value: true, plots: [], files: ["/etc/passwd"] } }],
  ["answers", { mode: { ...bareRequest("", "main").mode, interactive: true } }],
  ["an echo", { mode: { ...bareRequest("", "main").mode, echo: true } }],
  ["references to source", { mode: { ...bareRequest("", "main").mode, lines: "a.R" } }],
  ["standard input", { input: (async function* () {})() }],
  ["arguments of a script", { args: ["a"] }],
  ["a variable its profile does not name", { env: { R_PROFILE: "a.R" } }],
];

for (const [what, more] of MORE) {
  Deno.test(`with the grant call, a request with ${what} is not allowed`, async () => {
    const error = await refused({ call: "shout", ...more });
    assertEquals(error.code, "not_allowed");
    assertEquals(error.hint, "see: rtool call --list");
  });
}

Deno.test("a principal that may run code may ask for anything", async () => {
  for (const [, more] of MORE) {
    const request = { ...bareRequest("", "main"), call: "anything", ...more };
    assertEquals(await check(SELF, request), request);
  }
});

Deno.test("a registered call goes on, with arguments made anew, in a directory of the server's", async () => {
  const request = { session: "mine", cwd: "/etc", env: { TZ: "UTC" }, timeoutMs: 5 };
  const given = list([numeric([7]), numeric([1])], [["names", character(["type", "x"])]]);
  const { passed, args } = await call("stats::quantile", given, request);
  assertEquals({ ...passed, uploads: [] }, {
    ...bareRequest("", "mine"),
    ...{ call: "stats::quantile", cwd: undefined, env: { TZ: "UTC" }, timeoutMs: 5 },
  });
  assert(args.type === "list" && args.values[1]?.type === "integer");
  assertEquals(args.attributes, [["names", character(["x", "type"])]]);
});

Deno.test("a call without arguments passes only where all may be left out", async () => {
  assertEquals((await refused({ call: "shout" })).code, "bad_request");
});

Deno.test("a profile without functions may call none", async () => {
  const lonely = { ...ANALYST, profile: { ...CALLER, name: "lonely" } };
  const request = { ...bareRequest("", "main"), call: "shout" };
  const error = await assertRejects(() => check(lonely, request), RtoolError, "no functions");
  assertEquals(error.code, "not_allowed");
});

Deno.test("arguments that are no list, or no data at all, are bad_value", async () => {
  const hidden = decodeValue(closure());
  assert(hidden.type === "list" && hidden.values[0]?.type === "opaque");
  assertEquals(hidden.values[0].kind, "closure");
  for (const bytes of [new Uint8Array(), concat(encodeValue(numeric([1]))), closure()]) {
    const error = await assertRejects(() => sendBytes("keep", bytes), RtoolError);
    assertEquals(error.code, "bad_value");
  }
});

Deno.test("no function is called by a name that leads to another", async () => {
  for (const name of FUNCTION_NAMES) {
    const error = await assertRejects(() => call(name, list([character(["id"])])), RtoolError);
    assertEquals(error.code, "not_allowed", name);
  }
});

for (const [index, code] of ESCAPES.entries()) {
  Deno.test(`escape ${index + 1} is no function and no more than text: ${code}`, async () => {
    assertEquals((await refused({ call: code })).code, "not_allowed");
    const { args } = await call("shout", list([character([code])]));
    assertEquals(args, list([character([code])], [["names", character(["text"])]]));
    const { args: kept } = await call("keep", list([list([character([code, null])])]));
    assert(isPlain(kept));
    for (
      const [name, wrapped] of [
        ["stats::quantile", character([code])],
        ["pick", character([code])],
        ["keep", { type: "opaque", kind: "language", description: code, attributes: [] }],
        ["keep", numeric([1], [["class", character([code])]])],
        ["keep", numeric([1], [[code, numeric([1])]])],
        ["keep", { ...list([character([code])]), form: "expression" }],
      ] as readonly (readonly [string, RValue])[]
    ) {
      const sent = call(name, list([wrapped]));
      assertEquals((await assertRejects(() => sent, RtoolError)).code, "bad_value");
    }
    const strange = list([numeric([1])], [["names", character([code])]]);
    assertEquals(
      (await assertRejects(() => call("keep", strange), RtoolError)).code,
      "bad_request",
    );
  });
}

Deno.test("who may run code may call anything; others are told what they may call", () => {
  const registries = new Map([["analyst", registryOf("[functions.f]\nsummary = 'F'")]]);
  assertEquals(findCallables(registries, SELF), { any: true, functions: [] });
  const { any, functions } = findCallables(registries, ANALYST);
  assertEquals([any, functions.map(({ name, summary }) => [name, summary])], [false, [["f", "F"]]]);
});

/** Sends a call through the check; what R would be given. */
async function call(
  name: string,
  args: RValue,
  more: Partial<JobRequest> = {},
): Promise<{ passed: JobRequest; args: RValue }> {
  // What cannot be written could not be sent by a client of ours: those bytes are made by hand.
  const bytes = isWritable(args) ? concat(encodeValue(args)) : closure();
  return await sendBytes(name, bytes, more);
}

async function sendBytes(
  name: string,
  bytes: Uint8Array,
  more: Partial<JobRequest> = {},
): Promise<{ passed: JobRequest; args: RValue }> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, bytes);
    const upload: Upload = { target: { kind: "arguments" }, bytes: bytes.length, path };
    const request = { ...bareRequest("", "main"), call: name, uploads: [upload], ...more };
    const passed = await check(ANALYST, request);
    return { passed, args: decodeValue(await Deno.readFile(path)) };
  } finally {
    await Deno.remove(path);
  }
}

async function refused(more: Partial<JobRequest>): Promise<RtoolError> {
  const request = { ...bareRequest("", "main"), ...more };
  const error = await assertRejects(() => check(ANALYST, request), RtoolError);
  assertStringIncludes(error.message, error.code === "not_allowed" ? "You may not" : "needs");
  return error;
}

function isWritable(value: RValue): boolean {
  return value.type === "list" ? value.values.every(isWritable) : value.type !== "opaque";
}

/** A list of one closure: an environment, no arguments, no body. */
function closure(): Uint8Array {
  const whole = concat(encodeValue(list([list([])])));
  // The inner list is its item and its length.
  const head = whole.slice(0, whole.length - 8);
  return concat([head, new Uint8Array(new Int32Array([3 | 0x400, 253, 254, 254]).buffer)]);
}
