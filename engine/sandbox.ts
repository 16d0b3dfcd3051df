/**
 * What a confined R sees of the machine, as arguments of bubblewrap.
 *
 * Knows paths, and looks at none. Must not know R, processes or jobs. Every argument stands where
 * an option's value stands, and each is checked: none can be read as an option.
 */

import { RtoolError } from "../core/errors.ts";

/** A user of the system. */
export interface SystemUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** What all R share that are confined alike. */
export interface Sandbox {
  /** Absolute path of bubblewrap. */
  readonly command: string;
  /** Who R runs as; undefined: whoever runs the server. */
  readonly user: SystemUser | undefined;
  /** Directories and files that R needs, where they are on the machine. */
  readonly system: readonly string[];
  /** Links that lead there, such as /bin. */
  readonly links: Readonly<Record<string, string>>;
  /** Directories it may read beside those. */
  readonly readOnly: readonly string[];
  /** Directories it may also write. */
  readonly readWrite: readonly string[];
  /** Whether it reaches the network; without, it has a loopback of its own and nothing else. */
  readonly network: boolean;
  /** Size of its /tmp, in bytes; it is in memory. */
  readonly tmpBytes: number;
  /** Threads and processes at once, bubblewrap's own included. */
  readonly tasksMax: number;
  /** File of the system calls it may not make (seccomp.ts); undefined where there is none. */
  readonly filter: string | undefined;
}

/** Where bubblewrap reads the filter. */
export const FILTER_FD = 9;

/** Of /dev/shm, in bytes: what programs use to share memory with their children. */
const SHM_BYTES = 64 << 20;

/** What a name server is asked with; some systems lack some. */
const NETWORK_FILES = ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/services"];

/** A process namespace of its own: with its first process all others end, wherever they hide. */
const NAMESPACES = [
  ...["--unshare-user", "--disable-userns", "--unshare-pid", "--unshare-ipc", "--unshare-uts"],
  ...["--unshare-cgroup-try", "--cap-drop", "ALL", "--new-session", "--die-with-parent"],
];

/**
 * Bubblewrap's arguments for one R: `dir` is its own, `control` what the server writes for it to
 * read. `command` comes behind all options.
 */
export function sandboxArguments(
  sandbox: Sandbox,
  { dir, control }: { readonly dir: string; readonly control: string },
  command: readonly string[],
): string[] {
  const { system, links, readOnly, readWrite, network, tmpBytes, filter } = sandbox;
  return [
    ...NAMESPACES,
    ...(network ? [] : ["--unshare-net"]),
    ...["--dev", "/dev", "--size", bytes(SHM_BYTES), "--tmpfs", "/dev/shm", "--remount-ro", "/dev"],
    ...["--proc", "/proc", "--size", bytes(tmpBytes), "--tmpfs", "/tmp"],
    ...system.flatMap((path) => bind("--ro-bind", path)),
    ...Object.entries(links).flatMap(([path, to]) => ["--symlink", target(to), checked(path)]),
    ...(network ? NETWORK_FILES : []).flatMap((path) => bind("--ro-bind-try", path)),
    ...readOnly.flatMap((path) => bind("--ro-bind", path)),
    ...readWrite.flatMap((path) => bind("--bind", path)),
    ...bind("--bind", dir),
    ...bind("--ro-bind", control),
    ...["--chdir", checked(`${dir}/wd`), "--remount-ro", "/"],
    ...(filter === undefined ? [] : ["--seccomp", String(FILTER_FD)]),
    "--",
    ...command,
  ];
}

/** Why a directory cannot be shown to a confined R, or `undefined` when it can. */
export function maybePathProblem(path: string): string | undefined {
  if (!path.startsWith("/")) return "it must begin with '/'";
  if (hasControl(path)) return "it holds a control character";
  const parts = path.slice(1).split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..")) {
    return "it must name a directory without '.', '..' and empty parts";
  }
  const isKernels = ["proc", "dev", "sys"].includes(parts[0]!);
  return isKernels ? `/${parts[0]} is the system's own` : undefined;
}

/** Paths that lie below none of the others. */
export function outermost(paths: readonly string[]): string[] {
  const all = [...new Set(paths)];
  return all.filter((path) => !all.some((other) => path !== other && isWithin(path, other)));
}

/** Whether the path is, or lies below, the directory. */
export function isWithin(path: string, dir: string): boolean {
  return path === dir || path.startsWith(dir.endsWith("/") ? dir : `${dir}/`);
}

function bind(option: "--bind" | "--ro-bind" | "--ro-bind-try", path: string): string[] {
  return [option, checked(path), path];
}

function checked(path: string): string {
  const problem = maybePathProblem(path);
  if (problem === undefined) return path;
  const shown = JSON.stringify(path.slice(0, 80));
  throw new RtoolError("bad_config", `Cannot confine R to ${shown}: ${problem}`);
}

/** Where a link leads: like a path, or relative to the root. */
function target(to: string): string {
  checked(to.startsWith("/") ? to : `/${to}`);
  if (to.startsWith("-")) throw new RtoolError("bad_config", `Cannot make a link to '${to}'`);
  return to;
}

function bytes(count: number): string {
  if (Number.isSafeInteger(count) && count > 0) return String(count);
  throw new RtoolError("bad_config", `Cannot make a directory of ${count} bytes`);
}

function hasControl(text: string): boolean {
  // deno-lint-ignore no-control-regex
  return /[\x00-\x1f\x7f]/.test(text);
}
