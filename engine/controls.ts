/**
 * What people do to sessions and jobs from outside: kill, interrupt, reset, recycle, cancel.
 */

import { RtoolError } from "../core/errors.ts";
import type { JobId, Principal } from "../core/job.ts";
import type { ControlCommand } from "../core/report.ts";
import type { Archive } from "./archive.ts";
import type { Directory } from "./directory.ts";
import type { EngineJob } from "./job.ts";

/** What can be done something to. */
export interface Controlled {
  readonly directory: Directory;
  /** Every job that has not ended. */
  readonly jobs: ReadonlyMap<JobId, EngineJob>;
  readonly archive: Archive;
  /** New sessions come from an R started anew. */
  readonly recycle: () => void;
}

/** Obeys commands. */
export class Controls {
  readonly #engine: Controlled;

  constructor(engine: Controlled) {
    this.#engine = engine;
  }

  /** Does it, and says what was done. Throws `unknown_session`, `unknown_job`, `not_allowed`. */
  async obey(principal: Principal, command: ControlCommand): Promise<string> {
    switch (command.kind) {
      case "recycle":
        return this.#recycle(principal);
      case "cancel":
        return this.#cancel(principal, command.job);
      case "kill": {
        await this.#engine.directory.find(principal, command.session).kill();
        return `session '${command.session}' is ended`;
      }
      case "reset":
        this.#engine.directory.find(principal, command.session).reset();
        return `the next job of session '${command.session}' gets a clean R`;
      case "interrupt": {
        const { current } = this.#engine.directory.find(principal, command.session);
        if (!current) return `session '${command.session}' has no job to interrupt`;
        current.cancel({ kind: "cancelled", reason: "client" });
        return `job ${current.id} of session '${command.session}' is being interrupted`;
      }
      default:
        return command satisfies never;
    }
  }

  #recycle(principal: Principal): string {
    if (!principal.local) {
      throw new RtoolError("not_allowed", "Only the server's own user may recycle its R");
    }
    this.#engine.recycle();
    return "new sessions get an R that is started anew";
  }

  #cancel(principal: Principal, id: JobId): string {
    const job = this.#engine.jobs.get(id) ??
      this.#engine.archive.jobs.find((each) => each.id === id);
    if (!job || (!principal.local && job.principal.name !== principal.name)) {
      throw new RtoolError("unknown_job", `There is no job ${id}`, { hint: "see: rtool jobs" });
    }
    if (job.settled) return `job ${id} has ended already`;
    job.cancel({ kind: "cancelled", reason: "client" });
    return `job ${id} is being stopped`;
  }
}
