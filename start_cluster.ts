/**
 * Joins `rtool serve` to a queue, if it is to be in one. Part of start.ts.
 */

import type { Context } from "./cli/context.ts";
import type { Broker } from "./cluster/broker.ts";
import type { BrokerOptions } from "./cluster/broker_options.ts";
import type { ClaimedPrincipal, ClusterKey } from "./cluster/claim.ts";
import { hostMemory } from "./cluster/host_memory.ts";
import type { HostPackages } from "./cluster/host_packages.ts";
import type { HostReport } from "./cluster/host_report.ts";
import type { Queue } from "./cluster/queue.ts";
import type { QueueClient } from "./cluster/queue_client.ts";
import type { QueueWay } from "./cluster/queue_evaluator.ts";
import type { QueueCounts, QueueWorker, WorkerOptions } from "./cluster/queue_worker.ts";
import type { SessionHost } from "./cluster/session_host.ts";
import { RtoolError, toRtoolError } from "./core/errors.ts";
import type { Evaluator, Principal } from "./core/job.ts";
import type { Log } from "./core/log.ts";
import { OWNER } from "./core/profile.ts";
import { SOFTWARE } from "./core/version.ts";
import type { Sessions } from "./engine/sessions.ts";
import type { Access } from "./start_access.ts";

/** What a server joins a queue with. */
export interface ClusterParts {
  readonly context: Context;
  readonly log: Log;
  readonly stateDir: string;
  readonly rVersion: string;
  /** The server leaves: no more jobs are taken. */
  readonly stop: AbortSignal;
  readonly sessions: Sessions;
  readonly access: Access;
  /** Makes of an engine what doors may be given. */
  readonly around: (engine: Evaluator) => Evaluator;
  /** Is told what becomes of the queue's jobs here. */
  readonly counts?: QueueCounts | undefined;
}

/** Where a server stands in its cluster, as of now. */
export interface Standing {
  /** The queue; `undefined` while the broker is not there. */
  readonly maybeQueue: () => Queue | undefined;
  readonly placesMax: number;
  /** Jobs of the queue that run here. */
  readonly running: number;
  readonly reconnects: number;
}

/** Disposing it waits until the results of the queue's jobs are stored. */
export interface Joined extends AsyncDisposable {
  /** What doors are given. */
  readonly evaluator: Evaluator;
  /** @default {in none} */
  readonly standing?: Standing;
}

