/**
 * Opens the audit of `rtool serve`, if there is to be one. Part of start.ts.
 */

import { Audit, type AuditSink } from "./access/audit.ts";
import { AuditFile, AuditStream } from "./access/audit_file.ts";
import type { Log } from "./core/log.ts";
import type { Options } from "./core/options.ts";

/** The audit as the options want it; `write` is for lines that go to stderr. */
export function maybeAudit(
  options: Options,
  log: Log,
  write: (text: string) => Promise<void>,
): Audit | undefined {
  const path = options.text("audit");
  if (path === "none") return undefined;
  const sink: AuditSink = path === "-"
    ? new AuditStream(write, log)
    : new AuditFile({ path, bytesMax: options.bytes("audit-max"), log });
  return new Audit(sink, { required: options.flag("audit-required") });
}
