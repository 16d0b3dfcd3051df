/**
 * A second user of this machine, made for a test: it runs rtool as itself.
 *
 * Needs root, as making users does. What it runs is copied to where it can read it.
 */

import { assertEquals } from "@std/assert";
import { type Run, run, type RunOptions, text } from "./processes.ts";

const ROOT = decodeURIComponent(new URL("../..", import.meta.url).pathname);

/** What of the checkout is the program. */
const PROGRAM = /^(?:[\w.]+\.(?:ts|json|lock)|(?:access|cli|core|doors|engine|rdata|std)\/.*)$/;

/** A user without a home and without rights of its own. */
export class OtherUser implements AsyncDisposable {
  readonly uid: number;
  readonly #gid: number;
  readonly #name: string;
  readonly #dir: string;
  readonly #rtool: readonly string[];

  private constructor(
    name: string,
    uid: number,
    gid: number,
    dir: string,
    command: readonly string[],
  ) {
    this.#name = name;
    this.uid = uid;
    this.#gid = gid;
    this.#dir = dir;
    this.#rtool = command;
  }

  static async create(): Promise<OtherUser> {
    const name = `rtool-t${crypto.randomUUID().slice(0, 8)}`;
    await must(["useradd", "--system", "--no-create-home", "--shell", "/bin/false", name]);
    const [uid, gid] = await Promise.all(["-u", "-g"].map(async (which) => {
      return Number(text((await must(["id", which, name])).stdout));
    }));
    const dir = await Deno.makeTempDir({ prefix: "rtool-user-" });
    const command = await copyRtool(dir);
    await must(["chown", "-R", name, dir]);
    return new OtherUser(name, uid!, gid!, dir, command);
  }

  /** Runs any command as this user. */
  run(command: readonly string[], options: RunOptions = {}): Promise<Run> {
    const ids = [`--reuid=${this.uid}`, `--regid=${this.#gid}`, "--clear-groups", "--no-new-privs"];
    const env = { HOME: this.#dir, DENO_DIR: `${this.#dir}/cache`, XDG_CONFIG_HOME: this.#dir };
    return run(["setpriv", ...ids, "--", ...command], {
      ...options,
      cwd: this.#dir,
      env: { ...env, ...options.env },
    });
  }

  /** Runs rtool as this user. */
  rtool(args: readonly string[], options: RunOptions = {}): Promise<Run> {
    return this.run([...this.#rtool, ...args], options);
  }

  /** A file that is this user's. */
  async write(name: string, content: string, mode: number): Promise<string> {
    const path = `${this.#dir}/${name}`;
    await Deno.writeTextFile(path, content);
    await Deno.chmod(path, mode);
    await Deno.chown(path, this.uid, this.#gid);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await must(["userdel", this.#name]);
    await Deno.remove(this.#dir, { recursive: true });
  }
}

/** Copies the rtool under test to where everybody can reach it; the command that runs it. */
async function copyRtool(dir: string): Promise<readonly string[]> {
  await Deno.chmod(dir, 0o755);
  const binary = Deno.env.get("RTOOL_BIN");
  if (binary !== undefined && binary !== "") {
    await Deno.mkdir(`${dir}/bin`); // Not `rtool`: that is where its configuration is looked for.
    await Deno.copyFile(binary, `${dir}/bin/rtool`);
    return [`${dir}/bin/rtool`];
  }
  const listed = await must(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard"]);
  const files = text(listed.stdout).split("\n").filter((path) => PROGRAM.test(path));
  await must(["cp", "--parents", "-t", dir, ...files], ROOT);
  await must(["cp", Deno.execPath(), `${dir}/deno`]);
  const { npmCache } = JSON.parse(text((await must([Deno.execPath(), "info", "--json"])).stdout));
  await must(["mkdir", `${dir}/cache`]);
  await must(["cp", "-r", npmCache, `${dir}/cache/npm`]);
  const config = ["--config", `${dir}/deno.json`, "--no-check", "--quiet", "--cached-only"];
  return [`${dir}/deno`, "run", "-A", ...config, `${dir}/main.ts`];
}

async function must(command: readonly string[], cwd = "/"): Promise<Run> {
  const ended = await run(command, { cwd });
  assertEquals(ended.code, 0, `${command.slice(0, 3).join(" ")}: ${text(ended.stderr)}`);
  return ended;
}
