/**
 * The one Evaluator that authorises and clamps. Doors are given this one and nothing else.
 *
 * Who may come in at all is decided per connection, in admission.ts.
 */

import { RtoolError } from "../core/errors.ts";
import type { Evaluator, Job, JobLimits, JobRequest, Principal } from "../core/job.ts";
import { maybeMachineId } from "../core/machine.ts";
import type { Profile } from "../core/profile.ts";
import type { ControlCommand } from "../core/report.ts";
import { type CallCheck, createCallCheck, findCallables, type Registries } from "./call_check.ts";
import { QuotaTurns } from "./quota.ts";
import { checkItems, cleanUploads } from "./uploads.ts";

/** What the server allows. */
export interface GuardOptions {
  /** Most bytes of code in one job. @default {16 MiB} */
  readonly codeMax: number;
  /** Most a job may ask for; what is not named here it may ask for freely. @default {none} */
  readonly limitsMax?: JobLimits;
  /** Longest a job may wait and run together, in milliseconds. @default {none} */
  readonly timeoutMax?: number | undefined;
  /** The queue the server is in. @default {none} */
  readonly queue?: string | undefined;
  /** What may be called where the profile's grant is `call`. @default {nothing} */
  readonly registries?: Registries;
}

/** Session names are shown, logged and typed: plain characters only. */
const SESSION_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const JOB_ID = /^[0-9a-f]{32}$/;

/** Keys are logged too. */
const KEY = /^[!-~]{1,128}$/;

/** Wraps an engine so that every request is authorised and within bounds. */
export function createGuard(engine: Evaluator, options: GuardOptions): Evaluator {
  const quotas = new QuotaTurns(engine);
  return {
    submit: (principal: Principal, asked: JobRequest, signal: AbortSignal): Promise<Job> =>
      Promise.resolve().then(async () => {
        const { profile } = principal;
        check(asked, options);
        checkQueue(asked, options);
        checkVariables(asked, profile);
        const isCall = profile.grant !== "eval";
        // What may not be asked for is not looked into either.
        const request = isCall ? await callCheck(options)(principal, asked) : asked;
        if (!isCall && asked.uploads.length > 0) await cleanUploads(asked.uploads);
        const cwd = principal.local && isHere(request) ? request.cwd : undefined;
        const limits = clamp(clamp(request.limits, profile.limits), options.limitsMax ?? {});
        const timeoutMs = least(least(request.timeoutMs, profile.timeoutMs), options.timeoutMax);
        const bounded = { ...request, cwd, limits, timeoutMs };
        return await quotas.enter(principal, bounded, () => {
          return engine.submit(principal, bounded, signal);
        });
      }),
    attach: (principal, id, after, signal) =>
      Promise.resolve().then(() => {
        checkJobId(id);
        return engine.attach(principal, id, after, signal);
      }),
    report: (principal) => engine.report(principal),
    functions: (principal) =>
      Promise.resolve().then(() => findCallables(options.registries ?? new Map(), principal)),
    control: (principal, command) =>
      Promise.resolve().then(() => {
        checkCommand(command);
        return engine.control(principal, command);
      }),
  };
}

function callCheck({ registries = new Map() }: GuardOptions): CallCheck {
  return createCallCheck(registries);
}

/** What a job asks for, but no more than it may have; that where it does not ask. */
function clamp(asked: JobLimits, max: JobLimits): JobLimits {
  const limits: { -readonly [Name in keyof JobLimits]: number } = { ...max, ...asked };
  for (const name of Object.keys(limits) as (keyof JobLimits)[]) {
    limits[name] = Math.min(limits[name]!, max[name] ?? Infinity);
  }
  return limits;
}

function least(asked: number | undefined, max: number | undefined): number | undefined {
  return asked === undefined || max === undefined ? asked ?? max : Math.min(asked, max);
}

/** A client behind a tunnel looks local, but its directories are on another machine. */
function isHere({ machine }: JobRequest): boolean {
  return machine === undefined || machine === maybeMachineId();
}

function check(request: JobRequest, options: GuardOptions): void {
  if (request.session !== undefined) checkSessionName(request.session);
  if (request.key !== undefined) checkKey(request.key);
  if (request.detach && request.input) {
    throw new RtoolError("bad_request", "A detached job has no standard input: its client goes");
  }
  if (request.code.length > options.codeMax) {
    throw new RtoolError(
      "code_too_big",
      `The code has ${request.code.length} characters; the most is ${options.codeMax}`,
    );
  }
  if (request.code.includes("\0")) {
    throw new RtoolError("bad_request", "The code holds a NUL character, which R cannot read");
  }
  checkItems(request.uploads, request.wants, request.call);
  for (const name of Object.keys(request.env)) {
    if (!VARIABLE_NAME.test(name)) {
      const shown = JSON.stringify(name.slice(0, 80));
      throw new RtoolError("bad_request", `Cannot set the environment variable ${shown}`);
    }
  }
}

function checkQueue({ queue }: JobRequest, options: GuardOptions): void {
  if (!queue || queue.name === options.queue) return;
  const shown = JSON.stringify(queue.name.slice(0, 80));
  // Hints stay here; what is to be done is for whoever asks, too.
  throw new RtoolError(
    "bad_request",
    options.queue === undefined
      ? `This server is in no queue, and cannot take jobs for ${shown}: ` +
        "start it with --nats URL and --queue NAME, or send straight to the broker with --nats URL"
      : `This server is in the queue '${options.queue}', and cannot take jobs for ${shown}`,
  );
}

function checkVariables({ env }: JobRequest, profile: Profile): void {
  const name = Object.keys(env).find((each) => profile.env?.includes(each) === false);
  if (name === undefined) return;
  throw new RtoolError("not_allowed", `You may not set the environment variable ${name}`);
}

function checkSessionName(name: string): void {
  if (SESSION_NAME.test(name)) return;
  throw new RtoolError(
    "bad_request",
    `Cannot use the session name ${JSON.stringify(name.slice(0, 80))}: ` +
      "a name is 1 to 64 letters, digits, '.', '_' or '-'",
  );
}

function checkKey(key: string): void {
  if (KEY.test(key)) return;
  throw new RtoolError(
    "bad_request",
    `Cannot use the key ${JSON.stringify(key.slice(0, 80))}: ` +
      "a key is 1 to 128 printable characters of ASCII without spaces",
  );
}

function checkJobId(id: string): void {
  if (JOB_ID.test(id)) return;
  const shown = JSON.stringify(id.slice(0, 80));
  throw new RtoolError("bad_request", `${shown} is no job's id: that has 32 hexadecimal digits`);
}

function checkCommand(command: ControlCommand): void {
  switch (command.kind) {
    case "kill":
    case "interrupt":
    case "reset":
      return checkSessionName(command.session);
    case "cancel":
      return checkJobId(command.job);
    case "recycle":
      return;
    default:
      command satisfies never;
  }
}
