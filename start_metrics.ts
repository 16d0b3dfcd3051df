/**
 * Counts what `rtool serve` does, and tells Prometheus, if it is to. Part of start.ts.
 *
 * Without `--metrics` nothing is loaded, and nothing is counted.
 */

import type { Audit } from "./access/audit.ts";
import { maybeMetricsPort, maybeOpenFilesMax } from "./cli/serve.ts";
import type { Queue } from "./cluster/queue.ts";
import { addressText } from "./core/address.ts";
import { RtoolError } from "./core/errors.ts";
import type { Principal } from "./core/job.ts";
import type { Log } from "./core/log.ts";
import { isLoopback } from "./core/loopback.ts";
import type { Options } from "./core/options.ts";
import { OWNER } from "./core/profile.ts";
import { settlesWithin } from "./core/time.ts";
import { VERSION } from "./core/version.ts";
import type { JobListener, Sessions } from "./engine/sessions.ts";
import type { QueueMetrics } from "./metrics/cluster_metrics.ts";
import type { EndpointOptions } from "./metrics/endpoint.ts";
import type { JobMetrics } from "./metrics/job_metrics.ts";
import type { Page } from "./metrics/page.ts";
import type { PortMetrics } from "./metrics/port_metrics.ts";
import type { ServeOptions } from "./server.ts";
import type { Access } from "./start_access.ts";
import type { Standing } from "./start_cluster.ts";
import type { ServerTls } from "./start_tls.ts";

/** What the endpoint is opened with. */
export interface MetricsParts {
  readonly options: Options;
  /** Whether others could be let in, as for the server's own port. */
  readonly openTls: { readonly hasCredentials: boolean } | undefined;
  readonly tls: ServerTls | undefined;
  readonly access: Access;
  readonly audit: Audit | undefined;
  readonly log: Log;
}

/** What is looked at when a scrape asks. */
export interface Sources {
  readonly sessions: Sessions;
  readonly rVersion: string;
  readonly standing: Standing | undefined;
}

/** What counts. */
interface Counters {
  readonly jobs: JobMetrics;
  readonly port: PortMetrics;
  readonly queue: QueueMetrics;
}

/** The broker may take this to answer a scrape. */
const QUEUE_MS = 2000;

/** Sees all sessions; the endpoint tells their number alone. */
const WATCHER: Principal = { name: "metrics", local: true, profile: OWNER };

/** Opens the port that the options name; throws when it cannot be had. */
export async function maybeMetrics(parts: MetricsParts): Promise<ServerMetrics | undefined> {
  const listener = maybeMetricsPort(parts.options, parts.openTls);
  if (!listener) return undefined;
  const { JobMetrics, OUTCOME_KINDS } = await import("./metrics/job_metrics.ts");
  const { PortMetrics } = await import("./metrics/port_metrics.ts");
  const { QueueMetrics } = await import("./metrics/cluster_metrics.ts");
  const [jobs, port] = [new JobMetrics(), new PortMetrics()];
  return new ServerMetrics(listener, parts, { jobs, port, queue: new QueueMetrics(OUTCOME_KINDS) });
}

/** Who is let in and who is not, counted. */
export function counted(
  admit: ServeOptions["admit"],
  refused: NonNullable<ServeOptions["refused"]>,
  metrics: ServerMetrics | undefined,
): Pick<ServeOptions, "admit" | "refused" | "watch"> {
  if (!metrics) return { admit, refused };
  const { port } = metrics;
  return {
    admit: async (link, token, wire) => {
      try {
        return await admit(link, token, wire);
      } catch (error) {
        port.failed();
        throw error;
      }
    },
    refused: (link, error) => {
      port.failed();
      refused(link, error);
    },
    watch: port,
  };
}

/** Tells the audit and the metrics of jobs, if there are any. */
export function listening(
  audit: Audit | undefined,
  metrics: ServerMetrics | undefined,
): JobListener {
  return {
    ...metrics && { started: metrics.jobs.started },
    ended: (job, outcome, receipt) => {
      audit?.ended(job, outcome, receipt);
      metrics?.jobs.ended(job, outcome, receipt);
    },
  };
}

