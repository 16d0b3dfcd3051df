/**
 * Every metric there is, in the order in which they are told; docs/operations.md has the same.
 *
 * No label may hold what a client chose: each has few values, known beforehand or bounded by the
 * size of the cluster.
 */

import type { Family } from "./exposition.ts";

/** The metrics by name. */
export const FAMILIES = {
  rtool_build_info: gauge("1; the labels say which versions run", "version", "deno", "r"),
  rtool_start_time_seconds: gauge("When the server was ready, in seconds since 1970"),

  rtool_connections: gauge("Open connections, by what they speak; `none`: nothing yet", "wire"),
  rtool_connections_total: counter("Connections that have said what they speak, or ended", "wire"),
  rtool_connections_refused_total: counter("Connections refused since all were taken"),
  rtool_auth_failures_total: counter("Peers that were not let in"),

  rtool_jobs_total: counter("Jobs that ended, by outcome; refused ones are `rejected`", "outcome"),
  rtool_jobs_rejected_total: counter("Jobs that were refused or rejected, by error code", "code"),
  rtool_jobs_running: gauge("Sessions that evaluate a job"),
  rtool_jobs_running_max: gauge("Sessions that may evaluate at once: jobs_max"),
  rtool_jobs_waiting: gauge("Accepted jobs that R has not been given"),
  rtool_job_wait_seconds: histogram("From a job's acceptance to its start"),
  rtool_job_duration_seconds: histogram("From a job's start to its end; without those not started"),
  rtool_job_cpu_seconds_total: counter("Processor time of jobs, as their receipts tell"),
  rtool_job_stops_total: counter("Started jobs by what ended them", "rung"),
  rtool_output_bytes_total: counter("Bytes that jobs wrote to each stream", "stream"),

  rtool_sessions: gauge("Sessions, by what they do", "state"),
  rtool_sessions_lost_total: counter("Jobs with which a named session lost its R and variables"),
  rtool_workers: gauge("R processes, by what they do; `spare`: kept ready", "state"),
  rtool_worker_memory_bytes: gauge("Memory of all R and what they started, shared pages by share"),
  rtool_worker_starts_total: counter("R processes that were started; `template`: to fork", "how"),
  rtool_worker_start_failures_total: counter("R processes that did not start"),

  rtool_broker_up: gauge("Whether the broker has answered this scrape: 1 or 0"),
  rtool_broker_reconnects_total: counter("How often a lost broker was found again"),
  rtool_queue_places: gauge("Jobs of the queue that may run here at once"),
  rtool_queue_jobs_running: gauge("Jobs of the queue that run here"),
  rtool_queue_jobs_total: counter("Jobs of the queue that ended here, by outcome", "outcome"),
  rtool_queue_sent_total: counter("Jobs that clients of this server put into the queue"),
  rtool_queue_reruns_total: counter("Attempts begun here after a host was lost"),
  rtool_queue_given_back_total: counter("Jobs of the queue handed back, not begun"),
  rtool_queue_overtaken_total: counter("Runs whose job another host had taken over meanwhile"),
  rtool_queue_dead_total: counter("Jobs put on the dead list by this server"),

  rtool_cluster_jobs_waiting: gauge("Jobs in the queue that no host has", "queue"),
  rtool_cluster_jobs_running: gauge("Jobs in the queue that hosts have", "queue"),
  rtool_cluster_oldest_job_age_seconds: gauge(
    "Since the oldest of both was sent; 0 without one",
    "queue",
  ),
  rtool_cluster_jobs_dead: gauge("Jobs on the dead list", "queue"),
  rtool_cluster_kept_bytes: gauge("Bytes of the logs of jobs that are kept", "queue"),
  rtool_cluster_servers: gauge("Servers that answered for the queue", "queue"),
  rtool_cluster_host_info: gauge("1; the labels say what a host runs", "host", "version", "r"),
  rtool_cluster_host_places: gauge("Jobs of the queue that may run on a host", "host"),
  rtool_cluster_host_jobs_running: gauge("Jobs of the queue that run on a host", "host"),
  rtool_cluster_host_load: gauge("Load of a host in the last minute", "host"),

  process_start_time_seconds: gauge("When the process began, in seconds since 1970"),
  process_cpu_seconds_total: counter("Processor time of the server itself, without R"),
  process_resident_memory_bytes: gauge("Memory of the server itself, without R"),
  process_open_fds: gauge("Files the server has open"),
  process_max_fds: gauge("Files it may have open"),
} satisfies Readonly<Record<string, Family>>;

/** Name of a metric. */
export type FamilyName = keyof typeof FAMILIES;

/** The labels of a metric, each with its value. */
export type LabelsOf<Name extends FamilyName> = Readonly<
  Record<typeof FAMILIES[Name]["labels"][number], string>
>;

interface Labelled<Label extends string> extends Family {
  readonly labels: readonly Label[];
}

function counter<Label extends string = never>(help: string, ...labels: Label[]): Labelled<Label> {
  return { type: "counter", help, labels };
}

function gauge<Label extends string = never>(help: string, ...labels: Label[]): Labelled<Label> {
  return { type: "gauge", help, labels };
}

function histogram<Label extends string = never>(
  help: string,
  ...labels: Label[]
): Labelled<Label> {
  return { type: "histogram", help, labels };
}
