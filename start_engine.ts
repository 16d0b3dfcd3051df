/**
 * The engine's bounds and how it starts R, as the options of `rtool serve` say. Part of start.ts.
 */

import { resolve } from "node:path";
import type { Context } from "./cli/context.ts";
import { rEnvironment } from "./cli/serve.ts";
import type { Options } from "./core/options.ts";
import type { EngineOptions } from "./engine/sessions.ts";

const START_TIMEOUT_MS = 30_000;

/** All the engine is told. */
export function engineOptions(
  options: Options,
  env: Context["env"],
  stateDir: string,
): EngineOptions {
  return {
    command: options.text("r"),
    stateDir,
    env: rEnvironment(env),
    startTimeoutMs: START_TIMEOUT_MS,
    stopGraceMs: options.ms("stop-grace"),
    jobsMax: options.integer("jobs-max"),
    queueMax: options.integer("queue-max"),
    sessionsMax: options.integer("sessions-max"),
    outputMax: options.bytes("output-max"),
    valueMax: options.bytes("value-max"),
    plotsMax: options.integer("plots-max"),
    plotSizeMax: options.bytes("plot-size-max"),
    filesMax: options.bytes("files-max"),
    sessionIdleMs: options.ms("session-idle"),
    jobsPerPrincipalMax: options.integer("jobs-per-principal-max"),
    detachedKeepMs: options.ms("detached-keep"),
    detachedMax: options.bytes("detached-max"),
    diskLeftMin: options.bytes("disk-left-min"),
    ...startOptions(options),
    systemLimits: {
      memoryBytes: options.bytes("memory-max"),
      openFiles: options.integer("open-files-max"),
      fileBytes: options.bytes("file-size-max"),
    },
  };
}

/** How sessions get their R. */
function startOptions(
  options: Options,
): Pick<EngineOptions, "start" | "spares" | "spareAgeMaxMs" | "preload"> {
  const script = options.maybeText("init");
  return {
    start: options.text("start") === "spawn" ? "spawn" : "fork",
    spares: options.integer("spares"),
    spareAgeMaxMs: options.ms("spare-age-max"),
    preload: {
      packages: options.list("preload"),
      // R starts in a directory of its own.
      scripts: script === undefined ? [] : [resolve(script)],
    },
  };
}
