/**
 * Checks of what `rtool serve` itself needs: R, its port, its directory, its limits, its user.
 */

import { type Address, addressText, maybeAddress } from "../core/address.ts";
import { toRtoolError } from "../core/errors.ts";
import type { Options } from "../core/options.ts";
import { sizeText } from "../core/units.ts";
import { SOFTWARE } from "../core/version.ts";
import { fatal, type Finding, firstLine, lacking, ok, type Site } from "./doctor_finding.ts";
import { fitConnections, type OpenTls, refuseOpenPort } from "./serve.ts";

/** rtool's R code needs it. */
const R_MAJOR_MIN = 4;

/** With less R does not load its packages. */
const STACK_BYTES_MIN = 1 << 20;

const R_FACTS = `cat("", R.version$major, R.version$minor, capabilities("cairo"),
  l10n_info()[["UTF-8"]], Sys.getlocale("LC_CTYPE"), sep = "|")`;

/** Which rtool this is. */
export function checkVersions(): Finding {
  const { deno } = Deno.version;
  return ok("rtool", `${SOFTWARE}, Deno ${deno}, ${Deno.build.target}, kernel ${Deno.osRelease()}`);
}

/** R: is it there, new enough, can it draw, does it take UTF-8. One start tells all. */
export async function checkR(site: Site, options: Options): Promise<Finding[]> {
  const command = options.text("r");
  const startedAt = performance.now();
  const run = await site.runR(command, R_FACTS);
  const ms = Math.round(performance.now() - startedAt);
  const nothing = "without R there is nothing to serve";
  const mend = "install R 4.0 or newer, or name it with --r (serve.r)";
  if (!run) return [fatal("R", "missing", `cannot run '${command}'`, nothing, mend)];
  const [, major = "", minor = "", cairo, utf8, locale = ""] = run.stdout.split("|");
  if (run.code !== 0 || locale === "") {
    const said = firstLine(run.stderr) || `exit status ${run.code}`;
    return [fatal("R", "broken", said, nothing, mend)];
  }
  const found = `R ${major}.${minor}, starts in ${ms} ms`;
  const isOld = Number(major) < R_MAJOR_MIN;
  return [
    isOld ? fatal("R", "broken", found, "rtool needs R 4.0 or newer", mend) : ok("R", found),
    cairo === "TRUE" ? ok("cairo", "R has it") : lacking(
      "cairo",
      "missing",
      "R was built without it",
      "plots cannot be drawn as images",
      "install an R with cairo",
    ),
    utf8 === "TRUE" ? ok("locale", locale) : lacking(
      "locale",
      "broken",
      locale,
      "R does not take characters beyond ASCII as they come",
      "make the locale C.UTF-8 available",
    ),
  ];
}

/** Whether the ports can be had, that of the metrics too if there is to be one. */
export async function checkPorts(
  site: Site,
  options: Options,
  tls: OpenTls,
): Promise<Finding[]> {
  const own = { hostname: options.text("hostname"), port: options.integer("port") };
  const found = [await checkPort(site, options, "port", own, tls)];
  const metrics = maybeAddress(options.text("metrics"));
  if (metrics) found.push(await checkPort(site, options, "metrics", metrics, tls));
  return found;
}

async function checkPort(
  site: Site,
  options: Options,
  what: string,
  { hostname, port }: Address,
  tls: OpenTls,
): Promise<Finding> {
  const where = addressText({ hostname, port });
  try {
    refuseOpenPort(hostname, options, tls);
  } catch (error) {
    const { hint = "" } = toRtoolError(error);
    const meaning = "beyond this machine a server needs TLS, and somebody it lets in";
    return fatal(what, "broken", where, meaning, hint);
  }
  if (port === 0) return ok(what, `${hostname}, a free one, picked at the start`);
  const state = await site.askPort(hostname, port);
  switch (state.kind) {
    case "free":
      return ok(what, `${where} is free`);
    case "rtool":
      return ok(what, `${where} has ${state.software} already; another needs another --${what}`);
    case "taken": {
      const meaning = "something else listens there";
      return fatal(what, "broken", `${where} is taken`, meaning, `choose another with --${what}`);
    }
    case "refused": {
      const found = `${where}: ${state.reason}`;
      return fatal(what, "broken", found, "nobody can connect", "choose another address");
    }
    default:
      return state satisfies never;
  }
}

