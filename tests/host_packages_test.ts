/**
 * The packages of a host: what R says of them, and when it is asked again.
 */

import { assertEquals } from "@std/assert";
import { firstOf } from "../cluster/host_report.ts";
import { HostPackages, readPackages } from "../cluster/host_packages.ts";
import { EMPTY_RECEIPT, type Evaluator, type JobEvent, type Outcome } from "../core/job.ts";
import type { Log } from "../core/log.ts";

const OK: Outcome = { kind: "ok" };

Deno.test("what R says is read: of two packages of a name the first counts", () => {
  const said = "library\t/a b\nlibrary\t/c\npackage\txml2\t1.3.3\npackage\txml2\t0.1\nnoise\n";
  const { libraries, versions } = readPackages(said);
  assertEquals([libraries, [...versions]], [["/a b", "/c"], [["xml2", "1.3.3"]]]);
});

Deno.test("R is asked in the background, and again when a library has changed", async () => {
  const library = await Deno.makeTempDir();
  const asked = { times: 0 };
  const changes = Array.from({ length: 2 }, () => Promise.withResolvers<void>());
  const engine = sayingEngine(() => {
    asked.times++;
    return `library\t${library}\n${asked.times === 1 ? "" : "package\tR6\t2.5\n"}`;
  });
  await using packages = new HostPackages(
    engine,
    SILENT,
    () => changes[asked.times - 1]?.resolve(),
  );
  packages.begin(5);
  assertEquals(packages.versions, undefined);
  await changes[0]!.promise;
  assertEquals([...packages.names], []);
  await Deno.mkdir(`${library}/R6`);
  await Deno.utime(library, new Date(0), new Date(0)); // However coarse the clock of the disk is.
  await changes[1]!.promise;
  assertEquals([[...packages.names], packages.versions?.get("R6")], [["R6"], "2.5"]);
  await Deno.remove(library, { recursive: true });
});

Deno.test("an R that cannot tell is told to the log, and the host has no packages", async () => {
  const lines: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const log: Log = {
    info: () => {},
    error: (message) => {
      lines.push(message);
      resolve();
    },
  };
  const engine = sayingEngine(() => "package\tR6\t2.5\n", { kind: "timeout", limitMs: 1 });
  await using packages = new HostPackages(engine, log, () => lines.push("changed"));
  packages.begin();
  await promise;
  assertEquals([lines, packages.versions], [["packages not listed"], undefined]);
});

Deno.test("an R that could not tell at first is asked again", async () => {
  let asked = 0;
  const told = Promise.withResolvers<void>();
  const well = sayingEngine(() => "package\tR6\t2.5\n");
  const engine: Pick<Evaluator, "submit"> = {
    submit: (...job) => ++asked === 1 ? Promise.reject(new Error("busy")) : well.submit(...job),
  };
  await using packages = new HostPackages(engine, SILENT, told.resolve);
  packages.begin(5);
  await told.promise;
  assertEquals([asked, [...packages.names]], [2, ["R6"]]);
});

Deno.test("of very many packages as many are told as a message holds", () => {
  const many = new Map(Array.from({ length: 50_000 }, (_, n) => [`package${n}`, "1.2.3"]));
  const told = firstOf(many, 1 << 19);
  const bytes = JSON.stringify(told).length;
  assertEquals([bytes < 1 << 19, bytes > 0.9 * (1 << 19)], [true, true]);
  assertEquals(told["package0"], "1.2.3");
  assertEquals(Object.keys(firstOf(new Map([["a", "1"], ["b", "2"]]), 1000)), ["a", "b"]);
});

const SILENT: Log = { info: () => {}, error: () => {} };

/** An engine whose every job prints this. */
function sayingEngine(say: () => string, outcome: Outcome = OK): Pick<Evaluator, "submit"> {
  return {
    submit: () => Promise.resolve({ id: "", events: said(say(), outcome), cancel: () => {} }),
  };
}

async function* said(text: string, outcome: Outcome): AsyncGenerator<JobEvent> {
  yield await Promise.resolve({ kind: "stdout", bytes: new TextEncoder().encode(text) });
  yield { kind: "end", outcome, receipt: EMPTY_RECEIPT };
}
