/**
 * System calls that a confined R may not make, as a filter the kernel runs (BPF, seccomp(2)).
 *
 * The sandbox holds without it: these are the calls through which sandboxes have been left, by
 * mistakes in the kernel, and none of them is any use to R. Knows numbers; must not know paths.
 */

/** Calls and their numbers, on x86-64 and arm64; null: it has none. */
const REFUSED: Readonly<Record<string, readonly [x86: number, arm: number | null]>> = {
  // Looking into other processes.
  ...{ ptrace: [101, 117], process_vm_readv: [310, 270], process_vm_writev: [311, 271] },
  ...{ kcmp: [312, 272], pidfd_getfd: [438, 438], perf_event_open: [298, 241] },
  // Another view of the machine.
  ...{ mount: [165, 40], umount2: [166, 39], pivot_root: [155, 41], chroot: [161, 51] },
  ...{ open_tree: [428, 428], move_mount: [429, 429], fsopen: [430, 430], fsconfig: [431, 431] },
  ...{ fsmount: [432, 432], fspick: [433, 433], mount_setattr: [442, 442] },
  ...{ unshare: [272, 97], setns: [308, 268] },
  ...{ name_to_handle_at: [303, 264], open_by_handle_at: [304, 265] },
  // Keys are of the user, not of the sandbox.
  ...{ add_key: [248, 217], request_key: [249, 218], keyctl: [250, 219] },
  // Large and young parts of the kernel.
  ...{ bpf: [321, 280], userfaultfd: [323, 282], fanotify_init: [300, 262] },
  ...{ io_uring_setup: [425, 425], io_uring_enter: [426, 426], io_uring_register: [427, 427] },
  // The machine itself.
  ...{ kexec_load: [246, 104], kexec_file_load: [320, 294], init_module: [175, 105] },
  ...{ finit_module: [313, 273], delete_module: [176, 106], reboot: [169, 142] },
  ...{ swapon: [167, 224], swapoff: [168, 225], acct: [163, 89], quotactl: [179, 60] },
  ...{ quotactl_fd: [443, 443], syslog: [103, 116], settimeofday: [164, 170] },
  ...{ clock_settime: [227, 112], adjtimex: [159, 171], clock_adjtime: [305, 266] },
  ...{ iopl: [172, null], ioperm: [173, null] },
};

/** The calls whose arguments decide, and what tells the machine apart. */
const MACHINES = {
  x86_64: { audit: 0xc000003e, column: 0, clone: 56, clone3: 435, socket: 41, ioctl: 16 },
  aarch64: { audit: 0xc00000b7, column: 1, clone: 220, clone3: 435, socket: 198, ioctl: 29 },
} as const;

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET. */
const NEW_NAMESPACES = 0x7e020000;

/** AF_UNIX, AF_INET, AF_INET6: the loopback of a sandbox is its own. AF_NETLINK asks for routes. */
const FAMILIES = [1, 2, 10];
const NETLINK = 16;

/** Put into the terminal what its user has not typed: TIOCSTI and TIOCLINUX. */
const TERMINAL_CALLS = [0x5412, 0x541c];

/** Above it, on x86-64, are the calls of another convention, under other numbers. */
const X32_CALLS = 0x40000000;

const EPERM = 1;
const ENOSYS = 38;

/** What an instruction is: see linux/bpf_common.h. */
const [LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN] = [0x20, 0x15, 0x35, 0x45, 0x06];

/** Where a call's number, convention and arguments lie. */
const [NUMBER, ARCHITECTURE, ARGUMENT_0, ARGUMENT_1] = [0, 4, 16, 24];

const [ALLOW, KILL, ERROR] = [0x7fff0000, 0x80000000, 0x00050000];

/** Names of the calls that are refused, whatever their arguments. */
export const REFUSED_CALLS: readonly string[] = Object.keys(REFUSED);

/** The filter for this machine, or `undefined` where none is known. */
export function maybeFilter(machine: string, network: boolean): Uint8Array | undefined {
  if (machine !== "x86_64" && machine !== "aarch64") return undefined;
  const { audit, column, clone, clone3, socket, ioctl } = MACHINES[machine];
  const program = new Program();
  program.load(ARCHITECTURE).skipIf(EQUAL, audit, 1).end(KILL).load(NUMBER);
  if (machine === "x86_64") program.endIf(AT_LEAST, X32_CALLS, ERROR | ENOSYS);
  for (const name of REFUSED_CALLS) {
    const number = REFUSED[name]![column];
    if (number !== null) program.endIf(EQUAL, number, ERROR | EPERM);
  }
  // Its flags are out of a filter's sight: programs take clone() instead when it is missing.
  program.endIf(EQUAL, clone3, ERROR | ENOSYS);
  program.inside(clone, ARGUMENT_0, (flags) => {
    flags.endIf(ANY_BIT, NEW_NAMESPACES, ERROR | EPERM).end(ALLOW);
  });
  program.inside(socket, ARGUMENT_0, (family) => {
    const allowed = network ? [...FAMILIES, NETLINK] : FAMILIES;
    for (const each of allowed) family.endIf(EQUAL, each, ALLOW);
    family.end(ERROR | EPERM);
  });
  program.inside(ioctl, ARGUMENT_1, (request) => {
    for (const each of TERMINAL_CALLS) request.endIf(EQUAL, each, ERROR | EPERM);
    request.end(ALLOW);
  });
  return program.end(ALLOW).bytes();
}

/** One instruction: what, how far to jump if so and if not, and a number. */
type Instruction = readonly [code: number, yes: number, no: number, value: number];

/** Instructions in order. */
class Program {
  readonly #instructions: Instruction[] = [];

  load(offset: number): this {
    return this.#add(LOAD, 0, 0, offset);
  }

  end(verdict: number): this {
    return this.#add(RETURN, 0, 0, verdict);
  }

  skipIf(test: number, value: number, count: number): this {
    return this.#add(test, count, 0, value);
  }

  /** Ends with the verdict if what was loaded passes the test. */
  endIf(test: number, value: number, verdict: number): this {
    return this.#add(test, 0, 1, value).end(verdict);
  }

  /** For this call alone: `body` sees the argument, and must end. */
  inside(call: number, argument: number, body: (program: Program) => void): void {
    const part = new Program();
    body(part.load(argument));
    this.#add(EQUAL, 0, part.#instructions.length, call);
    this.#instructions.push(...part.#instructions);
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(8 * this.#instructions.length);
    const view = new DataView(bytes.buffer);
    for (const [index, [code, yes, no, value]] of this.#instructions.entries()) {
      view.setUint16(8 * index, code, true);
      view.setUint8(8 * index + 2, yes);
      view.setUint8(8 * index + 3, no);
      view.setUint32(8 * index + 4, value, true);
    }
    return bytes;
  }

  #add(...instruction: Instruction): this {
    this.#instructions.push(instruction);
    return this;
  }
}
