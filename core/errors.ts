/**
 * The one error class and its closed list of codes. Imports nothing.
 *
 * Codes are part of the contract (docs/PROTOCOL.md lists them, a test compares); messages are for
 * people. Errors are told apart by code, never by message.
 */

/** Every code an rtool error may carry. */
export const ERROR_CODES = [
  "bad_config",
  "bad_frame",
  "bad_request",
  "bad_value",
  "bad_version",
  "busy",
  "cannot_connect",
  "code_too_big",
  "connection_lost",
  "deadlock",
  "draining",
  "frame_too_big",
  "hello_timeout",
  "internal",
  "not_allowed",
  "port_taken",
  "r_unavailable",
  "stalled",
  "too_many_connections",
  "too_many_jobs",
  "too_many_sessions",
  "unknown_job",
  "unknown_session",
  "unreadable_input",
  "unwritable_output",
  "upload_too_big",
  "usage",
] as const;

/** One of {@linkcode ERROR_CODES}. */
export type ErrorCode = typeof ERROR_CODES[number];

/** What a process ends with when an error of this code ends it (sysexits.h where it has a word). */
export const EXIT_STATUS: Readonly<Record<ErrorCode, number>> = {
  bad_config: 78,
  bad_frame: 76,
  bad_request: 64,
  bad_value: 65,
  bad_version: 76,
  busy: 75,
  cannot_connect: 69,
  code_too_big: 64,
  connection_lost: 76,
  deadlock: 75,
  draining: 75,
  frame_too_big: 76,
  hello_timeout: 76,
  internal: 70,
  not_allowed: 77,
  port_taken: 69,
  r_unavailable: 69,
  stalled: 76,
  too_many_connections: 75,
  too_many_jobs: 75,
  too_many_sessions: 75,
  unknown_job: 64,
  unknown_session: 64,
  unreadable_input: 66,
  unwritable_output: 73,
  upload_too_big: 64,
  usage: 64,
};

/** The error every part of rtool throws. */
export class RtoolError extends Error {
  override readonly name = "RtoolError";
  /** Which of the known faults this is. */
  readonly code: ErrorCode;
  /** What to do about it: one line for the terminal, or nothing. */
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions & { hint?: string }) {
    super(message, options);
    this.code = code;
    this.hint = options?.hint;
  }
}

/** The error itself, or an `internal` one that keeps it as its cause. */
export function toRtoolError(error: unknown): RtoolError {
  if (error instanceof RtoolError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new RtoolError("internal", `Internal error: ${message}`, { cause: error });
}

/** Narrows text from a peer to a known code; an unknown one is `internal`. */
export function toErrorCode(text: unknown): ErrorCode {
  return ERROR_CODES.find((code) => code === text) ?? "internal";
}
