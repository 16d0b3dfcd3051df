/**
 * The command table's part for queues: what `serve` and the clients say of the broker.
 */

import type { OptionSpec, ValueKind } from "../core/options.ts";
import { type CommandSpec, CONFIG, HELP } from "./command.ts";

const WHERE: OptionSpec = {
  name: "nats",
  kind: "text",
  value: "URL",
  help: "Broker with the queue, such as nats://host:4222; a comma separates several",
  list: true,
  repeat: true,
};

/** How to get in at the broker, and whose word counts there. */
const CREDENTIALS: readonly OptionSpec[] = [
  keyed("cluster-key", "key", "FILE", "Key that signs jobs (default: rtool/cluster.key)"),
  keyed("nats-user", "user", "NAME", "User at the broker"),
  keyed("nats-password-file", "password_file", "FILE", "File with that user's password"),
  keyed("nats-token-file", "token_file", "FILE", "File with a token for the broker"),
  keyed("nats-nkey-file", "nkey_file", "FILE", "File with an nkey seed"),
  keyed("nats-credentials", "credentials", "FILE", "Credentials file, as nsc makes it"),
  keyed("nats-ca", "ca", "FILE", "Certificates (PEM) the broker's is checked with"),
  keyed("nats-cert", "cert", "FILE", "Certificate (PEM) the broker is shown"),
  keyed("nats-key", "cert_key", "FILE", "Its private key"),
];

const TRUST: OptionSpec = {
  ...keyed("cluster-trust", "trust", "KEY", "Public keys whose jobs are taken, beside its own"),
  list: true,
  repeat: true,
};

/** Of clients: straight to the broker. */
export const STRAIGHT: readonly OptionSpec[] = [
  { ...WHERE, help: `${WHERE.help}; without it: through the server`, env: "RTOOL_NATS" },
  ...CREDENTIALS,
];

/** Of `attach`, `jobs`, `cancel` and `sessions`: the queue at `--nats`. */
export const QUEUE: OptionSpec = {
  name: "queue",
  kind: "text",
  value: "NAME",
  help: "With --nats: the queue",
};

/** Of what sends jobs. */
export const QUEUED: readonly OptionSpec[] = [
  { ...QUEUE, help: "Let any host of this queue run the job, in a clean R or its --session" },
  {
    name: "require",
    kind: "text",
    value: "WHAT",
    help: "With --queue: on a host with this label, cores=N, memory=SIZE or package=NAME",
    list: true,
    repeat: true,
  },
  {
    name: "at-most-once",
    kind: "flag",
    help: "With --queue: never run it again, even when its host was lost",
  },
  ...STRAIGHT,
];

/** How much the broker keeps; what is not asked for stays as it is in a queue that is there. */
const SIZES: readonly OptionSpec[] = [
  {
    ...keyed("replicas", "replicas", "N", "Copies of the queue in a cluster of brokers", "count"),
    fallback: "1",
  },
  size("queue-size-max", "Jobs that wait or run; more are refused", "1GiB"),
  size("logs-size-max", "Logs of jobs; then the oldest go", "2GiB"),
  size("dead-size-max", "Jobs that were given up; then the oldest go", "256MiB"),
  size("large-size-max", "Jobs of more than a message; more are refused", "1GiB"),
];

/** Of `serve`. */
export const CLUSTERED: readonly OptionSpec[] = [
  { ...WHERE, help: "Broker to take jobs from; a comma separates several", key: "cluster.urls" },
  keyed("queue", "queue", "NAME", "Queue there whose jobs are taken"),
  {
    ...keyed("label", "labels", "LABEL", "Also take jobs that require this, such as gpu=1"),
    list: true,
    repeat: true,
  },
  keyed(
    "queue-jobs-max",
    "queue_jobs_max",
    "N",
    "Jobs of the queue at once; jobs-max by default",
    "count",
  ),
  {
    ...keyed("lease", "lease", "TIME", "A host silent for so long loses its jobs", "duration"),
    fallback: "30s",
  },
  {
    ...keyed("deliveries-max", "deliveries_max", "N", "Hosts a job may lose", "count"),
    fallback: "3",
  },
  {
    ...keyed("away-max", "away_max", "TIME", "Results wait so long for a lost broker", "duration"),
    fallback: "10m",
  },
  TRUST,
  ...SIZES,
  ...CREDENTIALS,
];

const JSON_OUTPUT: OptionSpec = { name: "json", kind: "flag", help: "Print one JSON document" };

/** Commands about a queue as such go to the broker that the configuration names. */
const AT_THE_BROKER: readonly OptionSpec[] = [
  { ...WHERE, key: "cluster.urls", env: "RTOOL_NATS" },
  keyed("queue", "queue", "NAME", "Queue there"),
  ...CREDENTIALS,
];

/** `rtool cluster`. */
export const CLUSTER: CommandSpec = {
  name: "cluster",
  operands: "[show | key [FILE]]",
  summary: "Show the hosts of a queue and how much lies in it; make a cluster's key",
  options: [...AT_THE_BROKER, JSON_OUTPUT, CONFIG, HELP],
  notes: [
    "It asks the broker, not a server: name it with --nats URL and --queue NAME, or with urls and",
    "queue below [cluster] in the configuration file.",
    "key: makes FILE, or shows the public half of the key that is there. Servers run the jobs of",
    "whoever has their key, or one they trust (cluster.trust): keep it as you keep your ssh key.",
  ],
};

/** `rtool queue`. */
export const DEAD: CommandSpec = {
  name: "queue",
  operands: "[dead | retry ID | drop ID]",
  summary: "List the jobs a queue has given up, try them again, or drop them",
  options: [...AT_THE_BROKER, TRUST, JSON_OUTPUT, CONFIG, HELP],
  notes: [
    "retry prints the new ids: what a job did before stays with its old one.",
    "ID may be shortened; 'all' means every job of the list.",
  ],
};

function keyed(
  name: string,
  key: string,
  value: string,
  help: string,
  kind: ValueKind = "text",
): OptionSpec {
  return { name, kind, value, help, key: `cluster.${key}` };
}

function size(name: string, help: string, fallback: string): OptionSpec {
  return { ...keyed(name, name.replaceAll("-", "_"), "SIZE", help, "size"), fallback };
}
