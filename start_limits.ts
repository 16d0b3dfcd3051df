/**
 * The bounds of `rtool serve` outside the engine, as its options say. Part of start.ts.
 */

import type { Registries } from "./access/call_check.ts";
import { fitConnections } from "./cli/serve.ts";
import type { JobLimits } from "./core/job.ts";
import type { Options } from "./core/options.ts";

/** Bounds outside the engine; what holds them reads them anew each time. */
export interface Limits {
  codeMax: number;
  uploadMax: number;
  connectionsMax: number;
  jobsPerConnectionMax: number;
  limitsMax: JobLimits;
  timeoutMax: number | undefined;
  drainMs: number;
  /** What may be called where the grant is `call`, by profile. */
  registries: Registries;
}

/** What can be read from the options alone. */
export function limitsOf(options: Options): Omit<Limits, "registries"> {
  return {
    codeMax: options.bytes("code-max"),
    uploadMax: options.bytes("upload-max"),
    connectionsMax: fitConnections(
      options.integer("connections-max"),
      options.integer("sessions-max"),
    ),
    jobsPerConnectionMax: options.integer("jobs-per-connection-max"),
    limitsMax: jobLimits(options),
    timeoutMax: options.maybeMs("timeout-max"),
    drainMs: options.ms("drain"),
  };
}

function jobLimits(options: Options): JobLimits {
  const cpuMs = options.maybeMs("cpu-max");
  return {
    ...(cpuMs === undefined ? {} : { cpuMs }),
    memoryBytes: options.bytes("memory-max"),
    outputBytes: options.bytes("output-max"),
    processes: options.integer("processes-max"),
  };
}
