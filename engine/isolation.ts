/**
 * Readies the sandbox of a server's R: what this machine has for it, who R runs as, what it sees.
 *
 * What cannot be had is an error that says how to have it, never less of a sandbox. Must not know
 * flags or doors.
 */

import { RtoolError, toRtoolError } from "../core/errors.ts";
import { resolves } from "../core/path_state.ts";
import { keepDescriptors } from "./descriptors.ts";
import { isWithin, maybePathProblem, outermost, type Sandbox } from "./sandbox.ts";
import type { SystemUser } from "./sandbox.ts";
import { maybeFilter } from "./seccomp.ts";
import { maybeProgram, runAs } from "./spawn.ts";

/** What is asked for. */
export interface SandboxWish {
  /** Command that runs R. */
  readonly command: string;
  /** Environment R starts in. */
  readonly env: Readonly<Record<string, string>>;
  /** Directory of the server, below which those of R are. */
  readonly stateDir: string;
  /** Name of who R runs as; a server that is root must name one. */
  readonly user: string | undefined;
  readonly readOnly: readonly string[];
  readonly readWrite: readonly string[];
  readonly network: boolean;
  /** Processes one job may have. */
  readonly processesMax: number;
}

/** A sandbox, and the environment that R has in it. */
export interface ReadySandbox {
  readonly sandbox: Sandbox;
  readonly env: Readonly<Record<string, string>>;
}

/** What R and the programs it starts need; some systems lack some. */
const SYSTEM = [
  ...["/usr", "/etc/R", "/etc/alternatives", "/etc/ld.so.cache", "/etc/fonts", "/etc/localtime"],
  ...["/etc/timezone", "/etc/papersize", "/etc/ssl/certs", "/etc/pki/tls/certs"],
];

/** In most systems links to what is in /usr, in old ones directories. */
const PROGRAMS = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/** Of R's /tmp: it is in memory, and no limit of a job counts it. */
const TMP_BYTES = 256 << 20;

/** Threads count too, of which one process has many: the limit of a job counts processes. */
const TASKS_PER_PROCESS = 4;

/** Tells where R's own files are, as whoever runs it sees them. */
const ASK_R = 'cat(R.home(), path.expand(Sys.getenv("R_LIBS_USER")), .libPaths(), sep = "\\n")';

/** Readies it, or says what is missing. */
export async function readySandbox(wish: SandboxWish): Promise<ReadySandbox> {
  keepDescriptors();
  const command = maybeProgram("bwrap");
  if (command === undefined) {
    throw new RtoolError("bad_config", "Cannot confine R: there is no bubblewrap (bwrap)", {
      hint: "apt install bubblewrap, or serve without: --isolation none",
    });
  }
  const user = findUser(wish.user);
  if (wish.network && user === undefined) throw takenForOwner();
  await openStateDir(wish.stateDir, user);
  const [home = "", library = "", ...libraries] = await askR(wish, user);
  const { network, processesMax, stateDir } = wish;
  const readOnly = wish.readOnly.map((path) => granted(path, stateDir));
  const readWrite = wish.readWrite.map((path) => granted(path, stateDir));
  await tryGrants([...readOnly, ...readWrite], user);
  const sandbox: Sandbox = {
    command,
    user,
    system: outermost([...SYSTEM, ...PROGRAMS.filter(isDirectory), home, ...libraries])
      .filter((path) => maybePathProblem(path) === undefined && resolves(path)),
    links: Object.fromEntries(PROGRAMS.flatMap((path) => {
      const to = maybeLink(path);
      return to === undefined ? [] : [[path, to]];
    })),
    readOnly,
    readWrite,
    network,
    tmpBytes: TMP_BYTES,
    tasksMax: tasksFor(processesMax),
    filter: writeFilter(stateDir, network),
  };
  // R has no home of its own there: it is told where its user's packages are.
  return { sandbox, env: library === "" ? wish.env : { ...wish.env, R_LIBS_USER: library } };
}

/** The bound of tasks where a job may have so many processes. */
export function tasksFor(processesMax: number): number {
  return TASKS_PER_PROCESS * processesMax;
}

const MAKE_USER = "useradd --system --no-create-home rtool-worker, " +
  "then --worker-user rtool-worker";

