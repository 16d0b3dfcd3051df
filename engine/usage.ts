/**
 * What R and all it has started use of the machine, and how much disk is left to them.
 *
 * Looks at /proc; must not know jobs or limits.
 */

import { statfsSync } from "node:fs";
import {
  descendants,
  maybeMemory,
  maybeResident,
  maybeStat,
  processesWith,
  writtenBytes,
} from "./process_table.ts";
import { WORKER_VARIABLE } from "./spawn.ts";

/** One look at a process and its descendants. */
export interface Usage {
  /** Of all of them, and of those that have ended and were waited for, in milliseconds. */
  readonly cpuMs: number;
  readonly processes: number;
  readonly pids: readonly number[];
}

/** What is looked at. */
export interface Used {
  readonly pid: number;
  /** The mark its processes carry. */
  readonly id: string;
  /** All of them but the first, where that is known without looking for marks. */
  maybeOthers(): readonly number[] | undefined;
}

/**
 * Looks at R and all it has started, also what has left its tree; `undefined` where the system does
 * not tell, or R has ended.
 */
export function maybeUsage(used: Used): Usage | undefined {
  const { pid, id } = used;
  const root = maybeStat(pid);
  if (!root) return undefined;
  const below = new Set(used.maybeOthers() ?? [...descendants(pid), ...markedWith(id)]);
  below.delete(pid);
  let cpuMs = root.cpuMs + root.childCpuMs;
  for (const each of below) {
    const stat = maybeStat(each);
    cpuMs += stat ? stat.cpuMs + stat.childCpuMs : 0;
  }
  return { cpuMs, processes: 1 + below.size, pids: [pid, ...below] };
}

/** How long one look at the marks of all processes serves everybody, in milliseconds. */
const CENSUS_MS = 1000;

let census: { readonly takenAt: number; readonly byMark: ReadonlyMap<string, number[]> } = {
  takenAt: -Infinity,
  byMark: new Map(),
};

/** Processes that carried this mark a moment ago. */
function markedWith(id: string): readonly number[] {
  const now = performance.now();
  if (now - census.takenAt > CENSUS_MS) {
    const byMark = new Map<string, number[]>();
    for (const { pid, environment } of processesWith([`${WORKER_VARIABLE}=`])) {
      const mark = MARK.exec(environment)?.[1] ?? "";
      byMark.set(mark, [...byMark.get(mark) ?? [], pid]);
    }
    census = { takenAt: now, byMark };
  }
  return census.byMark.get(id) ?? [];
}

const MARK = new RegExp(`(?:^|\\0)${WORKER_VARIABLE}=([0-9a-f]{32})`);

/**
 * Whether these processes together have more resident memory than `max`, in bytes. Pages they share
 * are counted once: that takes longer to find out, and is done only when it matters.
 */
export function exceedsMemory(pids: readonly number[], max: number): boolean {
  if (sum(pids, maybeResident) <= max) return false;
  return sum(pids, maybeMemory) > max;
}

/** Memory of these processes in bytes, shared pages by share. */
export function memoryOf(pids: readonly number[]): number {
  return sum(pids, maybeMemory);
}

function sum(pids: readonly number[], read: (pid: number) => number | null): number {
  return pids.reduce((total, pid) => total + (read(pid) ?? 0), 0);
}

/** Bytes left to us on a directory's file system; `undefined` where that is not to be known. */
export function maybeDiskLeft(dir: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(dir);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

/**
 * Whether R has filled a file up to the largest size there may be: it was not told that the rest of
 * what it wrote is lost. Its open files are looked at, and those in `dirs`.
 */
export function hasFullFile(pid: number, dirs: readonly string[], bytes: number): boolean {
  if (writtenBytes(pid) < bytes) return false;
  return [`/proc/${pid}/fd`, ...dirs].some((dir) => {
    return namesIn(dir).some((name) => isFileOf(`${dir}/${name}`, bytes));
  });
}

function namesIn(dir: string): string[] {
  try {
    return Array.from(Deno.readDirSync(dir), ({ name }) => name);
  } catch {
    return [];
  }
}

function isFileOf(path: string, bytes: number): boolean {
  try {
    const { isFile, size } = Deno.statSync(path);
    return isFile && size === bytes;
  } catch {
    return false;
  }
}
