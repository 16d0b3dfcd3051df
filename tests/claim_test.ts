/**
 * Claims: who asks for a queued job is believed only if a trusted key signed just that.
 */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  CLAIM_AGE_MAX_MS,
  generateKeyText,
  parseKeyText,
  signClaim,
  verifyClaim,
} from "../cluster/claim.ts";
import { decodeBody, encodeBody, queueable } from "../cluster/job_body.ts";
import { queueNames } from "../cluster/names.ts";
import { RtoolError } from "../core/errors.ts";
import { bareRequest } from "../core/job.ts";

const ID = "0123456789abcdef0123456789abcdef";
const CLAIM = { queue: "q", id: ID, principal: "token:ann", profile: "default" };
const BODY = new Uint8Array([1, 2, 3]);

const key = await parseKeyText(await generateKeyText(), "a");
const other = await parseKeyText(await generateKeyText(), "b");
const check = { queue: "q", id: ID, trusted: new Set([key.publicKey]) };

Deno.test("a claim of a trusted key is believed", async () => {
  const { principal, profile } = await verifyClaim(await signClaim(key, CLAIM, BODY), BODY, check);
  assertEquals([principal, profile], ["token:ann", "default"]);
});

Deno.test("a claim is refused for another body, id, queue or key, and without a signature", async () => {
  const signed = await signClaim(key, CLAIM, BODY);
  const refusals: readonly (readonly [() => Promise<unknown>, string])[] = [
    [() => verifyClaim(signed, new Uint8Array([1, 2]), check), "not what was signed"],
    [() => verifyClaim(signed, BODY, { ...check, id: ID.replace("0", "1") }), "signed for another"],
    [() => verifyClaim(signed, BODY, { ...check, queue: "p" }), "signed for another"],
    [async () => verifyClaim(await signClaim(other, CLAIM, BODY), BODY, check), "not trusted"],
    [() => verifyClaim({ text: "", signature: "" }, BODY, check), "nobody has signed"],
    [() => verifyClaim({ ...signed, signature: "!" }, BODY, check), "signature is wrong"],
    [() => verifyClaim({ ...signed, text: `${signed.text} ` }, BODY, check), "signature is wrong"],
  ];
  for (const [verifying, why] of refusals) {
    const error = await assertRejects(verifying, RtoolError, why);
    assertEquals(error.code, "not_allowed");
  }
});

Deno.test("a claim is refused when it is too old, or not yet made", async () => {
  for (const shift of [-CLAIM_AGE_MAX_MS - 1000, 10 * 60_000]) {
    const now = Date.now;
    let signed;
    Date.now = () => now() + shift;
    try {
      signed = await signClaim(key, CLAIM, BODY);
    } finally {
      Date.now = now;
    }
    await assertRejects(() => verifyClaim(signed, BODY, check), RtoolError, "too long ago");
  }
});

Deno.test("no single changed byte of a claim is believed", async () => {
  const { text, signature } = await signClaim(key, CLAIM, BODY);
  await fc.assert(
    fc.asyncProperty(
      fc.nat(text.length - 1),
      fc.integer({ min: 32, max: 126 }),
      async (at, char) => {
        const changed = text.slice(0, at) + String.fromCharCode(char) + text.slice(at + 1);
        if (changed === text) return;
        await assertRejects(
          () => verifyClaim({ text: changed, signature }, BODY, check),
          RtoolError,
        );
      },
    ),
    { seed: 6, numRuns: 200 },
  );
});

Deno.test("a file that holds no key is refused, and not shown", async () => {
  for (const text of ["", "secret", "rtool-cluster-key secret"]) {
    const error = await assertRejects(() => parseKeyText(text, "f"), RtoolError, "Cannot use f");
    assertEquals([error.code, error.message.includes("secret")], ["bad_config", false]);
  }
});

Deno.test("a job comes out of its body as it went in, but for what only its machine means", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), fc.uint8Array(), (code, bytes) => {
      fc.pre(!code.includes("\0"));
      const target = { kind: "file", path: "f" } as const;
      const uploads = [{ target, bytes: bytes.length, path: undefined }];
      const request = { ...bareRequest(code, undefined), uploads, cwd: "/tmp", key: "k" };
      const decoded = decodeBody(encodeBody(request, bytes));
      assertEquals([...decoded.contents], [...bytes]);
      assertEquals(decoded.request.code, code);
      assertEquals([decoded.request.cwd, decoded.request.key], [undefined, "k"]);
    }),
    { seed: 6 },
  );
});

Deno.test("a session's job keeps its session, and asks for no label", () => {
  const queue = { name: "q", atMostOnce: false };
  const request = { ...bareRequest("1", "s"), queue, within: "w" };
  const { session, within } = decodeBody(encodeBody(queueable(request), new Uint8Array(0))).request;
  assertEquals([session, within], ["s", "w"]);
  assertEquals(queueable({ ...request, session: undefined }).within, undefined);
  const error = assertThrows(() =>
    queueable({ ...request, queue: { ...queue, require: ["gpu=1"] } })
  );
  assertEquals((error as RtoolError).code, "bad_request");
});

Deno.test("what is no job is bad_request, whatever it is", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      let code: string | undefined;
      try {
        decodeBody(bytes);
      } catch (error) {
        code = error instanceof RtoolError ? error.code : "a bare error";
      }
      assertEquals(code, "bad_request");
    }),
    { seed: 6 },
  );
});

Deno.test("a queue's name cannot reach into subjects", () => {
  for (const name of ["", "a.b", "a b", "*", ">", "a".repeat(33), "ä"]) {
    let code: string | undefined;
    try {
      queueNames(name);
    } catch (error) {
      code = error instanceof RtoolError ? error.code : undefined;
    }
    assertEquals(code, "bad_request", name);
  }
  assertEquals(queueNames("main").prefix, "rtool.main");
});
