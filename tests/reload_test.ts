/**
 * Reading the configuration again: what a running server takes over, what it keeps, what it says.
 */

import { assertEquals } from "@std/assert";
import { SERVE } from "../cli/table_serve.ts";
import { RtoolError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { Options, type RawValues } from "../core/options.ts";
import { createReloader, planReload } from "../core/reload.ts";

/** What only a start can change. */
const FIXED = ["hostname", "port", "serve.r", "serve.start", "serve.preload", "serve.init"];

const HOW_IT_CONFINES = ["serve.isolation", "serve.worker_user"];

Deno.test("planReload() takes over what has changed, and nothing else", () => {
  const before = options({ "serve.drain": ["1s"], "serve.queue_max": ["7"] });
  const plan = planReload(before, options({ "serve.drain": ["2s"] }), SERVE.options);
  assertEquals([plan.changed, plan.needRestart], [["serve.queue_max", "serve.drain"], []]);
  assertEquals([plan.options.ms("drain"), plan.options.integer("queue-max")], [2000, 256]);
});

Deno.test("planReload() finds nothing in the same configuration", () => {
  const file = { "serve.preload": ["a", "b"], "port": ["1"] };
  const plan = planReload(options(file), options(file), SERVE.options);
  assertEquals([plan.changed, plan.needRestart], [[], []]);
});

Deno.test("planReload() keeps the old value of what needs a restart, and goes on with the rest", () => {
  const after = options({ "port": ["2"], "serve.preload": ["b"], "serve.jobs_max": ["3"] });
  const plan = planReload(options({ "port": ["1"] }), after, SERVE.options);
  assertEquals(plan.changed, ["serve.jobs_max"]);
  assertEquals(plan.needRestart, ["port", "serve.preload"]);
  assertEquals([plan.options.integer("port"), plan.options.list("preload")], [1, []]);
  assertEquals(plan.options.integer("jobs-max"), 3);
  assertEquals([plan.options.origin("port"), plan.options.origin("jobs-max")], ["file", "file"]);
});

Deno.test("planReload() keeps that something had no value", () => {
  const plan = planReload(options({}), options({ "serve.init": ["a.R"] }), SERVE.options);
  assertEquals([plan.needRestart, plan.options.maybeText("init")], [["serve.init"], undefined]);
  const limits = planReload(options({ "serve.cpu_max": ["1s"] }), options({}), SERVE.options);
  assertEquals([limits.changed, limits.options.maybeMs("cpu-max")], [["serve.cpu_max"], undefined]);
});

Deno.test("planReload() changes nothing that a flag or variable decides", () => {
  const from = (file: RawValues) => {
    return new Options(SERVE.options, { drain: ["9s"] }, { RTOOL_PORT: ["9"] }, file);
  };
  const after = from({ "serve.drain": ["2s"], "port": ["2"] });
  const plan = planReload(from({}), after, SERVE.options);
  assertEquals([plan.changed, plan.needRestart], [[], []]);
});

Deno.test("planReload() takes tables without options over as a whole, and names those that changed", () => {
  const [one, two] = ["1s", "2s"].map((time) => options({ "profile.a.timeout_max": [time] }));
  const plan = planReload(one!, two!, SERVE.options, ["profile"]);
  assertEquals([plan.changed, plan.needRestart], [["profile"], []]);
  assertEquals(plan.options.below("profile"), { "a.timeout_max": ["2s"] });
  assertEquals(planReload(one!, one!, SERVE.options, ["profile"]).changed, []);
});

Deno.test("every bound of serve can be reloaded, and where and how it runs cannot", () => {
  const fixed = SERVE.options.flatMap(({ key, reload }) => {
    return key && !reload && !key.startsWith("cluster.") ? [key] : [];
  });
  const audit = ["serve.audit", "serve.audit_max", "serve.audit_required"];
  const tls = ["tls", "tls_cert", "tls_key", "tls_ca"].map((name) => `serve.${name}`);
  const others = ["serve.tokens", ...tls, "serve.rpy2_anonymous", "serve.insecure", ...audit];
  const all = [...FIXED, ...HOW_IT_CONFINES, ...others, "serve.metrics"];
  assertEquals(fixed, all);
});

Deno.test("a reloader applies what it reads, and says which keys have changed but not to what", async () => {
  const server = new FakeServer(options({}));
  await server.reload({ "serve.drain": ["2s"], "serve.r": ["secret"] });
  assertEquals(server.drains, [2000]);
  assertEquals(server.lines, [
    'info configuration reloaded {"changed":"serve.drain"}',
    'error needs a restart {"keys":"serve.r"}',
  ]);
});

Deno.test("a reloader says again what needs a restart, until it has one", async () => {
  const server = new FakeServer(options({}));
  for (let i = 0; i < 2; i++) await server.reload({ "port": ["2"] });
  await server.reload({});
  assertEquals(server.lines, [
    'info configuration reloaded {"changed":"nothing"}',
    'error needs a restart {"keys":"port"}',
    'info configuration reloaded {"changed":"nothing"}',
    'error needs a restart {"keys":"port"}',
    'info configuration reloaded {"changed":"nothing"}',
  ]);
});

Deno.test("a reloader changes nothing when the configuration is bad, and says each problem", async () => {
  const server = new FakeServer(options({}));
  await server.reload(new RtoolError("bad_config", "Bad key in c, line 2", { hint: "try x" }));
  await server.reload(new RtoolError("bad_config", "Cannot use c: 2 problems\nc:1: A\nc:2: B"));
  assertEquals(server.drains, []);
  assertEquals(server.lines, [
    'error configuration kept {"problem":"Bad key in c, line 2","hint":"try x"}',
    'error configuration kept {"problem":"Cannot use c: 2 problems"}',
    'error configuration kept {"problem":"c:1: A"}',
    'error configuration kept {"problem":"c:2: B"}',
  ]);
  await server.reload({ "serve.drain": ["2s"] });
  assertEquals(server.drains, [2000]);
});

Deno.test("a reloader that is asked while it reads reads once more, however often it is asked", async () => {
  const reads: PromiseWithResolvers<Options>[] = [];
  const drains: number[] = [];
  const reload = createReloader(options({}), {
    specs: SERVE.options,
    read: () => {
      reads.push(Promise.withResolvers<Options>());
      return reads.at(-1)!.promise;
    },
    apply: (taken) => void drains.push(taken.ms("drain")),
    log: { info: () => {}, error: () => {} },
  });
  for (let i = 0; i < 5; i++) reload();
  assertEquals(reads.length, 1);
  reads[0]!.resolve(options({ "serve.drain": ["1s"] }));
  await turn();
  assertEquals(reads.length, 2);
  reads[1]!.resolve(options({ "serve.drain": ["2s"] }));
  await turn();
  assertEquals([reads.length, drains], [2, [1000, 2000]]);
});

/** A server whose configuration is what it is given next. */
class FakeServer {
  readonly drains: number[] = [];
  readonly lines: string[] = [];
  readonly #reload: () => void;
  #next: Options | RtoolError;

  constructor(first: Options) {
    this.#next = first;
    const line = (level: string): Log["info"] => (message, fields) => {
      this.lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
    };
    this.#reload = createReloader(first, {
      specs: SERVE.options,
      read: () => {
        return this.#next instanceof Options
          ? Promise.resolve(this.#next)
          : Promise.reject(this.#next);
      },
      apply: (taken) => void this.drains.push(taken.ms("drain")),
      log: { info: line("info"), error: line("error") },
    });
  }

  async reload(next: RawValues | RtoolError): Promise<void> {
    this.#next = next instanceof RtoolError ? next : options(next);
    this.#reload();
    await turn();
  }
}

/** Long enough for promises that are settled. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function options(file: RawValues): Options {
  return new Options(SERVE.options, {}, {}, file);
}
