/**
 * The sessions of a queue's hosts, as those who want something of them see them.
 */

import { type Fields, maybeText } from "../core/condition.ts";
import { RtoolError } from "../core/errors.ts";
import type { Principal } from "../core/job.ts";
import type { ControlCommand, SessionReport } from "../core/report.ts";
import { controlFields, type ControlRequest } from "../messages_control.ts";
import { parseSessions } from "../messages_report.ts";
import { asking } from "./broker_faults.ts";
import { claimedOf, type ClusterKey, signClaim } from "./claim.ts";
import { claimHeaders } from "./claim_headers.ts";
import { ownerToken, randomId } from "./names.ts";
import type { Packed, Queue } from "./queue.ts";
import { askProcess, JOB_HEADER, readFields, sentHeaders, sessionSubjects } from "./session_ask.ts";
import { throwRefusal } from "./session_ask.ts";
import { findSession } from "./session_orders.ts";
import { type KeptRecord, readHolder, SessionRegister } from "./session_register.ts";

/** A session, and the host that has it. */
export interface HostedSession extends SessionReport {
  readonly host: string;
  /** Of its process. */
  readonly token: string;
}

/** What can be done to a session of another host. */
export type SessionCommand = Extract<ControlCommand, { readonly session: string }>;

/** A host that has not answered by then, or so long after all others, is not there. */
const ANSWERS = { maxWait: 2_000, stall: 300 } as const;

/** Killing takes a moment; a host that has not answered by then is frozen or cut off. */
const ORDER_MS = 3_000;

/** Asks the hosts of one queue. */
export class SessionClient {
  readonly #queue: Queue;
  readonly #key: ClusterKey;

  constructor(queue: Queue, key: ClusterKey) {
    this.#queue = queue;
    this.#key = key;
  }

  /** The sessions of a principal on all hosts that answer; the servers' own user sees all. */
  async list(principal: Principal): Promise<HostedSession[]> {
    const { body, headers } = await this.#signed(principal, { kind: "report" });
    const { connection } = this.#queue.broker;
    const found: HostedSession[] = [];
    let [refusal, isAnswered] = [undefined as Fields | undefined, false];
    await asking(async () => {
      const sent = { headers: await sentHeaders(headers) };
      const options = { strategy: "stall", ...ANSWERS, ...sent } as const;
      const { list } = sessionSubjects(this.#queue);
      for await (const answer of await connection.requestMany(list, body, options)) {
        if (answer.data.length === 0) continue; // Nobody is there.
        const fields = readFields(answer);
        if (fields["code"] !== undefined) {
          refusal = fields;
          continue;
        }
        isAnswered = true;
        const { host, token } = readHolder(fields);
        found.push(...parseSessions(fields).map((each) => ({ ...each, host, token })));
      }
    });
    if (refusal && !isAnswered) throwRefusal(refusal); // Else one host alone does not trust us.
    return found.sort((one, other) => one.host.localeCompare(other.host));
  }

  /** Does something to a session wherever it is; a sentence that says what was done. */
  async control(principal: Principal, command: SessionCommand): Promise<string> {
    const place = { owner: await ownerToken(principal), name: command.session };
    const register = new SessionRegister(this.#queue);
    const record = await register.maybeRecord(place);
    if (!record || record.gone) return await this.#controlFound(principal, command);
    const reply = await this.#order(principal, command, record.token);
    if (reply !== undefined) return reply;
    if (command.kind !== "kill") throw noAnswer(record, command);
    await register.remove(record.seq);
    return `session '${command.session}' is let go of: its host ${record.host} does not answer`;
  }

  /** A session that nobody owns in the cluster is one of a host's own door, or named by its id. */
  async #controlFound(principal: Principal, command: SessionCommand): Promise<string> {
    const { session } = command;
    const sessions = await this.list(principal);
    const own = sessions.filter((each) => findSession([each], principal, session));
    const [found, other] = own;
    if (!found) {
      throw new RtoolError("unknown_session", `There is no session '${session}'`, {
        hint: "see: rtool sessions",
      });
    }
    if (other) {
      throw new RtoolError("bad_request", `Several hosts have a session '${session}'`, {
        hint: "name it by its id, as rtool sessions shows it",
      });
    }
    const reply = await this.#order(principal, command, found.token);
    if (reply !== undefined) return reply;
    throw noAnswer(found, command);
  }

  /** `undefined` when the host does not answer. */
  async #order(
    principal: Principal,
    command: SessionCommand,
    token: string,
  ): Promise<string | undefined> {
    const question = await this.#signed(principal, command);
    const subject = sessionSubjects(this.#queue).order(token);
    const reply = await askProcess(this.#queue, subject, question, ORDER_MS);
    if (reply.kind !== "answer") return undefined;
    throwRefusal(reply.fields);
    return maybeText(reply.fields["message"]) ?? "";
  }

  async #signed(principal: Principal, request: ControlRequest): Promise<Packed> {
    const id = randomId();
    const body = new TextEncoder().encode(JSON.stringify(controlFields(request)));
    const claim = { queue: this.#queue.name, id, ...claimedOf(principal) };
    const signed = await signClaim(this.#key, claim, body);
    return { body, headers: { ...claimHeaders(signed), [JOB_HEADER]: id } };
  }
}

function noAnswer({ host }: Pick<KeptRecord, "host">, { session }: SessionCommand): RtoolError {
  return new RtoolError(
    "cannot_connect",
    `The host ${host} of the session '${session}' does not answer`,
    { hint: "try again later" },
  );
}
