/**
 * The audit of a running server.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { run } from "./processes.ts";
import { rtool, startServer, text } from "./rtool.ts";

const CANARY = "canary-0815";

Deno.test("every connection and job is in the audit, and nothing of what they were made of", async () => {
  await using dir = new AuditDir();
  await using server = await startServer(["--audit", dir.path]);
  await server.send(["-e", `x <- "${CANARY}"; cat(x)`, "--env", `SECRET=${CANARY}`]);
  await server.send(["-e", `stop("${CANARY}")`]);
  await server.send(["-e", "quit(status = 3)"]);
  await server.send(["-s", "not a name", "-e", "1"]);
  const args = JSON.stringify([CANARY]);
  await rtool(["call", "-p", `${server.port}`, "base::nchar", "--args", args]);
  await server.stop();
  const lines = await dir.lines();
  const jobs = lines.filter(({ event }) => event === "job");
  assertEquals(jobs.map(({ outcome, code }) => outcome ?? code), [
    "ok",
    "error",
    "quit",
    "bad_request",
    "ok",
  ]);
  assertEquals(jobs.map(({ function: name }) => name).at(-1), "base::nchar");
  assertEquals(lines.filter(({ event }) => event === "connection").length, 5);
  for (const job of jobs) {
    assert(lines.some((line) => line["event"] === "connection" && line["peer"] === job["peer"]));
  }
  assert(!(await dir.text()).includes(CANARY));
  assertEquals((await Deno.stat(dir.path)).mode! & 0o777, 0o600);
});

Deno.test("a detached job's end is in the audit though nobody was there to see it", async () => {
  await using dir = new AuditDir();
  await using server = await startServer(["--audit", dir.path]);
  const id = text((await server.send(["--detach", "-e", "Sys.sleep(0.2)"])).stdout).trim();
  await server.stop();
  const own = (await dir.lines()).filter(({ job }) => job === id);
  assertEquals(own.map(({ event, outcome }) => [event, outcome]), [
    ["kept", undefined],
    ["job", "ok"],
  ]);
});

Deno.test("--audit - writes whole lines to stderr among those of the log", async () => {
  await using server = await startServer(["--audit", "-"]);
  await Promise.all(["a", "b", "c"].map((name) => server.send(["-s", name, "-e", "1"])));
  await server.stop();
  const lines = server.stderrText().trimEnd().split("\n").slice(1);
  const audited = lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  assertEquals(audited.filter(({ event }) => event === "job").length, 3);
  assert(lines.every((line) => /^(\{"time":.*\}|time=\S+ level=.*|rtool: .*)$/.test(line)));
});

Deno.test("a full disk stops no job, unless audit_required says so", async () => {
  for (const [args, status] of [[[], 0], [["--audit-required"], 73]] as const) {
    await using disk = await SmallDisk.create();
    await using server = await startServer(["--audit", disk.audit, ...args]);
    await disk.fill();
    const sent = await server.send(["-e", "cat(1)"]);
    assertEquals(sent.code, status, text(sent.stderr));
    if (status !== 0) assertStringIncludes(text(sent.stderr), "runs no job that it cannot write");
    assertEquals(server.stderrText().match(/the audit cannot be written/g)?.length, 1);
    await disk.free();
    assertEquals((await server.send(["-e", "cat(2)"])).code, 0);
    await server.stop();
    assertStringIncludes(await Deno.readTextFile(disk.audit), '"event":"lost"');
  }
});

Deno.test("an audit file that others can read is refused, with the way to mend it", async () => {
  await using dir = new AuditDir();
  await Deno.writeTextFile(dir.path, "");
  await Deno.chmod(dir.path, 0o644);
  const { code, stderr } = await rtool(["serve", "--port", "0", "--audit", dir.path]);
  assertEquals(code, 78);
  assertStringIncludes(text(stderr), `chmod 600 ${dir.path}`);
});

/** A disk of a few pages, for an audit file. Mounting one needs root. */
class SmallDisk {
  readonly #dir = Deno.makeTempDirSync({ prefix: "rtool-disk-" });
  readonly audit = `${this.#dir}/audit`;

  static async create(): Promise<SmallDisk> {
    const disk = new SmallDisk();
    const mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk.#dir];
    assertEquals((await run(mount)).code, 0);
    return disk;
  }

  /** Leaves no room at all, and none in the page the audit is in. */
  async fill(): Promise<void> {
    await Deno.writeFile(`${this.#dir}/full`, new Uint8Array(1 << 17)).catch(() => {});
    const rest = 4096 - (await Deno.stat(this.audit)).size % 4096;
    if (rest < 4096) {
      await Deno.writeTextFile(this.audit, `${" ".repeat(rest - 1)}\n`, { append: true });
    }
  }

  async free(): Promise<void> {
    await Deno.remove(`${this.#dir}/full`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run(["umount", "-l", this.#dir]);
    await Deno.remove(this.#dir, { recursive: true });
  }
}

/** Where an audit goes, and what was written there. */
class AuditDir {
  readonly #dir = Deno.makeTempDirSync({ prefix: "rtool-audit-" });
  readonly path = `${this.#dir}/audit`;

  text(): Promise<string> {
    return Deno.readTextFile(this.path);
  }

  async lines(): Promise<Record<string, unknown>[]> {
    return (await this.text()).trimEnd().split("\n").map((line) => JSON.parse(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#dir, { recursive: true });
  }
}
