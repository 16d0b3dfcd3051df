/**
 * What a host makes of a queued job's files: the engine gets them, or nobody does.
 */

import { assertEquals, assertRejects } from "@std/assert";
import { beginJob } from "../cluster/hosted_job.ts";
import { spoolUploads } from "../cluster/spooled.ts";
import { RtoolError } from "../core/errors.ts";
import { bareRequest, type Evaluator, type Job, type JobRequest } from "../core/job.ts";
import { createEvaluator, PRINCIPAL } from "./fake_port.ts";

const CONTENTS = new TextEncoder().encode("onetwo");

Deno.test("the engine finds each file of a queued job, and the queue's wishes are not its own", async () => {
  const read: string[] = [];
  let asked: JobRequest | undefined;
  const left = await begin(async (request) => {
    asked = request;
    for (const { path } of request.uploads) {
      read.push(await Deno.readTextFile(path!));
      await Deno.remove(path!);
    }
    return { id: "1", events: noEvents(), cancel: () => {} };
  });
  assertEquals([read, left], [["one", "two"], []]);
  assertEquals([asked?.key, asked?.detach, asked?.queue], [undefined, false, undefined]);
});

Deno.test("a queued job that the engine refuses leaves none of its files", async () => {
  const refusal = new RtoolError("busy", "full");
  let left: readonly string[] = ["unknown"];
  await assertRejects(
    async () => {
      await begin(() => Promise.reject(refusal), (names) => left = names);
    },
    RtoolError,
    "full",
  );
  assertEquals(left, []);
});

Deno.test("files that a host has no room for are left to another host, and none of them stay", async () => {
  const dir = await Deno.makeTempDir({ prefix: "rtool-hosted-" });
  const uploads = ["a", "b"].map((path) => {
    return { target: { kind: "file", path }, bytes: 3, path: undefined } as const;
  });
  // The second cannot be written.
  const contents = Object.assign(CONTENTS.slice(), {
    subarray: (from: number, to: number) => {
      if (from > 0) throw new Deno.errors.WriteZero("No space left on device");
      return CONTENTS.slice(from, to);
    },
  });
  const { code } = await assertRejects(() => spoolUploads(uploads, contents, dir), RtoolError);
  assertEquals([code, [...Deno.readDirSync(dir)]], ["busy", []]);
  await Deno.remove(dir);
});

/** Begins a job with two files; the names of those that are left. */
async function begin(
  submit: (request: JobRequest) => Promise<Job>,
  tell: (names: readonly string[]) => void = () => {},
): Promise<readonly string[]> {
  const dir = await Deno.makeTempDir({ prefix: "rtool-hosted-" });
  const left = () => [...Deno.readDirSync(dir)].map(({ name }) => name);
  const evaluator: Evaluator = {
    ...createEvaluator(noEvents),
    submit: (_principal, request) => submit(request),
  };
  const target = (name: string) => ({ kind: "file", path: name }) as const;
  const uploads = ["a", "b"].map((name) => ({ target: target(name), bytes: 3, path: undefined }));
  const queue = { name: "q", require: [], atMostOnce: false };
  const request = { ...bareRequest("1", undefined), uploads, key: "k", detach: true, queue };
  try {
    await beginJob(evaluator, { principal: PRINCIPAL, request, contents: CONTENTS }, dir);
    return left();
  } finally {
    tell(left());
    await Deno.remove(dir, { recursive: true });
  }
}

async function* noEvents(): AsyncGenerator<never> {}
