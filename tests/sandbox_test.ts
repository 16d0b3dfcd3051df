/**
 * What a confined R is shown, and the filter of its system calls: arguments and bytes, no process.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { RtoolError } from "../core/errors.ts";
import { maybePathProblem, outermost, type Sandbox, sandboxArguments } from "../engine/sandbox.ts";
import { maybeFilter, REFUSED_CALLS } from "../engine/seccomp.ts";
import { arbitraryText, SEED, seeded } from "./random.ts";

const SANDBOX: Sandbox = {
  command: "/usr/bin/bwrap",
  user: { name: "worker", uid: 990, gid: 990 },
  system: ["/usr", "/etc/R"],
  links: { "/bin": "usr/bin" },
  readOnly: ["/srv/data"],
  readWrite: ["/srv/scratch"],
  network: false,
  tmpBytes: 1 << 20,
  tasksMax: 512,
  filter: "/run/rtool/seccomp",
};

const DIRS = { dir: "/run/rtool/1", control: "/run/rtool/1-control" };
const COMMAND = ["/bin/sh", "-c", "--dev-bind / /", "--share-net"];

/** How many values bubblewrap takes behind an option. */
const VALUES: Readonly<Record<string, number>> = {
  ...{ "--unshare-user": 0, "--disable-userns": 0, "--unshare-pid": 0, "--unshare-ipc": 0 },
  ...{ "--unshare-uts": 0, "--unshare-cgroup-try": 0, "--unshare-net": 0, "--new-session": 0 },
  ...{ "--die-with-parent": 0, "--cap-drop": 1, "--dev": 1, "--proc": 1, "--tmpfs": 1 },
  ...{ "--size": 1, "--remount-ro": 1, "--chdir": 1, "--seccomp": 1 },
  ...{ "--bind": 2, "--ro-bind": 2, "--ro-bind-try": 2, "--symlink": 2 },
};

Deno.test("a sandbox has no network, no process of others and no capability", () => {
  const options = parse(sandboxArguments(SANDBOX, DIRS, COMMAND)).map(([name]) => name);
  const wanted = ["--unshare-net", "--unshare-pid", "--unshare-user", "--disable-userns"];
  for (const name of [...wanted, "--cap-drop", "--new-session", "--die-with-parent"]) {
    assert(options.includes(name), name);
  }
});

Deno.test("a sandbox writes to its own directory and to those granted, and nowhere else", () => {
  const options = parse(sandboxArguments(SANDBOX, DIRS, COMMAND));
  const writable = options.filter(([name]) => name === "--bind").map(([, path]) => path);
  assertEquals(writable, ["/srv/scratch", "/run/rtool/1"]);
  const last = options.findLast(([name]) => name === "--remount-ro");
  assertEquals(last, ["--remount-ro", "/"]);
  assert(options.indexOf(last!) > options.findLastIndex(([name]) => name!.endsWith("bind")));
});

Deno.test("a sandbox with the network keeps everything else", () => {
  const names = (network: boolean) => {
    const options = parse(sandboxArguments({ ...SANDBOX, network }, DIRS, COMMAND));
    return options.map((option) => option.join(" "));
  };
  const [without, with_] = [names(false), names(true)];
  assertEquals(without.filter((option) => !with_.includes(option)), ["--unshare-net"]);
  const more = with_.filter((option) => !without.includes(option));
  assertEquals(more.every((option) => option.startsWith("--ro-bind-try /etc/")), true);
});

Deno.test(`no text becomes an option of bubblewrap, seed ${SEED}`, () => {
  const texts = fc.oneof(
    arbitraryText(),
    fc.constantFrom(...Object.keys(VALUES), "--", "-", "/", "", "--bind /"),
    arbitraryText().map((text) => `/${text}`),
    fc.constantFrom("/srv/--bind", "/srv/a b", "/srv/-x", "/--dev-bind"),
  );
  const lists = fc.array(texts, { maxLength: 3 });
  const expected = parse(sandboxArguments({ ...SANDBOX, ...NONE }, DIRS, COMMAND)).length;
  const check = (readOnly: string[], readWrite: string[], dir: string, command: string[]) => {
    const sandbox = { ...SANDBOX, ...NONE, readOnly, readWrite };
    const args = argumentsOrFault(sandbox, dir, command);
    if (!args) return;
    const options = parse(args);
    assertEquals(options.length, expected + readOnly.length + readWrite.length);
    assertEquals(args.slice(args.length - command.length), command);
    const shown = options.filter(([name]) => name === "--bind").map(([, path]) => path!);
    assertEquals(shown, [...readWrite, dir]);
    assertEquals(shown.every((path) => path.startsWith("/")), true);
  };
  fc.assert(fc.property(lists, lists, texts, fc.array(texts), check), seeded(3000));
});

Deno.test("a directory is shown by a whole path that is nobody else's", () => {
  for (const path of ["/srv", "/srv/a b", "/home/é", "/srv/..."]) {
    assertEquals(maybePathProblem(path), undefined);
  }
  const refused = ["/", "", "srv", "/srv/", "/srv//a", "/srv/../etc", "/./srv", "/srv\n", "/a\0b"];
  for (const path of [...refused, "/proc", "/proc/1", "/dev/sda", "/sys/kernel", "--bind"]) {
    assert(maybePathProblem(path) !== undefined, path);
  }
});

