/**
 * Opens the audit of `rtool serve`, if there is to be one. Part of start.ts.
 */

import type { Admission } from "./access/admission.ts";
import { Audit, type AuditSink } from "./access/audit.ts";
import { AuditFile, AuditStream } from "./access/audit_file.ts";
import type { Log } from "./core/log.ts";
import type { Options } from "./core/options.ts";
import type { ServeOptions } from "./server.ts";
import { writeStderr } from "./start_log.ts";

/** The audit as the options want it. */
export function maybeAudit(options: Options, log: Log): Audit | undefined {
  const path = options.text("audit");
  if (path === "none") return undefined;
  const sink: AuditSink = path === "-"
    ? new AuditStream(writeStderr, log)
    : new AuditFile({ path, bytesMax: options.bytes("audit-max"), log });
  return new Audit(sink, { required: options.flag("audit-required") });
}

/** Lets peers in, and writes down who was let in and who was not. */
export function auditedAdmission(
  admission: Admission,
  audit: Audit | undefined,
): ServeOptions["admit"] {
  return ({ ends }, token, wire) => {
    const admitting = () => admission.admit(ends, token, wire);
    return audit?.connection(ends, admitting) ?? admitting();
  };
}

/** Writes down whom TLS has refused. */
export function auditedRefusals(audit: Audit | undefined): NonNullable<ServeOptions["refused"]> {
  return ({ ends }, error) => audit?.refused(ends, error);
}
