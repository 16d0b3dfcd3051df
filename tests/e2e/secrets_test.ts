/**
 * What a job can see of the server it runs on, and of the environment that was started from.
 *
 * root sees everything, so the server runs as a user made for the test.
 */

import { assert, assertEquals } from "@std/assert";
import { maybePeakResident } from "../../engine/process_table.ts";
import { OtherUser } from "./other_user.ts";
import type { Run } from "./processes.ts";
import { text } from "./rtool.ts";

const SECRET = "canary-in-the-environment";

/** How long the server may take to be ready, in milliseconds. */
const START_MS = 30_000;

/** Whether a job can open these of the server, and of itself. The kernel checks at the opening. */
const LOOK = `
pid <- as.integer(Sys.getenv("LOOK_AT"))
opens <- function(name, pid) {
  path <- sprintf("/proc/%d/%s", pid, name)
  if (name == "fd") return(length(list.files(path)) > 0)
  from <- tryCatch(suppressWarnings(file(path, "rb")), error = function(e) NULL)
  if (!is.null(from)) close(from)
  !is.null(from)
}
for (name in c("environ", "mem", "maps", "fd")) {
  cat(name, opens(name, pid), opens(name, Sys.getpid()), "\\n")
}
`;

Deno.test("a job cannot read the server's memory, environment or open files, but its own", async () => {
  await using server = await UserServer.start();
  const pid = server.pid();
  const sent = await server.send(["-e", LOOK, "--env", `LOOK_AT=${pid}`]);
  assertEquals(text(sent.stderr), "");
  assertEquals(text(sent.stdout).trimEnd().split("\n").map((line) => line.trim()), [
    "environ FALSE TRUE",
    "mem FALSE TRUE",
    "maps FALSE TRUE",
    "fd FALSE TRUE",
  ]);
  // What tells how the server is doing stays readable.
  assert(maybePeakResident(pid)! > 0);
});

Deno.test("R has of the server's environment what docs/security.md names, and nothing else", async () => {
  await using server = await UserServer.start();
  const code = "cat(sort(names(Sys.getenv())), sep = '\\n')";
  const sent = await server.send(["-s", "clean", "-e", code, "--env", "ASKED=1"]);
  const page = await Deno.readTextFile(new URL("../../docs/security.md", import.meta.url));
  const listed = /^R starts with .+?\n\n/ms.exec(page)?.[0] ?? "";
  const promised = new Set([...listed.matchAll(/`(\w+)`/g)].map(([, name]) => name));
  assert(promised.size >= 8, listed);
  const names = text(sent.stdout).trimEnd().split("\n");
  // The script that is R sets these, and the shell that runs it.
  const own =
    /^(R_\w+|EDITOR|LN_S|MAKE|PAGER|SED|TAR|LD_LIBRARY_PATH|LINES|COLUMNS|OLDPWD|PWD|SHLVL|_)$/;
  const others = names.filter((name) => !promised.has(name) && !own.test(name) && name !== "ASKED");
  assertEquals(others, []);
  assert(names.includes("ASKED") && names.includes("PATH"));
});

/** A server of a user made for the test, with a secret in its environment. */
class UserServer implements AsyncDisposable {
  readonly #user: OtherUser;
  readonly #port: number;
  readonly #dir: string;
  readonly #ended: Promise<Run>;

  private constructor(user: OtherUser, port: number, dir: string) {
    this.#user = user;
    this.#port = port;
    this.#dir = dir;
    this.#ended = user.rtool(["serve", "--port", `${port}`], {
      env: { TMPDIR: dir, SECRET, RTOOL_TOKEN: SECRET },
    });
  }

  static async start(): Promise<UserServer> {
    const user = await OtherUser.create();
    const dir = await Deno.makeTempDir({ prefix: "rtool-e2e-" });
    await Deno.chmod(dir, 0o777);
    const server = new UserServer(user, freePort(), dir);
    const until = performance.now() + START_MS;
    while ((await server.#rtool("ping")).code !== 0) {
      if (performance.now() < until) continue;
      await user[Symbol.asyncDispose]();
      throw new Error(`No server: ${text((await server.#ended).stderr)}`);
    }
    return server;
  }

  /** As the name of its state directory has it. */
  pid(): number {
    const names = [...Deno.readDirSync(this.#dir)].map(({ name }) => name);
    return Number(/^rtool-(\d+)-/.exec(names.find((name) => /^rtool-\d/.test(name)) ?? "")?.[1]);
  }

  send(args: readonly string[]) {
    return this.#rtool("send", ...args);
  }

  #rtool(command: string, ...args: readonly string[]) {
    return this.#user.rtool([command, "-p", `${this.#port}`, ...args]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    Deno.kill(this.pid(), "SIGTERM");
    await this.#ended;
    await this.#user[Symbol.asyncDispose]();
    await Deno.remove(this.#dir, { recursive: true });
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
