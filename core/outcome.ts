/**
 * Outcomes for people and shells: one sentence, one exit status.
 */

import { EXIT_STATUS } from "./errors.ts";
import type { LimitName, LimitReached, Outcome } from "./job.ts";
import { countText, sizeText, timeText } from "./units.ts";

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
      return `time limit of ${timeText(outcome.limitMs)} reached`;
    case "cancelled":
      return CANCELLED[outcome.reason];
    case "crashed":
      return outcome.signal === null
        ? `R ended without saying so: ${outcome.message}`
        : `R died of ${outcome.signal}`;
    case "limited":
      return limitText(outcome);
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

function limitText({ limit, max }: LimitReached): string {
  switch (limit) {
    case "cpu":
      return `processor time limit of ${timeText(max)} reached`;
    case "memory":
      return `memory limit of ${sizeText(max)} reached, by R and what it had started`;
    case "output":
      return `output limit of ${sizeText(max)} reached`;
    case "processes":
      return `limit of ${max === 1 ? "1 process" : `${max} processes`} reached`;
    case "open_files":
      return `limit of ${countText(max, "open file")} reached`;
    case "file_size":
      return `file size limit of ${sizeText(max)} reached`;
    case "value":
      return `the value has more than ${sizeText(max)}`;
    case "files":
      return `the files have more than ${sizeText(max)}`;
    case "disk":
      return max > 0
        ? `less than ${sizeText(max)} is left on the server's disk`
        : "nothing is left on the server's disk";
    default:
      return limit satisfies never;
  }
}

/** What to do about an outcome, in one line, when there is something to be done. */
export function maybeAdvice(outcome: Outcome): string | undefined {
  return outcome.kind === "limited" ? ADVICE[outcome.limit] : undefined;
}

const ADVICE: Readonly<Record<LimitName, string>> = {
  cpu: "ask for more with --cpu, up to the server's cpu_max",
  memory: "ask for more with --memory, up to the server's memory_max",
  output: "ask for more with --output, up to the server's output_max, or let R write to a file",
  processes: "ask for more with --processes, up to the server's processes_max",
  open_files: "close files that are no longer needed, or raise the server's open_files_max",
  value: "ask for a part of it, or raise the server's value_max",
  files: "ask for less, or raise the server's files_max",
  file_size: "write smaller files, or raise the server's file_size_max",
  disk: "make room there, or lower the server's disk_left_min",
};

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
