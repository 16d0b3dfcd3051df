/**
 * `deno task bench:values`: 80 MB of doubles out of R into a file and from a file into R, by rtool
 * and by RSclient with Rserve, beside a plain file copy, in one run.
 *
 * Whole processes, start included. Each round runs every way once; medians, spread, peak memory.
 */

import { Rserve } from "./peers/rserve.ts";
import { Rtool } from "./peers/rtool.ts";

const COUNT = 10_000_000;
const MEGABYTES = COUNT * 8 / 1e6;
const ROUNDS = 7;
const POLL_MS = 4;
const MAKE = `x <- (1:${COUNT}) / 7`;

/** One way to move the numbers. */
interface Way {
  readonly title: string;
  readonly who: string;
  readonly command: readonly string[];
}

interface Sample {
  readonly seconds: number;
  /** Most memory of the process, in MiB. */
  readonly peak: number;
}

if (import.meta.main) await main();

async function main(): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "rtool-bench-values-" });
  await using rtool = await Rtool.start();
  await using rserve = await Rserve.start([`eval ${MAKE}`, "maxinbuf 1000000"]);
  const ways = listWays(rtool, rserve.port, dir);
  const samples = new Map<Way, Sample[]>(ways.map((way) => [way, []]));
  await execute(rtool.sendCommand(`${MAKE}; invisible()`));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const way of ways) {
      const sample = await execute(way.command);
      if (round > 0) samples.get(way)!.push(sample); // The first round warms up.
    }
  }
  for (const line of report(samples)) console.log(line);
  await Deno.remove(dir, { recursive: true });
}

/** In the order of a round: what comes in has gone out before. */
function listWays(rtool: Rtool, port: number, dir: string): readonly Way[] {
  const send = (code: string, ...options: string[]) => rtool.sendCommand(code, options);
  const script = (code: string) => {
    const open = `library(RSclient); c <- RS.connect(port = ${port}L)`;
    return ["Rscript", "--vanilla", "-e", `${open}; ${code}`];
  };
  const check = `stopifnot(length(y) == ${COUNT}, y[7] == 1)`;
  const out = "out of R, into a file";
  const back = "from a file, into R";
  return [
    way(out, "rtool, rds", send("x", "--value", "rds", "-o", `${dir}/x.rds`)),
    way(out, "rtool, arrow", send("x", "--value", "arrow", "-o", `${dir}/x.arrow`)),
    way(out, "RSclient", script(`saveRDS(RS.eval(c, x), '${dir}/r.rds', compress = FALSE)`)),
    way(out, "cp", ["cp", `${dir}/x.rds`, `${dir}/copy`]),
    way(back, "rtool, rds", send(check, "--data", `y=${dir}/x.rds`)),
    way(back, "rtool, arrow", send(check.replaceAll("y", "y$value"), "--data", `y=${dir}/x.arrow`)),
    way(
      back,
      "RSclient",
      script(`RS.assign(c, 'y', readRDS('${dir}/r.rds')); invisible(RS.eval(c, ${check}))`),
    ),
    way(back, "cp", ["cp", `${dir}/x.rds`, `${dir}/copy`]),
  ];
}

function way(title: string, who: string, command: readonly string[]): Way {
  return { title, who, command };
}

/** Runs a process to its end, looking at its memory as it goes. */
async function execute([file, ...args]: readonly string[]): Promise<Sample> {
  const start = performance.now();
  const child = new Deno.Command(file!, { args, stdin: "null", stdout: "null", stderr: "piped" })
    .spawn();
  let peak = 0;
  const timer = setInterval(() => peak = Math.max(peak, maybePeak(child.pid) ?? 0), POLL_MS);
  const { code, stderr } = await child.output();
  const seconds = (performance.now() - start) / 1000;
  clearInterval(timer);
  if (code !== 0) throw new Error(`${file} ${args}: ${new TextDecoder().decode(stderr)}`);
  return { seconds, peak };
}

function maybePeak(pid: number): number | undefined {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
    return peak === undefined ? undefined : Number(peak) / 1024; // A zombie has none.
  } catch {
    return undefined; // It has ended.
  }
}

function* report(samples: ReadonlyMap<Way, readonly Sample[]>): Generator<string> {
  yield "| 80 MB of doubles | who | median | spread | rate | peak memory | to RSclient |";
  yield "| --- | --- | ---: | ---: | ---: | ---: | ---: |";
  for (const [{ title, who }, taken] of samples) {
    const seconds = taken.map((each) => each.seconds).sort((a, b) => a - b);
    const middle = median(seconds);
    const peer = [...samples].find(([each]) => each.title === title && each.who === "RSclient")!;
    const ratio = middle / median(peer[1].map((each) => each.seconds).sort((a, b) => a - b));
    const peak = Math.max(...taken.map((each) => each.peak));
    const memory = peak > 0 ? `${peak.toFixed(0)} MiB` : "";
    const spread = `${seconds[0]!.toFixed(2)} - ${seconds.at(-1)!.toFixed(2)}`;
    const rate = `${(MEGABYTES / middle).toFixed(0)} MB/s`;
    yield `| ${title} | ${who} | ${middle.toFixed(2)} s | ${spread} | ${rate} | ${memory} | ${
      ratio.toFixed(2)
    }x |`;
  }
}

function median(sorted: readonly number[]): number {
  return sorted[sorted.length >> 1]!;
}
