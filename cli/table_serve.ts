/**
 * The command table's part for `serve`: its options, of which most are bounds.
 */

import type { OptionSpec, ValueKind } from "../core/options.ts";
import { type CommandSpec, CONFIG, HELP, HOSTNAME, PORT, QUIET, TOKENS } from "./command.ts";
import { CLUSTERED } from "./table_cluster.ts";

const LISTENING: readonly OptionSpec[] = [
  { ...HOSTNAME, help: "Address to listen on" },
  { ...PORT, help: "Port to listen on; 0 picks a free one" },
  CONFIG,
];

const STARTING_R: readonly OptionSpec[] = [
  { ...keyed("r", "text", "COMMAND", "Command that runs R"), fallback: "R" },
  {
    ...keyed("start", "choice", "fork|spawn", "How sessions get their R"),
    choices: ["fork", "spawn"],
    fallback: "fork",
  },
  {
    ...keyed("preload", "text", "PACKAGES", "Packages every R has attached from the start: a,b"),
    repeat: true,
    list: true,
  },
  keyed("init", "text", "FILE", "R code every R runs before its first job"),
  limit("spares", "count", "N", "R processes kept ready for new sessions", "2"),
  limit("spare-age-max", "duration", "TIME", "A spare R that is older is replaced", "1h"),
];

/** How R is shut in; `doctor` tries it. */
const CONFINING_R: readonly OptionSpec[] = [
  {
    ...keyed("isolation", "choice", "none|confined|required", "Whether R runs in a sandbox"),
    choices: ["none", "confined", "required"],
    fallback: "none",
  },
  keyed("worker-user", "text", "NAME", "Who a confined R runs as; root must name one"),
];

const BOUNDS_OF_THE_SERVER: readonly OptionSpec[] = [
  {
    ...keyed("jobs-max", "count", "N", "Sessions that may evaluate at once"),
    automatic: {
      value: () => String(Math.max(4, 2 * navigator.hardwareConcurrency)),
      words: "4, or twice the cores",
    },
    reload: true,
  },
  {
    ...keyed("jobs-per-principal-max", "count", "N", "How many of these one other user may have"),
    automatic: {
      value: () => String(Math.max(2, navigator.hardwareConcurrency)),
      words: "2, or the cores",
    },
    reload: true,
  },
  limit("queue-max", "count", "N", "Jobs that may wait", "256"),
  limit("sessions-max", "count", "N", "Sessions that may have an R", "64"),
  limit("connections-max", "count", "N", "Open connections", "1024"),
  limit("jobs-per-connection-max", "count", "N", "Jobs one connection may have open", "256"),
  limit("session-idle", "duration", "TIME", "An unused session's R ends after this", "1h"),
  limit("detached-keep", "duration", "TIME", "Output of a detached job is kept this long", "1h"),
  limit("detached-max", "size", "SIZE", "Kept output of all detached jobs, on disk", "1GiB"),
  limit("disk-left-min", "size", "SIZE", "Jobs are stopped when the disk has less left", "16MiB"),
  limit("drain", "duration", "TIME", "Running jobs may take this at shutdown", "30s"),
];

const BOUNDS_OF_A_JOB: readonly OptionSpec[] = [
  limit("code-max", "size", "SIZE", "Code of one job", "16MiB"),
  limit("output-max", "size", "SIZE", "Output of one job", "64MiB"),
  limit("timeout-max", "duration", "TIME", "Waiting and running of one job; none by default"),
  limit("cpu-max", "duration", "TIME", "Processor time of one job; none by default"),
  limit("memory-max", "size", "SIZE", "Memory of R and all it starts", "4GiB"),
  limit("processes-max", "count", "N", "Processes of one job, R included", "128"),
  limit("open-files-max", "count", "N", "Files one process of a job may have open", "256"),
  limit("file-size-max", "size", "SIZE", "Size of a file a job writes", "16GiB"),
  limit("value-max", "size", "SIZE", "Value one job hands over", "1GiB"),
  limit("plots-max", "count", "N", "Plots one job hands over", "100"),
  limit("plot-size-max", "size", "SIZE", "Size of one plot", "20MiB"),
  limit("files-max", "size", "SIZE", "Files one job hands over", "1GiB"),
  limit("upload-max", "size", "SIZE", "Files and data that come with one job", "1GiB"),
  limit("stop-grace", "duration", "TIME", "An interrupted job is killed after this", "2s"),
];

const RPY2_ANONYMOUS = keyed(
  "rpy2-anonymous",
  "text",
  "PROFILE",
  "What whoever speaks rpy2's wire gets: it has no word for a token",
);

const INSECURE: OptionSpec = {
  name: "insecure",
  kind: "flag",
  help: "Serve any user and any address: whoever connects can run anything as you",
  key: "serve.insecure",
};

const TLS_FILES: readonly OptionSpec[] = [
  {
    name: "tls",
    kind: "flag",
    help: "Speak TLS alone, with what rtool tls init has made; implied by --tls-cert",
    key: "serve.tls",
  },
  keyed("tls-cert", "text", "FILE", "The server's certificate (default: rtool/tls/server.pem)"),
  keyed("tls-key", "text", "FILE", "Its private key (default: FILE.key beside FILE.pem)"),
  keyed("tls-ca", "text", "FILE", "Who signs clients' certificates (default: ca.pem beside it)"),
];

const AUDIT: readonly OptionSpec[] = [
  {
    ...keyed("audit", "text", "FILE", "Write a line for each decision and job; - is stderr"),
    fallback: "none",
  },
  {
    ...keyed("audit-max", "size", "SIZE", "The audit's file is then kept as FILE.1"),
    fallback: "64MiB",
  },
  {
    name: "audit-required",
    kind: "flag",
    help: "Run no job that cannot be written into the audit",
    key: "serve.audit_required",
  },
];

const METRICS: OptionSpec = {
  ...keyed("metrics", "address", "[HOST:]PORT", "Tell Prometheus of this server on that port"),
  fallback: "none",
};

/** `rtool serve`. */
export const SERVE: CommandSpec = {
  name: "serve",
  operands: "",
  summary: "Serve R on this machine",
  options: [
    ...LISTENING,
    ...STARTING_R,
    ...CONFINING_R,
    ...BOUNDS_OF_THE_SERVER,
    ...BOUNDS_OF_A_JOB,
    TOKENS,
    ...TLS_FILES,
    RPY2_ANONYMOUS,
    INSECURE,
    ...AUDIT,
    METRICS,
    ...CLUSTERED,
    QUIET,
    HELP,
  ],
  notes: [
    "Serves the user who started it, on this machine, and whoever has a token (rtool token new)",
    "or, under TLS, a certificate that [certificate.NAME] of the configuration names.",
    "Confined R sees nothing of the machine but what R needs: docs/security.md.",
    "SIGTERM or SIGINT: no new jobs, running ones may finish, then exit 0.",
    "SIGHUP: reads the configuration and certificates again; connections and sessions stay.",
  ],
};

/** An option whose key in the file is its name. */
function keyed(name: string, kind: ValueKind, value: string, help: string): OptionSpec {
  return { name, kind, value, help, key: `serve.${name.replaceAll("-", "_")}` };
}

/** A bound, which a running server takes over when its configuration is read again. */
function limit(
  name: string,
  kind: ValueKind,
  value: string,
  help: string,
  fallback?: string,
): OptionSpec {
  const spec = { ...keyed(name, kind, value, help), reload: true as const };
  return fallback === undefined ? spec : { ...spec, fallback };
}
