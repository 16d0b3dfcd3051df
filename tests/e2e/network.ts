/**
 * Networks of the tests' own: hosts apart from each other, and ways to the broker that can be cut.
 *
 * Where the kernel allows it a host is a network namespace, and all are joined by a switch, which
 * is one too. Else a host is this machine, and its way to the broker a relay.
 */

import { Cable } from "./nats.ts";
import { run, text } from "./processes.ts";

/** A network; disposing it leaves nothing of it behind. */
export interface TestNetwork extends AsyncDisposable {
  /** What it is made of, for people. */
  readonly kind: string;
  /** Where a broker listens for its hosts. */
  readonly address: string;
  /** A new host, with a way to the broker at that port. */
  host(port: number): Promise<TestHost>;
}

/** A machine, or what passes for one. */
export interface TestHost {
  /** Stands before a command that is run there. */
  readonly within: readonly string[];
  /** The broker, as it is called there. */
  readonly url: string;
  /** Lets nothing through any more between the host and the broker. */
  cut(): Promise<void>;
  mend(): Promise<void>;
}

/** Makes a network of namespaces if that can be done here, else one of relays. */
export async function openNetwork(): Promise<TestNetwork> {
  return await Namespaces.maybeOpen() ?? new Relays();
}

/** Names of namespaces begin with it; behind it stands the id of the test's process. */
const PREFIX = "rtool-e2e-";

/** Where `ip netns` keeps their names. */
const NAMES = "/run/netns";

/** Files of tests may share a process: each counts from elsewhere. */
let networks = crypto.getRandomValues(new Uint16Array(1))[0]!;

/**
 * Namespaces around a switch. What is cut is cut in the middle: both ends keep their carrier and
 * their neighbour's address, so no end is told anything.
 */
class Namespaces implements TestNetwork {
  readonly kind = "network namespaces";
  readonly #subnet: string;
  readonly #name: string;
  readonly #device: string;
  #hosts = 0;

  private constructor(number: number, subnet: string) {
    this.#subnet = subnet;
    this.#name = `${PREFIX}${Deno.pid}-${number}`;
    this.#device = `rt${Deno.pid.toString(36)}n${number}`;
  }

  /** `undefined` where it may not be done, or does not work. */
  static async maybeOpen(): Promise<Namespaces | undefined> {
    if (Deno.uid() !== 0) return undefined;
    const number = ++networks;
    let network: Namespaces | undefined;
    try {
      await removeLeftovers();
      network = new Namespaces(number, await freeSubnet(number));
      await network.#open();
      await network.#try();
      return network;
    } catch {
      await network?.[Symbol.asyncDispose]();
      return undefined;
    }
  }

  get address(): string {
    return `${this.#subnet}.1`;
  }

  async host(port: number): Promise<TestHost> {
    const number = ++this.#hosts + 1;
    const name = `${this.#name}-${number}`;
    const address = `${this.#subnet}.${number}`;
    const socket = `port${number}`;
    await ip([
      `netns add ${name}`,
      `neigh replace ${address} lladdr ${mac(number)} dev ${this.#device} nud permanent`,
    ]);
    await ip([
      `link add ${socket} type veth peer name eth0 address ${mac(number)} netns ${name}`,
      `link set ${socket} master bridge up`,
    ], this.#switch);
    await ip([
      "link set lo up",
      "link set eth0 up",
      `addr add ${address}/24 dev eth0`,
      `neigh replace ${this.address} lladdr ${mac(1)} dev eth0 nud permanent`,
    ], name);
    return {
      within: ["ip", "netns", "exec", name],
      url: `nats://${this.address}:${port}`,
      cut: () => ip([`link set ${socket} nomaster`], this.#switch),
      mend: () => ip([`link set ${socket} master bridge`], this.#switch),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of await namespaces()) {
      if (name.startsWith(`${this.#name}-`)) await removeNamespace(name);
    }
  }

  get #switch(): string {
    return `${this.#name}-switch`;
  }

  async #open(): Promise<void> {
    await ip([
      `netns add ${this.#switch}`,
      `link add ${this.#device} address ${mac(1)} type veth peer name uplink netns ${this.#switch}`,
      `addr add ${this.address}/24 dev ${this.#device}`,
      `link set ${this.#device} up`,
    ]);
    await ip([
      "link add bridge type bridge",
      "link set bridge up",
      "link set uplink master bridge up",
    ], this.#switch);
  }

  /** A firewall or a missing right shows only when something is sent. */
  async #try(): Promise<void> {
    using listener = Deno.listen({ hostname: this.address, port: 0 });
    const { within } = await this.host(0);
    const dial = `exec 3<>/dev/tcp/${this.address}/${listener.addr.port}`;
    const { code } = await run([...within, "timeout", "5", "bash", "-c", dial]);
    if (code !== 0) throw new Error("What is sent does not arrive");
    (await listener.accept()).close();
  }
}

/** This machine, seen through relays. What is cut is broken, and both ends are told. */
export class Relays implements TestNetwork {
  readonly kind = "processes behind relays";
  readonly address = "127.0.0.1";
  readonly #cables = new AsyncDisposableStack();

