/**
 * How much memory this host has: the machine's, or less where a container or a service is given
 * less of it.
 *
 * Control groups as in the kernel's Documentation/admin-guide: cgroup-v2.rst and
 * cgroup-v1/memory.rst.
 */

/** In bytes. */
export interface HostMemory {
  readonly total: number;
  /** What could be taken without another giving way. */
  readonly available: number;
}

/** Reads one file of the kernel; `undefined` when it is not there. */
export type MaybeFile = (path: string) => string | undefined;

const ROOT = "/sys/fs/cgroup";

/** What both versions call their files. */
const VERSIONS = [
  {
    own: /^0::(.*)$/m,
    root: ROOT,
    limit: "memory.max",
    used: "memory.current",
    cache: /^inactive_file (\d+)$/m,
  },
  {
    own: /^\d+:(?:[^:\n]*,)?memory(?:,[^:\n]*)?:(.*)$/m,
    root: `${ROOT}/memory`,
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    cache: /^total_inactive_file (\d+)$/m,
  },
] as const;

/** Memory of this host, as of now. */
export function hostMemory(
  machine: HostMemory = Deno.systemMemoryInfo(),
  maybeFile: MaybeFile = maybeKernelFile,
): HostMemory {
  let { total, available } = machine;
  const groups = maybeFile("/proc/self/cgroup") ?? "";
  for (const { own, root, limit, used, cache } of VERSIONS) {
    const group = own.exec(groups)?.[1];
    if (group === undefined) continue;
    for (const dir of upwards(root, group)) {
      const max = maybeNumber(maybeFile(`${dir}/${limit}`));
      if (max === undefined || max >= machine.total) continue;
      const taken = maybeNumber(maybeFile(`${dir}/${used}`)) ?? 0;
      // Files that were read long ago give way.
      const givesWay = Number(cache.exec(maybeFile(`${dir}/memory.stat`) ?? "")?.[1] ?? 0);
      total = Math.min(total, max);
      available = Math.min(available, Math.max(0, max - Math.max(0, taken - givesWay)));
    }
  }
  return { total, available };
}

/**
 * The directories of a group and of all around it. Within a container the group's name may be that
 * outside, and only the root be there.
 */
function upwards(root: string, group: string): readonly string[] {
  const names = group.split("/").filter((name) => name !== "");
  return names.map((_, n) => `${root}/${names.slice(0, names.length - n).join("/")}`).concat(root);
}

/** `max` is no limit. */
function maybeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text.trim()) ? Number(text) : undefined;
}

function maybeKernelFile(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