/** The directory sessions live in: can it be made, is it private, is there room. */
export async function checkStateDir(site: Site, options: Options): Promise<Finding> {
  const what = "state directory";
  const mend = "let TMPDIR name a directory of a local disk that you can write";
  const made = site.tryStateDir();
  if ("problem" in made) {
    return fatal(what, "broken", made.problem, "sessions have nowhere to live", mend);
  }
  const { path, mode } = made;
  if ((mode & 0o077) !== 0) {
    const found = `${path} has mode ${octal(mode)}`;
    return fatal(what, "broken", found, "others could read what sessions keep", mend);
  }
  const df = await site.run("df", ["-Pk", path]);
  const free = Number(df?.stdout.trim().split("\n").at(-1)?.trim().split(/\s+/)[3]) * 1024;
  if (!Number.isFinite(free)) return ok(what, `below ${path}`);
  const found = `below ${path}, ${sizeText(free)} free`;
  if (free > options.bytes("disk-left-min")) return ok(what, found);
  return fatal(what, "broken", found, "every job would be stopped (disk_left_min)", "make room");
}

/** File descriptors: as many connections as the configuration promises, or fewer. */
export function checkOpenFiles(site: Site, options: Options): Finding {
  const limit = site.openFilesMax();
  if (limit === undefined) return ok("open files", "the system does not tell a limit");
  const wanted = options.integer("connections-max");
  const fits = fitConnections(wanted, options.integer("sessions-max"), limit);
  if (fits >= wanted) return ok("open files", `${limit}, enough for ${wanted} connections`);
  const meaning = `only ${fits} of ${wanted} connections fit beside the sessions`;
  return lacking("open files", "broken", `${limit}`, meaning, "raise it (ulimit -n)");
}

/** The system's other limits, which R and all it starts inherit. */
export function checkLimits(site: Site, options: Options): Finding {
  const text = site.maybeText("/proc/self/limits");
  if (text === undefined) return ok("limits", "the system does not tell");
  const memory = options.bytes("memory-max");
  const wanted = [
    // Jobs are given theirs up to the hard ones; the others stay as they are.
    ...[["data size", "hard", memory], ["file size", "hard", options.bytes("file-size-max")]],
    ...[["open files", "hard", options.integer("open-files-max")], [
      "address space",
      "soft",
      memory,
    ]],
    ...[["stack size", "soft", STACK_BYTES_MIN], ["cpu time", "soft", Infinity]],
    ...[["processes", "soft", site.uid === 0 ? 0 : options.integer("processes-max")]],
  ] as const;
  const short = wanted.flatMap(([name, kind, least]) => {
    const limit = findLimit(text, name, kind);
    return limit === undefined || limit >= least ? [] : [`${name} ${limit}`];
  });
  if (short.length === 0) return ok("limits", "none below what one job may have");
  const meaning = "jobs end before the bounds that are configured";
  return lacking("limits", "broken", short.join(", "), meaning, "raise them (ulimit)");
}

function findLimit(text: string, name: string, kind: "soft" | "hard"): number | undefined {
  const row = new RegExp(`^Max ${name} +(?<soft>\\w+) +(?<hard>\\w+)`, "m").exec(text);
  const value = row?.groups?.[kind];
  return value === "unlimited" ? Infinity : value === undefined ? undefined : Number(value);
}

/** As root, every job is root, and what hides the server does not. */
export function checkUser(site: Site, options: Options): Finding {
  if (site.uid !== 0) return ok("user", site.uid === null ? "not root" : `user ${site.uid}`);
  const worker = options.maybeText("worker-user");
  if (options.text("isolation") !== "none" && worker !== undefined) {
    return ok("user", `root; R runs as ${worker}`);
  }
  const meaning = "every job runs as root, reads the server's memory, and no sandbox holds it";
  const advice = "run the server as a user of its own, or confine R to one (--worker-user)";
  return lacking("user", "broken", "root", meaning, advice);
}

/** A clock that is years off makes everything expired, or nothing. */
export function checkClock(site: Site): Finding {
  const now = site.now();
  const found = new Date(now).toISOString().slice(0, 19) + "Z";
  if (now > Date.UTC(2025, 0) && now < Date.UTC(2100, 0)) return ok("clock", found);
  const meaning = "tokens and certificates expire at the wrong time";
  return lacking("clock", "broken", found, meaning, "set the clock");
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, "0");
}