/** The evaluator of the sessions; beside it that of the queue the options name, if they do. */
export async function joinCluster(parts: ClusterParts): Promise<Joined> {
  const { context, sessions, around } = parts;
  const queue = context.options.maybeText("queue");
  const urls = context.options.list("nats");
  if (queue === undefined || urls.length === 0) {
    return { evaluator: around(sessions), [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const { withQueue, reportingQueue } = await import("./cluster/queue_evaluator.ts");
  const { brokerOptions, readClusterKey } = await import("./cli/cluster_access.ts");
  const access = brokerOptions(context.options); // What cannot be used is told now.
  const membership = new Membership(parts, queue, await readClusterKey(context), access);
  const evaluator = around(withQueue(sessions, membership));
  membership.begin(evaluator);
  return {
    evaluator: reportingQueue(evaluator, membership),
    standing: membership,
    [Symbol.asyncDispose]: () => membership[Symbol.asyncDispose](),
  };
}

/** The connection, once there is one, and what was made with it. */
class Membership implements AsyncDisposable, QueueWay, Standing {
  client: QueueClient | undefined;
  readonly #parts: ClusterParts;
  readonly #queue: string;
  readonly #key: ClusterKey;
  readonly #access: BrokerOptions;
  #broker: Broker | undefined;
  #worker: QueueWorker | undefined;
  #packages: HostPackages | undefined;
  #sessionHost: SessionHost | undefined;
  #answering: Disposable | undefined;
  readonly #startedAt = performance.now();
  readonly #firstTry = Promise.withResolvers<void>();
  readonly tried = this.#firstTry.promise;
  #joining: Promise<void> = Promise.resolve();

  constructor(parts: ClusterParts, queue: string, key: ClusterKey, access: BrokerOptions) {
    this.#parts = parts;
    this.#queue = queue;
    this.#key = key;
    this.#access = access;
  }

  readonly maybeQueue = (): Queue | undefined => {
    return this.#broker?.away === false ? this.client?.queue : undefined;
  };

  get placesMax(): number {
    const { options } = this.#parts.context;
    const own = options.maybeText("queue-jobs-max");
    return own === undefined ? options.integer("jobs-max") : Number(own);
  }

  get running(): number {
    return this.#worker?.running ?? 0;
  }

  get reconnects(): number {
    return this.#broker?.reconnects ?? 0;
  }

  /** The server's own doors do not wait for the broker. */
  begin(evaluator: Evaluator): void {
    const { stop, log } = this.#parts;
    this.#joining = this.#join(evaluator).catch((error) => {
      const { message: why, hint } = toRtoolError(error);
      if (!stop.aborted) log.error("cluster not joined", hint ? { why, hint } : { why });
      this.#leave();
    }).finally(this.#firstTry.resolve);
    stop.addEventListener("abort", () => this.#leave(), { once: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave();
    await this.#joining;
    await this.#packages?.[Symbol.asyncDispose]();
    this.#answering?.[Symbol.dispose]();
    await this.#sessionHost?.[Symbol.asyncDispose]();
    await this.#worker?.[Symbol.asyncDispose]();
    await this.#broker?.[Symbol.asyncDispose]();
  }

  #leave(): void {
    this.#worker?.leave();
    this.#packages?.leave();
    this.#sessionHost?.leave();
  }

  async #join(evaluator: Evaluator): Promise<void> {
    const { context, stop, log, sessions } = this.#parts;
    const { Broker } = await import("./cluster/broker.ts");
    const { HostPackages } = await import("./cluster/host_packages.ts");
    const { answerHosts } = await import("./cluster/host_report.ts");
    const { Queue } = await import("./cluster/queue.ts");
    const { QueueClient } = await import("./cluster/queue_client.ts");
    const { QueueWorker } = await import("./cluster/queue_worker.ts");
    const { SessionHost } = await import("./cluster/session_host.ts");
    const { askedSizes } = await import("./cli/cluster_access.ts");
    const access = this.#access;
    const broker = this.#broker = await this.#whenThere(() => Broker.connect(access));
    if (!broker) return;
    broker.tellOutages(log);
    const sizes = askedSizes(context.options);
    const queue = await this.#whenThere(() => Queue.open(broker, this.#queue, sizes));
    if (!queue) return;
    const packages = this.#packages = new HostPackages(sessions, log, () => void worker.look());
    const workerOptions = this.#workerOptions(evaluator, packages);
    const worker = this.#worker = new QueueWorker(queue, workerOptions);
    await this.#whenThere(() => worker.start());
    this.#sessionHost = new SessionHost(queue, workerOptions);
    this.#sessionHost.start();
    this.#answering = answerHosts(
      queue,
      () => this.#report(worker, workerOptions, packages),
      () => packages.versions ?? new Map(),
    );
    this.client = new QueueClient(queue, this.#key);
    if (stop.aborted) return this.#leave();
    log.info("joined the queue", { queue: this.#queue });
    packages.begin();
  }

  /** Does what needs the broker as soon as it is there. */
  async #whenThere<T>(ask: () => Promise<T>): Promise<T | undefined> {
    const { whenThere } = await import("./cluster/queue_worker.ts");
    const { log, stop } = this.#parts;
    const telling = async () => {
      try {
        return await ask();
      } catch (error) {
        this.#firstTry.resolve();
        throw error;
      }
    };
    return await whenThere(telling, log, stop);
  }

  #report(
    { running, done }: QueueWorker,
    options: WorkerOptions,
    { versions }: HostPackages,
  ): HostReport {
    const { labels, cores, memoryBytes } = options.capacity();
    return {
      host: options.host,
      software: SOFTWARE,
      r: this.#parts.rVersion,
      labels,
      running,
      places: options.placesMax,
      done,
      cores,
      memory_bytes: memoryBytes,
      memory_free_bytes: hostMemory().available,
      packages: versions?.size ?? null,
      load: Deno.loadavg()[0] ?? 0,
      uptime_ms: Math.round(performance.now() - this.#startedAt),
    };
  }

  #workerOptions(evaluator: Evaluator, packages: HostPackages): WorkerOptions {
    const { context: { options }, sessions, access, stateDir, counts, log } = this.#parts;
    return {
      evaluator,
      principalOf: (claimed) => principalOf(claimed, access),
      trusted: new Set([this.#key.publicKey, ...options.list("cluster-trust")]),
      host: `${Deno.hostname()}:${Deno.pid}`,
      capacity: () => ({
        labels: options.list("label"),
        cores: navigator.hardwareConcurrency,
        memoryBytes: hostMemory().total,
        packages: packages.names,
      }),
      placesMax: this.placesMax,
      isFree: () => sessions.hasPlace,
      leaseMs: options.ms("lease"),
      deliveriesMax: options.integer("deliveries-max"),
      awayMaxMs: options.ms("away-max"),
      spoolDir: stateDir,
      counts,
      log,
    };
  }
}

/** Who a proved claim is here: its profile means what this server's configuration says of it. */
function principalOf({ principal: name, profile }: ClaimedPrincipal, access: Access): Principal {
  if (profile === OWNER.name) return { name, local: true, profile: OWNER };
  const found = access.maybeProfile(profile);
  if (found) return { name, local: false, profile: found };
  throw new RtoolError("not_allowed", `The host that has the job has no profile '${profile}'`);
}