function findUser(name: string | undefined): SystemUser | undefined {
  const own = Deno.uid();
  if (name === undefined && own !== 0) return undefined;
  if (name === undefined) {
    throw new RtoolError("bad_config", "Cannot confine R as root: root leaves every sandbox", {
      hint: MAKE_USER,
    });
  }
  const line = Deno.readTextFileSync("/etc/passwd").split("\n").find((each) => {
    return each.startsWith(`${name}:`);
  });
  const [, , uid, gid] = (line ?? "").split(":").map(Number);
  if (uid === undefined || gid === undefined) {
    throw new RtoolError("bad_config", `Cannot run R as '${name}': there is no such user`, {
      hint: MAKE_USER,
    });
  }
  if (uid === 0) {
    throw new RtoolError("bad_config", `Cannot run R as '${name}': that is root`, {
      hint: MAKE_USER,
    });
  }
  if (uid === own) return undefined;
  if (own === 0) return { name, uid, gid };
  throw new RtoolError("bad_config", `Cannot run R as '${name}': only root can`, {
    hint: "leave --worker-user out: R runs as who runs the server",
  });
}

/** By its address nobody can tell it from the user whom the server lets in without a token. */
function takenForOwner(): RtoolError {
  const message = "Cannot grant the network to an R of the server's own user: " +
    "it could come in as that user, and leave its sandbox";
  return new RtoolError("bad_config", message, {
    hint: "serve as root with --worker-user, or take network from the profile",
  });
}

/** R's user must get through to R's directories, and sees nothing else there. */
async function openStateDir(dir: string, user: SystemUser | undefined): Promise<void> {
  if (!user) return;
  Deno.chownSync(dir, 0, user.gid);
  Deno.chmodSync(dir, 0o710);
  try {
    await runAs(user, ["/bin/sh", "-c", 'test -x "$1"', "sh", dir]);
  } catch (cause) {
    throw new RtoolError("bad_config", `Cannot run R as '${user.name}': it may not enter ${dir}`, {
      cause,
      hint: "set TMPDIR to a directory that every user may enter, such as /tmp",
    });
  }
}

async function askR(wish: SandboxWish, user: SystemUser | undefined): Promise<string[]> {
  const command = [wish.command, "--vanilla", "--no-echo", "-e", ASK_R];
  try {
    return (await runAs(user, command, wish.env)).trimEnd().split("\n");
  } catch (cause) {
    const message = `Cannot start R: ${toRtoolError(cause).message}`;
    throw new RtoolError("r_unavailable", message, {
      cause,
      hint: "install R 4.0 or newer, or name its command with --r",
    });
  }
}

/** A file or directory that is to be shown: whole, and nothing of the server's in it. */
function granted(path: string, stateDir: string): string {
  const refuse = (why: string) => {
    throw notShown(path, why);
  };
  const problem = maybePathProblem(path);
  if (problem !== undefined) return refuse(problem);
  if (!resolves(path)) return refuse("there is no such file or directory");
  const real = Deno.realPathSync(path);
  const behind = maybePathProblem(real);
  if (behind !== undefined) return refuse(`it leads to ${real}: ${behind}`);
  const state = Deno.realPathSync(stateDir);
  if (isWithin(state, real) || isWithin(real, state)) {
    return refuse(`the server keeps its files in ${state}`);
  }
  return path;
}

const TRY_GRANTS = 'for each; do test -r "$each" || { echo "$each" >&2; exit 1; }; done';

/** R's user has to get at what it is shown, by the permissions it has without a sandbox. */
async function tryGrants(paths: readonly string[], user: SystemUser | undefined): Promise<void> {
  try {
    await runAs(user, ["/bin/sh", "-c", TRY_GRANTS, "sh", ...paths]);
  } catch (cause) {
    const who = user ? `the user '${user.name}'` : "the server's user";
    throw notShown(toRtoolError(cause).message, `${who} may not read it`, {
      cause,
      hint: "let that user read it, and enter every directory on the way",
    });
  }
}

function notShown(
  path: string,
  why: string,
  options?: ErrorOptions & { hint: string },
): RtoolError {
  return new RtoolError("bad_config", `Cannot show ${JSON.stringify(path)} to R: ${why}`, options);
}

/** Written once, and read by each R's bubblewrap while others are readied. */
function writeFilter(stateDir: string, network: boolean): string | undefined {
  const filter = maybeFilter(Deno.build.arch, network);
  if (!filter) return undefined;
  const path = `${stateDir}/seccomp${network ? "-network" : ""}`;
  if (resolves(path)) return path;
  Deno.writeFileSync(path, filter, { mode: 0o644 });
  Deno.chmodSync(path, 0o644); // Whatever the umask.
  return path;
}

function maybeLink(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return undefined;
  }
}

function isDirectory(path: string): boolean {
  return maybeLink(path) === undefined && resolves(path);
}
