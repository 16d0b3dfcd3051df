/**
 * A worker within the test, on a real broker: which jobs it asks for, and in which order.
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import { Broker } from "../../cluster/broker.ts";
import { parseKeyText } from "../../cluster/claim.ts";
import { Queue } from "../../cluster/queue.ts";
import { QueueWorker, type WorkerOptions } from "../../cluster/queue_worker.ts";
import type { HostCapacity } from "../../cluster/requirements.ts";
import type { Evaluator, JobEvent } from "../../core/job.ts";
import { RtoolError } from "../../core/errors.ts";
import { createEvaluator, okEnd, PRINCIPAL } from "../fake_port.ts";
import { Cable, TestBroker } from "./nats.ts";
import { outcomeOf, TestQueue } from "./queue_load.ts";

const HOST: HostCapacity = {
  labels: ["gpu=1"],
  cores: 4,
  memoryBytes: 2 ** 33,
  packages: new Set(),
};

Deno.test("jobs with requirements and those without have their turns, whoever sent more", async () => {
  await using broker = await TestBroker.start();
  await using queue = await TestQueue.connect(broker);
  const ran: string[] = [];
  const jobs = [];
  for (let n = 0; n < 40; n++) jobs.push(await queue.submit("any"));
  for (let n = 0; n < 5; n++) jobs.push(await queue.submit("gpu", { require: ["gpu=1"] }));
  for (let n = 0; n < 5; n++) jobs.push(await queue.submit("cores", { require: ["cores=2"] }));
  await using worker = await TestWorker.start(broker, {
    placesMax: 1,
    evaluator: createEvaluator(async function* ({ code }): AsyncGenerator<JobEvent> {
      ran.push(code);
      await new Promise((resolve) => setTimeout(resolve, 5));
      yield okEnd();
    }),
  });
  for (const job of jobs) assertEquals((await outcomeOf(job)).kind, "ok");
  assertEquals(ran.length, 50);
  // A third each, as long as they last; if they starved, they would come behind the 40 others.
  for (const code of ["gpu", "cores"]) assertLess(ran.lastIndexOf(code), 40, ran.join(" "));
  assertEquals(worker.errors, []);
});

Deno.test("a server asks for a bounded number of tokens: the one idle for longest goes", async () => {
  await using broker = await TestBroker.start();
  await using queue = await TestQueue.connect(broker);
  await using worker = await TestWorker.start(broker, {});
  const { broker: nats } = queue.client.queue;
  const tokens = Array.from({ length: 300 }, (_, n) => `cores=1+memory=${2 * n + 1}`);
  for (const token of tokens) {
    assertEquals(await nats.ask("rtool.q.wanted", token, 5_000), "tester", token);
  }
  assertEquals(worker.tokens.length, 257);
  assert(worker.tokens.includes("_"));
  assert(!worker.tokens.includes(tokens[0]!));
  assert(worker.tokens.includes(tokens.at(-1)!));
  // It has not forgotten how to serve what it no longer asks for.
  const job = await queue.submit("1", { require: ["cores=1", "memory=1"] });
  assertEquals((await outcomeOf(job)).kind, "ok");
  assertEquals(worker.errors, []);
});

Deno.test("a host takes jobs that wait for a package once it has it, and no more when it has gone", async () => {
  await using broker = await TestBroker.start();
  await using queue = await TestQueue.connect(broker);
  const packages = new Set<string>();
  await using worker = await TestWorker.start(broker, { capacity: () => ({ ...HOST, packages }) });
  const job = await queue.submit("1", { require: ["package=xml2"] });
  assertEquals(job.note, "no host of the queue has package=xml2 now; the job waits");
  assertEquals(worker.tokens, ["_"]);
  packages.add("xml2"); // Installed meanwhile.
  await worker.look();
  assertEquals((await outcomeOf(job)).kind, "ok");
  assertEquals(worker.tokens, ["_", "package=xml2"]);
  packages.delete("xml2"); // And removed again.
  await worker.look();
  assertEquals(worker.tokens, ["_"]);
});

Deno.test("after the broker was away a server finds the jobs it has not been told of", async () => {
  await using broker = await TestBroker.start();
  await using cable = new Cable(broker.port);
  await using queue = await TestQueue.connect(broker);
  const { dir, key } = broker;
  const labels: string[] = [];
  const capacity = () => ({ ...HOST, labels });
  await using worker = await TestWorker.start({ dir, key, url: cable.url }, { capacity });
  const job = await queue.submit("1", { require: ["fast"] });
  assertEquals(worker.tokens, ["_"]);
  labels.push("fast"); // As if it had not heard what it could have served.
  cable.cut();
  cable.mend();
  assertEquals((await outcomeOf(job)).kind, "ok");
});

Deno.test("a job the engine has no room for is tried ever more rarely", async () => {
  await using broker = await TestBroker.start();
  await using queue = await TestQueue.connect(broker);
  const triedAt: number[] = [];
  const evaluator: Evaluator = {
    ...ENDING,
    submit: (...asked) => {
      triedAt.push(performance.now());
      if (triedAt.length > 4) return ENDING.submit(...asked);
      return Promise.reject(new RtoolError("too_many_jobs", "full"));
    },
  };
  await using _worker = await TestWorker.start(broker, { evaluator });
  const job = await queue.submit("1");
  assertEquals((await outcomeOf(job)).kind, "ok");
  const pauses = triedAt.slice(1).map((at, index) => at - triedAt[index]!);
  assertEquals(pauses.length, 4);
  pauses.forEach((ms, index) => assert(ms > 150 * 2 ** index, String(pauses)));
});

/** A worker, and what it has logged as errors. */
class TestWorker extends QueueWorker {
  readonly errors: readonly string[];
  readonly #broker: Broker;

  private constructor(broker: Broker, queue: Queue, options: WorkerOptions, errors: string[]) {
    super(queue, options);
    this.#broker = broker;
    this.errors = errors;
  }

  /** Joins the queue `q`, as a server with four places would. */
  static async start(
    { url, key, dir }: Pick<TestBroker, "url" | "key" | "dir">,
    more: Partial<WorkerOptions>,
  ): Promise<TestWorker> {
    const broker = await Broker.connect({ urls: [url] });
    const errors: string[] = [];
    const { publicKey } = await parseKeyText(await Deno.readTextFile(key), key);
    const options: WorkerOptions = {
      evaluator: ENDING,
      principalOf: () => PRINCIPAL,
      trusted: new Set([publicKey]),
      host: "tester",
      capacity: () => HOST,
      placesMax: 4,
      isFree: () => true,
      leaseMs: 30_000,
      deliveriesMax: 3,
      awayMaxMs: 10_000,
      spoolDir: dir,
      log: { info: () => {}, error: (message) => errors.push(message) },
      ...more,
    };
    const worker = new TestWorker(broker, await Queue.open(broker, "q"), options, errors);
    await worker.start();
    return worker;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await this.#broker[Symbol.asyncDispose]();
  }
}

const ENDING: Evaluator = createEvaluator(async function* (): AsyncGenerator<JobEvent> {
  yield await Promise.resolve(okEnd());
});
