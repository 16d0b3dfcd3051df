/**
 * The grant `call`: a request may call a registered function with data, and ask for nothing else.
 */

import { ANY_FUNCTION, type Callables } from "../core/callable.ts";
import { RtoolError } from "../core/errors.ts";
import type { JobRequest, Principal } from "../core/job.ts";
import type { RList } from "../rdata/types.ts";
import { list } from "../rdata/values.ts";
import { checkCall, type Registry } from "./registry.ts";
import { describeRegistry } from "./registry_document.ts";
import { readArguments, writeValue } from "./uploads.ts";

/** Registries by the name of their profile. */
export type Registries = ReadonlyMap<string, Registry>;

/** Gives the request that may go on, or rejects with why none may. */
export type CallCheck = (principal: Principal, request: JobRequest) => Promise<JobRequest>;

/**
 * A check of every request. Those of principals that may run code pass as they are; of others only
 * the call of a registered function passes, its arguments made anew in their file.
 */
export function createCallCheck(registries: Registries): CallCheck {
  return async (principal, request) => {
    if (principal.profile.grant === "eval") return request;
    const registry = findRegistry(registries, principal);
    const name = refuseMore(request, principal.profile.env ?? []);
    const upload = request.uploads.find(({ target }) => target.kind === "arguments");
    const given: RList = upload === undefined ? list([]) : await readArguments(upload);
    const checked = checkCall(registry, name, given);
    if (upload?.path !== undefined) await writeValue(upload.path, checked);
    // Where a job runs is the server's business: a client's directory is no data.
    return { ...request, cwd: undefined };
  };
}

/** What the principal may call. */
export function findCallables(registries: Registries, principal: Principal): Callables {
  if (principal.profile.grant === "eval") return ANY_FUNCTION;
  const functions = describeRegistry(findRegistry(registries, principal));
  return { any: false, functions };
}

function findRegistry(registries: Registries, { profile }: Principal): Registry {
  const registry = registries.get(profile.name);
  if (registry) return registry;
  throw new RtoolError("not_allowed", `The profile '${profile.name}' has no functions to call`);
}

/**
 * The function's name, when nothing beside the call is asked for that could be code or lead to it.
 */
function refuseMore(request: JobRequest, variables: readonly string[]): string {
  const { call, uploads, wants, mode } = request;
  const strange = uploads.find(({ target }) => target.kind !== "arguments");
  const asked: readonly (readonly [isAsked: boolean, what: string])[] = [
    [request.code !== "" || call === undefined, "run code"],
    [strange?.target.kind === "data", "bind values to names"],
    [strange !== undefined, "put files"],
    [wants.files.length > 0, "get files"],
    [mode.interactive, "answer R's questions"],
    [mode.echo || mode.lines !== undefined, "see source"],
    [request.input !== undefined, "give standard input"],
    [request.args !== undefined, "give arguments of a script"],
    // R and the programs it starts take some for code, and others for places to find it.
    [Object.keys(request.env).some((each) => !variables.includes(each)), "set such variables"],
  ];
  const [refused] = asked.filter(([isAsked]) => isAsked).map(([, what]) => what);
  if (refused === undefined && call !== undefined) return call;
  throw new RtoolError(
    "not_allowed",
    `You may not ${refused}: you may only call functions with data`,
    { hint: "see: rtool call --list" },
  );
}
