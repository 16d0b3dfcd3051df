/**
 * One job of the engine by itself: when it counts as begun, and what it says then.
 */

import { assertEquals } from "@std/assert";
import { bareRequest } from "../core/job.ts";
import { EngineJob } from "../engine/job.ts";
import { USER } from "./engine.ts";

const LINE_END = new TextEncoder().encode("\n");
const OUTPUT = new TextEncoder().encode("out");

const BOUNDS = {
  outputMax: 1000,
  valueMax: 1000,
  plotsMax: 1,
  plotSizeMax: 1000,
  filesMax: 1000,
  systemLimits: { memoryBytes: undefined, openFiles: undefined, fileBytes: undefined },
};

Deno.test("a line end while R is being stopped is no sign that a job has begun", async () => {
  const job = createJob(true);
  job.output("stderr", LINE_END);
  assertEquals(job.started, false);
  job.attempt(() => false); // It was held, and is given to R again.
  job.start("existing", undefined);
  job.settle({ kind: "ok" }, {});
  assertEquals(await kinds(job), ["started", "end"]);
});

Deno.test("a line end is the job's own when it turns out to have begun", async () => {
  const job = createJob(true);
  job.output("stderr", LINE_END);
  job.output("stdout", OUTPUT);
  job.settle({ kind: "ok" }, {});
  assertEquals(await kinds(job), ["started", "stderr", "stdout", "end"]);
});

Deno.test("any other output, or one while nothing is stopped, says that a job has begun", () => {
  for (
    const [stopping, stream, bytes] of [
      [false, "stderr", LINE_END],
      [true, "stdout", LINE_END],
      [true, "stderr", OUTPUT],
    ] as const
  ) {
    const job = createJob(stopping);
    job.output(stream, bytes);
    assertEquals(job.started, true);
    job.settle({ kind: "ok" }, {});
  }
});

function createJob(stopping: boolean): EngineJob {
  const job = new EngineJob(USER, bareRequest("1", "main"), BOUNDS);
  job.attempt(() => stopping);
  return job;
}

async function kinds(job: EngineJob): Promise<string[]> {
  return (await Array.fromAsync(job.events)).map(({ kind }) => kind);
}