Deno.test("of directories within each other the outer is shown", () => {
  assertEquals(outermost(["/usr/lib/R", "/usr", "/usrlocal", "/opt/R", "/usr"]), [
    "/usr",
    "/usrlocal",
    "/opt/R",
  ]);
});

for (const machine of ["x86_64", "aarch64"] as const) {
  const { audit, clone, socket, ioctl } = {
    x86_64: { audit: 0xc000003e, clone: 56, socket: 41, ioctl: 16 },
    aarch64: { audit: 0xc00000b7, clone: 220, socket: 198, ioctl: 29 },
  }[machine];
  const call = (number: number, args: readonly number[] = [], network = false) => {
    return run(maybeFilter(machine, network)!, [number, audit, ...args]);
  };

  Deno.test(`the filter of ${machine} refuses its calls and lets R's pass`, () => {
    const refused = Array.from({ length: 460 }, (_, number) => number).filter((number) => {
      return call(number) === EPERM;
    });
    // socket() without a family is refused, too; arm64 has no ioperm() and iopl().
    assertEquals(refused.length, REFUSED_CALLS.length + 1 - (machine === "aarch64" ? 2 : 0));
    const ptrace = machine === "x86_64" ? 101 : 117;
    assert(refused.includes(ptrace) && !refused.includes(clone));
    assertEquals(call(0), ALLOW);
    assertEquals(call(435), ENOSYS);
  });

  Deno.test(`the filter of ${machine} lets processes be made, and no namespaces`, () => {
    assertEquals(call(clone, [0x01200011]), ALLOW);
    for (const flag of [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000]) {
      assertEquals(call(clone, [0x11 | flag]), EPERM);
    }
    assertEquals(call(clone, [0x40000000]), EPERM);
  });

  Deno.test(`the filter of ${machine} knows which sockets there are`, () => {
    for (const family of [1, 2, 10]) assertEquals(call(socket, [family]), ALLOW);
    for (const family of [16, 17, 38, 40, 0xffffffff]) assertEquals(call(socket, [family]), EPERM);
    assertEquals(call(socket, [16], true), ALLOW);
    assertEquals(call(socket, [40], true), EPERM);
    assertEquals(call(ioctl, [0, 0x5412]), EPERM);
    assertEquals(call(ioctl, [0x5412, 0x5413]), ALLOW);
  });

  Deno.test(`the filter of ${machine} ends a program of another machine`, () => {
    assertEquals(run(maybeFilter(machine, false)!, [0, 0x40000003]), KILL);
  });
}

Deno.test("the filter of x86_64 refuses calls of the other convention", () => {
  assertEquals(run(maybeFilter("x86_64", false)!, [0x40000000 + 101, 0xc000003e]), ENOSYS);
});

Deno.test("a machine without a known filter has none", () => {
  assertEquals(maybeFilter("riscv64", false), undefined);
});

const NONE = { readOnly: [], readWrite: [] };

function argumentsOrFault(sandbox: Sandbox, dir: string, command: string[]): string[] | undefined {
  const usable = [...sandbox.readOnly, ...sandbox.readWrite, dir].every((path) => {
    return maybePathProblem(path) === undefined;
  });
  const make = () => sandboxArguments(sandbox, { ...DIRS, dir }, command);
  if (usable) return make();
  assertEquals(assertThrows(make, RtoolError).code, "bad_config");
  return undefined;
}

/** The options up to `--`, as bubblewrap reads them. */
function parse(args: readonly string[]): string[][] {
  const options: string[][] = [];
  for (let at = 0; args[at] !== "--";) {
    const values = VALUES[args[at]!];
    assert(values !== undefined, `not an option: ${args[at]}`);
    options.push(args.slice(at, at + 1 + values));
    at += 1 + values;
  }
  return options;
}

const [ALLOW, KILL, EPERM, ENOSYS] = [0x7fff0000, 0x80000000, 0x00050001, 0x00050026];

/** What the kernel makes of a filter and a call: number, convention, arguments' lower halves. */
function run(filter: Uint8Array, [number, convention, ...args]: readonly number[]): number {
  const view = new DataView(filter.buffer);
  const words = [number!, convention!, 0, 0];
  for (let index = 0; index < 6; index++) words.push(args[index] ?? 0, 0);
  let loaded = 0;
  for (let at = 0; at < filter.length / 8; at++) {
    const value = view.getUint32(8 * at + 4, true);
    const code = view.getUint16(8 * at, true);
    const jump = (yes: boolean) => view.getUint8(8 * at + (yes ? 2 : 3));
    if (code === 0x06) return value;
    if (code === 0x20) loaded = words[value / 4]! >>> 0;
    else if (code === 0x15) at += jump(loaded === value);
    else if (code === 0x35) at += jump(loaded >= value);
    else if (code === 0x45) at += jump((loaded & value) !== 0);
    else throw new Error(`Unknown instruction ${code}`);
  }
  throw new Error("The filter has no end");
}
