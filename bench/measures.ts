/**
 * What is measured: one function per comparison of the report.
 *
 * Knows services, lines and commands. Must not know wire formats, statistics or the report.
 */

import type { Comparison, Contender } from "./compare.ts";
import type { Rtool } from "./peers/rtool.ts";
import type { Line, Service } from "./peers/service.ts";
import { expectBytes, milliseconds, repeat, timeCommand, timePipe } from "./timing.ts";

const CODE = "1+1";
const PRINTED = "[1] 2\n";
const ROUNDS = 7;
const CONNECTS = 200;
const OPEN_EVALS = 1000;
const PIPELINED_EVALS = 20_000;
const DIALLED_EVALS = 500;
const PROCESSES = 5;
const FRESH_SESSIONS = 500;

/** Between two fresh sessions another R is started, which is quick where R is forked. */
const FORK_PAUSE_MS = 40;
const SPARE_PAUSE_MS = 1000;
const CONFINED_SESSIONS = 8;

/** Output of one streaming sample, below a job's limit of 64 MiB, in pieces a pipe holds. */
const STREAM_BYTES = 60 * 2 ** 20;
const STREAM_CODE = "local({ x <- strrep('x', 65536L); for (i in 1:960) cat(x) })";

/** Who takes part. */
export interface Field {
  readonly rtool: Rtool;
  readonly peers: readonly Service[];
  /** One that confines R, where that can be had. */
  readonly confined: Rtool | undefined;
}

/** A server that is started anew for each sample. */
export interface Starter {
  readonly name: string;
  start(): Promise<Service>;
}

/** Every comparison, in the order of the report. */
export function comparisons(field: Field, starters: readonly Starter[]): Comparison[] {
  return [
    connectAndEvaluate(field),
    evaluateInFreshSession(field, FORK_PAUSE_MS),
    evaluateInFreshSession(field, 0),
    ...evaluateConfined(field),
    evaluateOnOpenLine(field),
    evaluatePipelined(field),
    wholeProcess(field),
    streamOutput(field),
    serverStart(starters, "listening"),
    serverStart(starters, "first eval"),
  ];
}

/** The session is there already: what is timed is a short visit. */
function connectAndEvaluate({ rtool, peers }: Field): Comparison {
  return {
    id: "connect",
    title: "connect + eval + close, warm session",
    unit: "ms",
    rounds: ROUNDS,
    contenders: [rtool, ...peers].map((service) =>
      contender(service, () => repeat(CONNECTS, () => visit(service)))
    ),
    budget: { kind: "ratio", limit: 0.5, to: "Rserve" },
  };
}

/** A clean R for one evaluation, against the process that Rserve forks for each connection. */
function evaluateInFreshSession({ rtool, peers }: Field, pauseMs: number): Comparison {
  const count = pauseMs > 0 ? FRESH_SESSIONS / 10 : FRESH_SESSIONS;
  const [id, title] = pauseMs > 0
    ? ["fresh", "fresh session + eval, one at a time"]
    : ["fresh-stream", `fresh session + eval, ${FRESH_SESSIONS} in a row`];
  return {
    id,
    title,
    unit: "ms",
    rounds: 3,
    contenders: [
      contender(rtool, () => timeFreshSessions(() => rtool.connectFresh(), pauseMs, count)),
      ...peers.filter(isNamed("Rserve")).map((service) =>
        contender(service, () => timeFreshSessions(() => service.connect(), pauseMs, count))
      ),
    ],
    budget: { kind: "ratio", limit: pauseMs > 0 ? 1 : 2, to: "Rserve" },
  };
}

/** R in a sandbox and without: from a spare that is ready, from one that may not be, and warm. */
function evaluateConfined({ rtool, confined }: Field): Comparison[] {
  if (!confined) return [];
  const sample = (service: Rtool, pauseMs: number) => {
    return timeFreshSessions(() => service.connectFresh(), pauseMs, CONFINED_SESSIONS);
  };
  const both = (measure: (service: Rtool) => Promise<number[]>) => {
    return [confined, rtool].map((each) => contender(each, () => measure(each)));
  };
  const [unit, rounds] = ["ms", 5] as const;
  return [
    {
      ...{ id: "confined", title: "fresh confined session + eval, spare ready", unit, rounds },
      contenders: both((service) => sample(service, SPARE_PAUSE_MS)),
      budget: { kind: "ratio", limit: 2, to: rtool.name },
    },
    {
      ...{ id: "confined-stream", title: `the same, ${CONFINED_SESSIONS} in a row`, unit, rounds },
      contenders: both((service) => sample(service, 0)),
      budget: undefined,
    },
    {
      ...{ id: "confined-warm", title: "connect + eval + close, warm session", unit, rounds },
      contenders: both((service) => repeat(CONNECTS, () => visit(service))),
      budget: { kind: "ratio", limit: 1.2, to: rtool.name },
    },
  ];
}