/** The counters of a server, and the port that tells them. */
export class ServerMetrics implements AsyncDisposable, Counters {
  readonly jobs: JobMetrics;
  readonly port: PortMetrics;
  readonly queue: QueueMetrics;
  readonly #listener: Deno.TcpListener;
  readonly #parts: MetricsParts;
  readonly #stop = new AbortController();
  #serving: Promise<void> | undefined;

  constructor(listener: Deno.TcpListener, parts: MetricsParts, { jobs, port, queue }: Counters) {
    this.#listener = listener;
    this.#parts = parts;
    this.jobs = jobs;
    this.port = port;
    this.queue = queue;
  }

  /** Answers from here on, and says where. */
  tell(sources: Sources, say: (line: string) => void): void {
    const readyAt = Date.now();
    const { log } = this.#parts;
    const write = () => this.#write(sources, readyAt);
    this.#serving = this.#serve({ write, shut: this.#shut(), log });
    say(`metrics on ${addressText(this.#listener.addr)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#serving) return this.#listener.close();
    this.#stop.abort();
    await this.#serving;
  }

  async #serve(options: EndpointOptions): Promise<void> {
    const { serveMetrics } = await import("./metrics/endpoint.ts");
    await serveMetrics(this.#listener, options, this.#stop.signal);
  }

  /** Who may ask, beyond this machine: whoever may use the server. */
  #shut(): EndpointOptions["shut"] {
    const { options, tls, access, audit } = this.#parts;
    if (options.flag("insecure") || isLoopback(this.#listener.addr.hostname)) return undefined;
    if (!tls) throw new RtoolError("internal", "The metrics are open without TLS");
    return {
      secure: tls.secure,
      admit: async ({ ends }, token) => {
        try {
          await access.admission.admit(ends, token);
        } catch (error) {
          this.port.failed();
          audit?.refused(ends, error);
          throw error;
        }
      },
    };
  }

  async #write({ sessions, rVersion, standing }: Sources, readyAt: number): Promise<string> {
    const { Page } = await import("./metrics/page.ts");
    const { tellEngine } = await import("./metrics/engine_metrics.ts");
    const { tellProcess } = await import("./metrics/process_metrics.ts");
    const page = new Page();
    const versions = { version: VERSION, deno: Deno.version.deno, r: rVersion };
    page.set("rtool_build_info", 1, versions);
    page.set("rtool_start_time_seconds", readyAt / 1000, {});
    if (standing) await this.#tellCluster(page, standing);
    this.port.tell(page);
    this.jobs.tell(page);
    tellEngine(page, await sessions.report(WATCHER), sessions.pools.stock, sessions.pools.starts);
    tellProcess(page);
    page.set("process_max_fds", maybeOpenFilesMax(), {});
    return page.text();
  }

  async #tellCluster(page: Page, standing: Standing): Promise<void> {
    const queue = standing.maybeQueue();
    const isUp = queue !== undefined && await tellWhole(page, queue);
    page.set("rtool_broker_up", isUp ? 1 : 0, {});
    this.jobs.tellSent(page);
    const { placesMax: places, running, reconnects } = standing;
    this.queue.tell(page, { places, running, reconnects });
  }
}

/** Tells of the queue as a whole; false when the broker does not answer in time. */
async function tellWhole(page: Page, queue: Queue): Promise<boolean> {
  const { askHosts, reportQueue } = await import("./cluster/host_report.ts");
  const { tellQueue } = await import("./metrics/cluster_metrics.ts");
  const asking = Promise.all([reportQueue(queue), askHosts(queue)]).then(([report, hosts]) => {
    return { report, hosts };
  });
  if (!await settlesWithin(asking, QUEUE_MS)) return false;
  const { report, hosts } = await asking;
  tellQueue(page, report, hosts);
  return true;
}
