/**
 * What a host says of its memory, on a machine and within control groups.
 */

import { assertEquals } from "@std/assert";
import { type HostMemory, hostMemory } from "../cluster/host_memory.ts";

const GIB = 2 ** 30;
const MACHINE: HostMemory = { total: 64 * GIB, available: 40 * GIB };

function memoryWith(files: Readonly<Record<string, string>>): HostMemory {
  return hostMemory(MACHINE, (path) => files[path]);
}

Deno.test("without a control group, or with one that bounds nothing, it is the machine's", () => {
  assertEquals(memoryWith({}), MACHINE);
  const v2 = { "/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/memory.max": "max\n" };
  assertEquals(memoryWith(v2), MACHINE);
  const v1 = {
    "/proc/self/cgroup": "5:memory:/\n4:cpu,cpuacct:/\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    "/sys/fs/cgroup/memory/memory.usage_in_bytes": "100\n",
  };
  assertEquals(memoryWith(v1), MACHINE);
});

Deno.test("the narrowest of the groups around it holds, of version 2", () => {
  const files = {
    "/proc/self/cgroup": "0::/user.slice/rtool.service\n",
    "/sys/fs/cgroup/user.slice/rtool.service/memory.max": `${16 * GIB}\n`,
    "/sys/fs/cgroup/user.slice/rtool.service/memory.current": `${6 * GIB}\n`,
    "/sys/fs/cgroup/user.slice/rtool.service/memory.stat": `anon 1\ninactive_file ${
      2 * GIB
    }\nactive_file 7\n`,
    "/sys/fs/cgroup/user.slice/memory.max": `${8 * GIB}\n`,
    "/sys/fs/cgroup/user.slice/memory.current": `${7 * GIB}\n`,
  };
  assertEquals(memoryWith(files), { total: 8 * GIB, available: GIB });
  const { "/sys/fs/cgroup/user.slice/memory.max": _, ...alone } = files;
  assertEquals(memoryWith(alone), { total: 16 * GIB, available: 12 * GIB });
});

Deno.test("and of version 1, where a container sees only the root of its group", () => {
  const files = {
    "/proc/self/cgroup": "9:name=systemd:/\n4:hugetlb,memory:/docker/0123\n0::/\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": `${4 * GIB}\n`,
    "/sys/fs/cgroup/memory/memory.usage_in_bytes": `${5 * GIB}\n`,
    "/sys/fs/cgroup/memory/memory.stat": `inactive_file 1\ntotal_inactive_file ${2 * GIB}\n`,
  };
  assertEquals(memoryWith(files), { total: 4 * GIB, available: GIB });
});

Deno.test("what this machine says of itself is within what it has", () => {
  const { total, available } = hostMemory();
  assertEquals(total > 0 && total <= Deno.systemMemoryInfo().total, true);
  assertEquals(available >= 0 && available <= total, true);
});
