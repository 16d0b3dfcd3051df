/**
 * Counts what becomes of a queue's jobs here, and tells of the queue as a whole.
 */

import type { HostReport, QueueReport } from "../cluster/host_report.ts";
import type { Page } from "./page.ts";
import { Tally } from "./tally.ts";

/** Where this server stands in its cluster. */
export interface ClusterState {
  readonly places: number;
  readonly running: number;
  readonly reconnects: number;
}

/** Hosts that are told one by one; nothing else bounds what answers at a broker. */
const HOSTS_MAX = 1000;

/** The queue's jobs on this server. */
export class QueueMetrics {
  readonly #outcomes: Tally<string>;
  #reruns = 0;
  #givenBack = 0;
  #overtaken = 0;
  #dead = 0;

  constructor(outcomes: readonly string[]) {
    this.#outcomes = new Tally(outcomes);
  }

  /** An attempt begins, after so many whose hosts were lost. */
  begun(lost: number): void {
    if (lost > 0) this.#reruns++;
  }

  ended(outcome: string): void {
    this.#outcomes.add(outcome);
  }

  givenBack(): void {
    this.#givenBack++;
  }

  overtaken(): void {
    this.#overtaken++;
  }

  buried(): void {
    this.#dead++;
  }

  /** Writes down what was counted, and where the server stands. */
  tell(page: Page, { places, running, reconnects }: ClusterState): void {
    page.set("rtool_broker_reconnects_total", reconnects, {});
    page.set("rtool_queue_places", places, {});
    page.set("rtool_queue_jobs_running", running, {});
    for (const [outcome, count] of this.#outcomes.entries()) {
      page.set("rtool_queue_jobs_total", count, { outcome });
    }
    page.set("rtool_queue_reruns_total", this.#reruns, {});
    page.set("rtool_queue_given_back_total", this.#givenBack, {});
    page.set("rtool_queue_overtaken_total", this.#overtaken, {});
    page.set("rtool_queue_dead_total", this.#dead, {});
  }
}

/** Writes down what lies in the queue, and who serves it. */
export function tellQueue(page: Page, report: QueueReport, hosts: readonly HostReport[]): void {
  const { queue } = report;
  page.set("rtool_cluster_jobs_waiting", report.waiting, { queue });
  page.set("rtool_cluster_jobs_running", report.running, { queue });
  page.set("rtool_cluster_oldest_job_age_seconds", (report.oldest_ms ?? 0) / 1000, { queue });
  page.set("rtool_cluster_jobs_dead", report.dead, { queue });
  page.set("rtool_cluster_kept_bytes", report.kept_bytes, { queue });
  page.set("rtool_cluster_servers", hosts.length, { queue });
  for (const [host, servers] of Map.groupBy(hosts.slice(0, HOSTS_MAX), machineOf)) {
    for (const { software, r } of servers) {
      const version = software.replace(/^rtool /, "");
      page.set("rtool_cluster_host_info", 1, { host, version, r });
    }
    page.set("rtool_cluster_host_places", sum(servers, ({ places }) => places), { host });
    page.set("rtool_cluster_host_jobs_running", sum(servers, ({ running }) => running), { host });
    page.set("rtool_cluster_host_load", Math.max(...servers.map(({ load }) => load)), { host });
  }
}

/** A host is told as `machine:pid`: after each start it would be another series. */
function machineOf({ host }: HostReport): string {
  return host.replace(/:\d+$/, "");
}

function sum(servers: readonly HostReport[], of: (server: HostReport) => number): number {
  return servers.reduce((total, server) => total + of(server), 0);
}