  host(port: number): Promise<TestHost> {
    const cable = this.#cables.use(new Cable(port));
    return Promise.resolve({
      within: [],
      url: cable.url,
      cut: () => Promise.resolve(cable.cut()),
      mend: () => Promise.resolve(cable.mend()),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cables.disposeAsync();
  }
}

/** Makes changes to the network, in a namespace if one is named. */
async function ip(changes: readonly string[], namespace?: string): Promise<void> {
  const where = namespace === undefined ? [] : ["-n", namespace];
  const input = changes.map((change) => `${change}\n`).join("");
  const { code, stderr } = await run(["ip", ...where, "-batch", "-"], { stdin: input });
  if (code !== 0) throw new Error(`Cannot change the network: ${text(stderr)}`);
}

/** What a process that is no more has left behind. */
async function removeLeftovers(): Promise<void> {
  for (const name of await namespaces()) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid === undefined) continue;
    const isAlive = await Deno.stat(`/proc/${pid}`).then(() => true, () => false);
    // Another process may do the same just now.
    if (!isAlive) await removeNamespace(name).catch(() => {});
  }
}

/** Removes a namespace with the processes in it, and with it its ends of all connections. */
async function removeNamespace(name: string): Promise<void> {
  const { stdout } = await run(["ip", "netns", "pids", name]);
  for (const pid of text(stdout).split("\n").filter((line) => line !== "")) {
    try {
      Deno.kill(Number(pid), "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
  await ip([`netns del ${name}`]);
}

async function namespaces(): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(NAMES))).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** The first three numbers of 256 private addresses that no route of this machine covers. */
async function freeSubnet(number: number): Promise<string> {
  const { stdout } = await run(["ip", "-json", "-4", "route", "show", "table", "all"]);
  const routes: readonly { readonly dst: string }[] = JSON.parse(text(stdout));
  const taken = routes.map(({ dst }) => dst).filter((dst) => dst !== "default");
  const first = 16 * Deno.pid + number; // Another process begins elsewhere.
  for (let n = first; n < first + 256; n++) {
    const subnet = `10.${64 + (n >> 8) % 192}.${n % 256}`;
    if (!taken.some((dst) => overlaps(dst, `${subnet}.0/24`))) return subnet;
  }
  throw new Error("No private addresses are free");
}

function overlaps(one: string, other: string): boolean {
  const [[start, bits], [otherStart, otherBits]] = [parsed(one), parsed(other)];
  const shift = 2 ** (32 - Math.min(bits, otherBits));
  return Math.floor(start / shift) === Math.floor(otherStart / shift);
}

function parsed(range: string): readonly [start: number, bits: number] {
  const [address = "", bits = "32"] = range.split("/");
  const start = address.split(".").reduce((sum, part) => 256 * sum + Number(part), 0);
  return [start, Number(bits)];
}

/** Address of a network card. */
function mac(number: number): string {
  return `02:72:74:00:00:${number.toString(16).padStart(2, "0")}`;
}