/** One evaluation after the other. */
function evaluateOnOpenLine({ rtool, peers }: Field): Comparison {
  const sample = async (service: Service) => {
    using line = await service.connect();
    await line.evaluate(CODE);
    return (await repeat(OPEN_EVALS, () => line.evaluate(CODE))).map((ms) => ms * 1000);
  };
  return {
    id: "open",
    title: "eval on an open connection",
    unit: "us",
    rounds: ROUNDS,
    contenders: [rtool, ...peers.filter(({ staysOpen }) => staysOpen)].map((service) =>
      contender(service, () => sample(service))
    ),
    budget: { kind: "value", limit: 100 },
  };
}

/** Many evaluations without waiting for each; a peer that must dial for each is asked for fewer. */
function evaluatePipelined({ rtool, peers }: Field): Comparison {
  const sample = async (service: Service) => {
    using line = await service.connect();
    const times = service.staysOpen ? PIPELINED_EVALS : DIALLED_EVALS;
    return [times / await milliseconds(() => line.evaluateMany(CODE, times)) * 1000];
  };
  return {
    id: "pipelined",
    title: "pipelined evals, one connection",
    unit: "/s",
    rounds: ROUNDS,
    contenders: [rtool, ...peers].map((service) => contender(service, () => sample(service))),
    budget: { kind: "value", limit: 40_000 },
  };
}

/** What a user waits for at the prompt. */
function wholeProcess({ rtool }: Field): Comparison {
  const sample = async (command: readonly string[]) => {
    const times: number[] = [];
    for (let i = 0; i < PROCESSES; i++) times.push(await timeCommand(command, PRINTED));
    return times;
  };
  return {
    id: "process",
    title: "whole process that prints 1+1",
    unit: "ms",
    rounds: ROUNDS,
    contenders: [
      { name: "rtool send", sample: () => sample(rtool.sendCommand(CODE)) },
      { name: "Rscript", sample: () => sample(["Rscript", "--vanilla", "-e", CODE]) },
    ],
    budget: { kind: "ratio", limit: 0.4, to: "Rscript" },
  };
}

/** Output as fast as R makes it, against R writing straight into a pipe. */
function streamOutput({ rtool, peers }: Field): Comparison {
  const perSecond = (ms: number) => STREAM_BYTES / 1000 / ms;
  const sample = async (service: Service) => {
    using line = await service.connect();
    return [perSecond(await milliseconds(() => expectBytes(line, STREAM_CODE, STREAM_BYTES)))];
  };
  return {
    id: "stream",
    title: "output of cat() to the client",
    unit: "MB/s",
    rounds: 5,
    contenders: [
      ...[rtool, ...peers.filter(isNamed("rpy2 server"))].map((service) =>
        contender(service, () => sample(service))
      ),
      {
        name: "R into a pipe",
        sample: async () => [perSecond(await timePipe(STREAM_CODE, STREAM_BYTES))],
      },
    ],
    budget: { kind: "value", limit: 300 },
  };
}

/** From the start of the server's process to its readiness, or to the first answer. */
function serverStart(starters: readonly Starter[], to: "listening" | "first eval"): Comparison {
  const sample = async (starter: Starter) => {
    const start = performance.now();
    await using service = await starter.start();
    if (to === "first eval") await visit(service);
    return [performance.now() - start];
  };
  return {
    id: to === "listening" ? "start" : "first",
    title: `server start to ${to}`,
    unit: "ms",
    rounds: ROUNDS,
    contenders: starters.map((starter) => contender(starter, () => sample(starter))),
    budget: { kind: "value", limit: to === "listening" ? 250 : 400 },
  };
}

async function visit(service: Service): Promise<void> {
  using line: Line = await service.connect();
  await line.evaluate(CODE);
}

/** With a pause between them another R can be made ready meanwhile. */
async function timeFreshSessions(
  connect: () => Promise<Line>,
  pauseMs: number,
  count: number,
): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    times.push(
      await milliseconds(async () => {
        using line = await connect();
        await line.evaluate(CODE);
      }),
    );
  }
  return times;
}

function contender({ name }: { name: string }, sample: Contender["sample"]): Contender {
  return { name, sample };
}

function isNamed(name: string): (service: Service) => boolean {
  return (service) => service.name === name;
}
