/**
 * Outcomes for people and shells: one sentence, one exit status.
 */

import { EXIT_STATUS } from "./errors.ts";
import type { Outcome } from "./job.ts";

/** One line that says how a job ended, without a full stop. */
export function outcomeText(outcome: Outcome): string {
  switch (outcome.kind) {
    case "ok":
      return "evaluated";
    case "error":
      return outcome.error.text ?? "R reported an error";
    case "quit":
      return `the code called quit(status = ${outcome.status}); the session is over`;
    case "timeout":
      return `time limit of ${outcome.limitMs / 1000} s reached`;
    case "cancelled":
      return CANCELLED[outcome.reason];
    case "crashed":
      return outcome.signal === null
        ? `R ended without saying so: ${outcome.message}`
        : `R died of ${outcome.signal}`;
    case "limited":
      return `${outcome.limit} limit of ${outcome.max} bytes reached`;
    case "rejected":
      return outcome.message;
    case "lost":
      return outcome.message;
    default:
      return outcome satisfies never;
  }
}

const CANCELLED = {
  client: "cancelled",
  gone: "cancelled: its client went away",
  shutdown: "cancelled: the server is shutting down",
} as const;

/** Exit status of a `send` whose job ended so. */
export function exitStatus(outcome: Outcome): number {
  switch (outcome.kind) {
    case "ok":
      return 0;
    case "error":
    case "limited":
      return 1;
    case "quit":
      return outcome.status;
    case "timeout":
      return 124;
    case "cancelled":
      return outcome.reason === "shutdown" ? 75 : 130;
    case "crashed":
      return outcome.signal === null ? outcome.status || 76 : 128 + signalNumber(outcome.signal);
    case "rejected":
      return EXIT_STATUS[outcome.code];
    case "lost":
      return 76;
    default:
      return outcome satisfies never;
  }
}

/** Numbers of signal(7) that are the same on Linux and macOS, and Linux's of those that differ. */
const SIGNALS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGSTKFLT: 16,
  SIGCHLD: 17,
  SIGCONT: 18,
  SIGSTOP: 19,
  SIGTSTP: 20,
  SIGTTIN: 21,
  SIGTTOU: 22,
  SIGURG: 23,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGVTALRM: 26,
  SIGPROF: 27,
  SIGWINCH: 28,
  SIGIO: 29,
  SIGPOLL: 29,
  SIGPWR: 30,
  SIGSYS: 31,
  SIGUNUSED: 31,
};

function signalNumber(signal: string): number {
  return SIGNALS[signal] ?? 0;
}
