/**
 * What a host tells of its sessions, and does to them, for whoever has signed that it asks.
 */

import type { Msg } from "@nats-io/nats-core/internal";
import type { Fields } from "../core/condition.ts";
import { RtoolError } from "../core/errors.ts";
import type { Principal } from "../core/job.ts";
import type { SessionReport } from "../core/report.ts";
import { parseControl } from "../messages_control.ts";
import { sessionFields } from "../messages_report.ts";
import { verifyClaim } from "./claim.ts";
import { readClaim } from "./claim_headers.ts";
import { ownerToken } from "./names.ts";
import { answer, headersOf, JOB_HEADER, readFields, refusalFields } from "./session_ask.ts";
import type { SessionHouse } from "./session_run.ts";

/** A question is answered for so long after it was signed; clocks may differ by that, too. */
const QUESTION_AGE_MAX_MS = 5 * 60_000;

/** Orders that are remembered, so that none is obeyed twice. */
const SEEN_MAX = 10_000;

/** Answers for the sessions of one host. */
export class SessionOrders {
  readonly #house: SessionHouse;
  readonly #seen = new Set<string>();

  constructor(house: SessionHouse) {
    this.#house = house;
  }

  /** Which sessions the principal that asks has here. Never rejects. */
  async tell(message: Msg): Promise<void> {
    const { options: { evaluator }, self: { host, token } } = this.#house;
    await answering(message, async () => {
      const { sessions } = await evaluator.report(await this.#asker(message));
      return { host, token, sessions: sessions.map(sessionFields) };
    });
  }

  /** Does something to a session. Never rejects. */
  async obey(message: Msg): Promise<void> {
    await answering(message, async () => {
      const principal = await this.#asker(message);
      this.#refuseAgain(headersOf(message)[JOB_HEADER] ?? "");
      const command = parseControl(readFields(message));
      if (command.kind !== "kill" && command.kind !== "interrupt" && command.kind !== "reset") {
        throw new RtoolError("bad_request", `A session's host is not asked to ${command.kind}`);
      }
      const { evaluator } = this.#house.options;
      if (command.kind === "kill") {
        const { sessions } = await evaluator.report(principal);
        const found = findSession(sessions, principal, command.session);
        // One that has ended by itself may still be ours.
        await this.#letGo(found ?? { principal: principal.name, name: command.session });
      }
      return { message: await evaluator.control(principal, command) };
    });
  }

  async #letGo({ principal, name }: Pick<SessionReport, "principal" | "name">): Promise<void> {
    if (name === null) return;
    await this.#house.ledger.letGo({ owner: await ownerToken({ name: principal }), name });
  }

  /** Who asks; nothing of the question is believed before that is proved. */
  async #asker(message: Msg): Promise<Principal> {
    const { queue, options: { trusted, principalOf } } = this.#house;
    const headers = headersOf(message);
    const id = headers[JOB_HEADER] ?? "";
    const check = { queue: queue.name, id, trusted, ageMaxMs: QUESTION_AGE_MAX_MS };
    return principalOf(await verifyClaim(readClaim(headers), new Uint8Array(message.data), check));
  }

  #refuseAgain(id: string): void {
    if (this.#seen.has(id)) throw new RtoolError("bad_request", "That was asked before");
    this.#seen.add(id);
    const [oldest] = this.#seen;
    if (this.#seen.size > SEEN_MAX && oldest !== undefined) this.#seen.delete(oldest);
  }
}

/** The session that a principal means by a name or an id, as `control` finds it. */
export function findSession<T extends SessionReport>(
  sessions: readonly T[],
  principal: Principal,
  session: string,
): T | undefined {
  const own = sessions.find(({ name, principal: owner }) => {
    return name === session && owner === principal.name;
  });
  return own ?? sessions.find(({ id }) => id === session);
}

async function answering(message: Msg, find: () => Promise<Fields>): Promise<void> {
  answer(message, await find().catch(refusalFields));
}
