/**
 * `rtool doctor`: what works on this machine, what does not, and what to do about it.
 *
 * Looks, tries, and starts nothing that stays. Checks are in doctor_checks.ts and its neighbours.
 */

import { toRtoolError } from "../core/errors.ts";
import { Options } from "../core/options.ts";
import type { CommandEnd } from "./context.ts";
import { checkBroker } from "./doctor_broker.ts";
import {
  checkClock,
  checkLimits,
  checkOpenFiles,
  checkPorts,
  checkR,
  checkStateDir,
  checkUser,
  checkVersions,
} from "./doctor_checks.ts";
import { checkConfined } from "./doctor_confined.ts";
import { checkAccess, checkCertificates, checkConfig, checkTls, openTls } from "./doctor_files.ts";
import { type Finding, lacking, type Site, type Trials } from "./doctor_finding.ts";
import * as kernel from "./doctor_kernel.ts";
import { realSite } from "./doctor_site.ts";
import { configDir, type Invocation, resolveOptions, type Surroundings } from "./parse.ts";
import { PROFILE_TABLE, readProfiles } from "./profiles.ts";
import { SERVE } from "./table_serve.ts";
import { textTable } from "./text_table.ts";
import { tlsDir } from "./tls_files.ts";
import { tokensPath } from "./token_file.ts";

/** Runs the command. */
export async function doctor(
  { flags }: Invocation,
  from: Surroundings,
  print: (text: string) => CommandEnd,
  trials: Trials,
): Promise<CommandEnd> {
  const { json, ...sources } = flags;
  let options: Options | undefined;
  let problem: unknown;
  try {
    options = await resolveOptions(SERVE, sources, from);
    readProfiles(options.below(PROFILE_TABLE));
  } catch (error) {
    problem = error;
    options ??= new Options(SERVE.options, {}, {}, {});
  }
  const path = flags["config"]?.at(-1) ?? from.env("RTOOL_CONFIG") ??
    `${configDir(from.env)}/config.toml`;
  const findings = await examine(realSite(from.env, trials), options, { path, problem });
  print(json ? asJson(findings) : asTable(findings));
  return { status: findings.some(({ fatal }) => fatal) ? 1 : 0 };
}

/** Does every check, side by side. Never rejects: a check that fails is a finding. */
export async function examine(
  site: Site,
  options: Options,
  config: { readonly path: string; readonly problem: unknown },
): Promise<Finding[]> {
  const access = (async () => await site.tryAccess(options))();
  const checks: readonly (readonly [what: string, check: Check])[] = [
    ["rtool", checkVersions],
    ["configuration", () => checkConfig(site, config.path, config.problem)],
    ["R", () => checkR(site, options)],
    ["port", async () => checkPorts(site, options, openTls(site, options, await access))],
    ["state directory", () => checkStateDir(site, options)],
    ["open files", () => checkOpenFiles(site, options)],
    ["limits", () => checkLimits(site, options)],
    ["user", () => checkUser(site, options)],
    ["clock", () => checkClock(site)],
    ["tokens", async () => checkAccess(site, tokensPath(options, site.env), await access)],
    ["tls", () => [...checkCertificates(site, tlsDir(site.env)), ...checkTls(site, options)]],
    ["broker", () => checkBroker(site, options)],
    ["bubblewrap", () => kernel.checkBubblewrap(site)],
    ["user namespaces", () => kernel.checkUserNamespaces(site)],
    ["seccomp", () => kernel.checkSeccomp(site)],
    ["cgroups", () => kernel.checkCgroups(site)],
    ["Landlock", () => kernel.checkLandlock(site)],
    ["helpers", () => kernel.checkHelpers(site)],
    ["confined R", () => checkConfined(site, options)],
    ["systemd", () => kernel.checkSupervisor(site)],
  ];
  const found = await Promise.all(checks.map(([what, check]) => attempt(what, check)));
  return found.flat();
}

type Check = () => Finding | Finding[] | Promise<Finding | Finding[]>;

async function attempt(what: string, check: Check): Promise<Finding | Finding[]> {
  try {
    return await check();
  } catch (error) {
    const { message } = toRtoolError(error);
    return lacking(what, "broken", message, "this could not be checked", "report it");
  }
}

/** For people: the reason first, then a line for each check, and below it what to do. */
export function asTable(findings: readonly Finding[]): string {
  const columns = [{ title: "WHAT" }, { title: "STATE" }, { title: "FOUND" }];
  const rows = findings.map(({ what, state, found }) => [what, state, oneLine(found)]);
  const [head = "", ...lines] = textTable(columns, rows).trimEnd().split("\n");
  const told = lines.flatMap((line, index) => {
    const { state, meaning, advice } = findings[index]!;
    return state === "ok" ? [line] : [line, `  ${oneLine(meaning)}; ${oneLine(advice)}`];
  });
  return [verdict(findings), "", head, ...told, ""].join("\n");
}

function verdict(findings: readonly Finding[]): string {
  const first = findings.find(({ fatal }) => fatal);
  if (!first) return "rtool serve would work here as configured";
  return `rtool serve would not work: ${first.what}: ${oneLine(first.found)}`;
}

/** For programs. */
export function asJson(findings: readonly Finding[]): string {
  const ok = !findings.some(({ fatal }) => fatal);
  return `${JSON.stringify({ ok, verdict: verdict(findings), checks: findings }, null, 2)}\n`;
}

/** What programs and files said is text of others: no line of ours, and no control sequence. */
function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]+/g, " ");
}
