/**
 * Checks of what the system offers to shut R in, and of the helpers beside it.
 *
 * All of it is optional: a server without confined profiles does without.
 */

import { type Finding, firstLine, lacking, ok, type Site } from "./doctor_finding.ts";

/** What a sandbox is made of, at its smallest. */
const TINY_SANDBOX = [
  ...["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"],
  // Also where root would do without.
  ...["--unshare-user", "--unshare-all", "--die-with-parent", "--new-session", "--", "true"],
];

const UNCONFINED = "no R can be confined";

/** The first that can keep user namespaces from being made inside (--disable-userns). */
const BUBBLEWRAP_MIN = [0, 8] as const;

/** bubblewrap, by a sandbox that is really made. */
export async function checkBubblewrap(site: Site): Promise<Finding> {
  const version = await site.run("bwrap", ["--version"]);
  if (!version) return none("bubblewrap", "not on PATH", "install bubblewrap");
  const name = firstLine(version.stdout);
  if (isOlder(name, BUBBLEWRAP_MIN)) {
    const advice = `install bubblewrap ${BUBBLEWRAP_MIN.join(".")} or newer`;
    return lacking("bubblewrap", "broken", `${name} is too old`, UNCONFINED, advice);
  }
  const tried = await site.run("bwrap", TINY_SANDBOX);
  if (tried?.code === 0) return ok("bubblewrap", `${name}, a sandbox works`);
  const said = firstLine(tried?.stderr ?? "") || "a sandbox did not end in time";
  const advice = "allow unprivileged user namespaces, or run outside a container that forbids them";
  return lacking("bubblewrap", "broken", `${name}: ${said}`, UNCONFINED, advice);
}

/** User namespaces, which a sandbox without root is made of. */
export function checkUserNamespaces(site: Site): Finding {
  const what = "user namespaces";
  const max = site.maybeText("/proc/sys/user/max_user_namespaces")?.trim();
  if (max === undefined) return none(what, "the kernel has none", "use a kernel with them");
  const clone = site.maybeText("/proc/sys/kernel/unprivileged_userns_clone")?.trim();
  const apparmor = site.maybeText("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")?.trim();
  const switches = [
    [max === "0", "user.max_user_namespaces=0"],
    [clone === "0", "kernel.unprivileged_userns_clone=0"],
    [apparmor === "1", "kernel.apparmor_restrict_unprivileged_userns=1"],
  ] as const;
  const off = switches.find(([isOff]) => isOff)?.[1];
  if (off === undefined) return ok(what, `up to ${max}`);
  return lacking(what, "broken", off, UNCONFINED, `change it with sysctl, or allow bwrap alone`);
}

/** Filters of system calls. */
export function checkSeccomp(site: Site): Finding {
  const actions = site.maybeText("/proc/sys/kernel/seccomp/actions_avail")?.trim();
  if (actions?.includes("errno")) return ok("seccomp", "filters work");
  return none("seccomp", "the kernel has no filters", "use a kernel with CONFIG_SECCOMP_FILTER");
}

/** Control groups: bounds for all that a job has started, together. */
export function checkCgroups(site: Site): Finding {
  const root = "/sys/fs/cgroup";
  const controllers = site.maybeText(`${root}/cgroup.controllers`)?.trim();
  const meaning = "memory and processes of a job are counted by rtool, not bounded by the kernel";
  if (controllers === undefined) {
    const old = site.maybeText("/proc/self/cgroup") === undefined ? "none" : "version 1";
    return lacking("cgroups", "missing", `${old}, no version 2`, meaning, "boot with cgroup v2");
  }
  const own = /^0::(.*)$/m.exec(site.maybeText("/proc/self/cgroup") ?? "")?.[1] ?? "/";
  const found = `version 2 (${controllers || "no controllers"})`;
  if (site.mayWrite(`${root}${own}/cgroup.procs`)) return ok("cgroups", `${found}, delegated`);
  return lacking("cgroups", "missing", `${found}, not delegated`, meaning, "systemd: Delegate=yes");
}

/** Landlock, by the version of its interface. */
export function checkLandlock(site: Site): Finding {
  const abi = site.landlockAbi();
  if (abi > 0) return ok("Landlock", `version ${abi} of its interface`);
  return none("Landlock", "the kernel has none", "boot with lsm=landlock,...");
}

/** Programs of util-linux that start R. */
export async function checkHelpers(site: Site): Promise<Finding[]> {
  const meanings = [
    ["setpriv", "R outlives a killed server for a moment"],
    ["prlimit", "bounds of a running R cannot be changed"],
  ] as const;
  return await Promise.all(meanings.map(async ([name, meaning]) => {
    const run = await site.run(name, ["--version"]);
    if (run?.code === 0) return ok(name, firstLine(run.stdout));
    return lacking(name, "missing", "not on PATH", meaning, "install util-linux");
  }));
}

/** Whether something starts the server again after a reboot. */
export function checkSupervisor(site: Site): Finding {
  if (site.maybeFile("/run/systemd/system")) return ok("systemd", "runs this machine");
  const meaning = "nothing starts the server again after a crash or reboot";
  return lacking("systemd", "missing", "it does not run this machine", meaning, "use another");
}

function isOlder(name: string, [major, minor]: readonly [number, number]): boolean {
  const [, has = "0", hasMinor = "0"] = /(\d+)\.(\d+)/.exec(name) ?? [];
  return Number(has) < major || (Number(has) === major && Number(hasMinor) < minor);
}

function none(what: string, found: string, advice: string): Finding {
  return lacking(what, "missing", found, UNCONFINED, advice);
}
