/**
 * The doors of `rtool serve` and what each is told. Part of start.ts.
 */

import { hasGone } from "./access/peer.ts";
import type { Evaluator } from "./core/job.ts";
import { SOFTWARE } from "./core/version.ts";
import { type NativeOptions, refuseNative, serveNative } from "./doors/native.ts";
import { refuseRpy2, serveRpy2 } from "./doors/rpy2.ts";
import type { ServeOptions } from "./server.ts";
import type { Limits } from "./start_limits.ts";
import type { Link } from "./wire.ts";

const HELLO_TIMEOUT_MS = 10_000;

/** Getters, since `limits` changes when the configuration is read again. */
export function joinDoors(
  limits: Readonly<Limits>,
  evaluator: Evaluator,
  told: Pick<NativeOptions, "rVersion" | "spoolDir">,
): Omit<ServeOptions, "admit" | "log"> {
  const native = {
    evaluator,
    software: SOFTWARE,
    ...told,
    get codeMax() {
      return limits.codeMax;
    },
    get uploadMax() {
      return limits.uploadMax;
    },
    get jobsPerConnectionMax() {
      return limits.jobsPerConnectionMax;
    },
  };
  const rpy2 = {
    evaluator,
    get codeMax() {
      return limits.codeMax;
    },
    hasGone: (link: Link) => hasGone(link.ends),
  };
  return {
    native: {
      serve: (link, _line, admit, greeted) => serveNative(link, admit, native, greeted),
      refuse: refuseNative,
    },
    rpy2: {
      serve: (link, line, admit, greeted) => serveRpy2(link, line, admit, rpy2, greeted),
      refuse: refuseRpy2,
    },
    get connectionsMax() {
      return limits.connectionsMax;
    },
    helloTimeoutMs: HELLO_TIMEOUT_MS,
  };
}
