/**
 * What the system tells of processes, and signals to them. Linux's /proc; elsewhere little.
 *
 * Knows process ids. Must not know R, workers or jobs.
 */

/** One line of /proc/PID/stat, as far as it is used here; proc(5) numbers the fields. */
export interface ProcessStat {
  /** `R`, `S`, `D`, `Z`, `T`, ... */
  readonly state: string;
  readonly parent: number;
  /** Processor time of the process itself, in milliseconds. */
  readonly cpuMs: number;
  /** Processor time of the children it has waited for, in milliseconds. */
  readonly childCpuMs: number;
  /** Page faults of the children it has waited for: none means that it never had one. */
  readonly childFaults: number;
  /** In clock ticks since the machine was started: with the id it names one process. */
  readonly startedAt: number;
  /** As waitpid(2) gives it; only a process that has ended and was not waited for has one. */
  readonly waitStatus: number;
}

/** Linux counts processor time in hundredths of a second, whatever the kernel's own clock. */
const TICK_MS = 10;

/** What /proc says of a process; `undefined` when it has gone, or where there is no /proc. */
export function maybeStat(pid: number): ProcessStat | undefined {
  const text = maybeRead(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The name in parentheses may hold spaces and parentheses of its own. Field 3 comes behind it.
  const fields = text.slice(text.lastIndexOf(")") + 2).trimEnd().split(" ");
  const field = (number: number) => Number(fields[number - 3]);
  return {
    state: fields[0] ?? "",
    parent: field(4),
    cpuMs: (field(14) + field(15)) * TICK_MS,
    childCpuMs: (field(16) + field(17)) * TICK_MS,
    childFaults: field(11) + field(13),
    startedAt: field(22),
    waitStatus: field(52),
  };
}

/** Processes that descend from this one and are alive, in no order. */
export function descendants(pid: number): number[] {
  const found: number[] = [];
  const open = [pid];
  for (let parent = open.pop(); parent !== undefined; parent = open.pop()) {
    for (const child of childrenOf(parent)) {
      found.push(child);
      open.push(child);
    }
  }
  return found;
}

/** The child of a process that has no other; undefined when it has none. */
export function maybeOnlyChild(pid: number): number | undefined {
  return childrenOf(pid)[0];
}

/** R forks from its main thread, so that thread's children are all there are. */
function childrenOf(pid: number): number[] {
  const text = maybeRead(`/proc/${pid}/task/${pid}/children`);
  return text ? text.trim().split(" ").filter((each) => each !== "").map(Number) : [];
}

/** Memory of a process in bytes, shared pages by share; null where the system is silent. */
export function maybeMemory(pid: number): number | null {
  const text = maybeRead(`/proc/${pid}/smaps_rollup`);
  return maybeKilobytes(text, "Pss");
}

/** Resident memory of a process in bytes, shared pages in full; null where unknown. */
export function maybeResident(pid: number): number | null {
  return maybeKilobytes(maybeRead(`/proc/${pid}/status`), "VmRSS");
}

/** Most memory a process has had resident, in bytes; null where unknown. */
export function maybePeakResident(pid: number): number | null {
  return maybeKilobytes(maybeRead(`/proc/${pid}/status`), "VmHWM");
}

function maybeKilobytes(text: string | undefined, name: string): number | null {
  const match = text && new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text);
  return match ? Number(match[1]) * 1024 : null;
}

/** Bytes a process has written so far, to anything; 0 where the system does not tell. */
export function writtenBytes(pid: number): number {
  return Number(/^wchar: (\d+)/m.exec(maybeRead(`/proc/${pid}/io`) ?? "")?.[1] ?? 0);
}

/** A process, and its environment as it was when its program began. */
export interface MarkedProcess {
  readonly pid: number;
  readonly environment: string;
  /** Which of the texts looked for it holds. */
  readonly needle: string;
}

/** Processes whose environment, as it was when their program began, holds one of `needles`. */
export function processesWith(needles: readonly string[]): MarkedProcess[] {
  const found: MarkedProcess[] = [];
  for (const name of processNames()) {
    const environment = maybeRead(`/proc/${name}/environ`);
    if (!environment) continue;
    const needle = needles.find((each) => environment.includes(each));
    if (needle) found.push({ pid: Number(name), environment, needle });
  }
  return found;
}

function processNames(): string[] {
  try {
    return [...Deno.readDirSync("/proc")].map((e) => e.name).filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** Sends a signal; false when there is no such process any more. A negative id is a group. */
export function sendSignal(pid: number, signal: Deno.Signal): boolean {
  try {
    Deno.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** Names of signals by number, for wait statuses; Linux on x86-64 and arm64. */
const SIGNAL_NAMES: Readonly<Record<number, Deno.Signal>> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  5: "SIGTRAP",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  10: "SIGUSR1",
  11: "SIGSEGV",
  12: "SIGUSR2",
  13: "SIGPIPE",
  14: "SIGALRM",
  15: "SIGTERM",
  24: "SIGXCPU",
  25: "SIGXFSZ",
  26: "SIGVTALRM",
  27: "SIGPROF",
  31: "SIGSYS",
};

/** What a wait status says: an exit status, or the signal that ended the process. */
export function decodeWaitStatus(
  status: number,
): { code: number | null; signal: Deno.Signal | null } {
  const number = status & 0x7f;
  if (number === 0) return { code: (status >> 8) & 0xff, signal: null };
  return { code: null, signal: SIGNAL_NAMES[number] ?? "SIGKILL" };
}

/** The signal an exit status stands for, as shells count: 128 and its number. */
export function maybeSignal(status: number): Deno.Signal | undefined {
  return SIGNAL_NAMES[status - 128];
}

function maybeRead(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined; // It has ended meanwhile, or is not ours to look at.
  }
}
