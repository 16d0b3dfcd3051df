/**
 * Many jobs, many clients, and clients that are no clients: answers stay right, memory stays flat.
 *
 * `RTOOL_EVALS` sets how many evaluations the long run makes; the default suits CI.
 */

import { assert, assertEquals } from "@std/assert";
import type { Client } from "../../client.ts";
import { bareRequest, type JobRequest } from "../../core/job.ts";
import { maybeResident } from "../../engine/process_table.ts";
import { RTOOL, startServer, TestServer, text } from "./rtool.ts";
import { start } from "./processes.ts";
import { connect } from "./storm.ts";

const EVALS = Number(Deno.env.get("RTOOL_EVALS") ?? 10_000);

function request(code: string, session: string, timeoutMs?: number): JobRequest {
  return { ...bareRequest(code, session), timeoutMs };
}

/** Output and outcome of one job. */
async function evaluate(client: Client, job: JobRequest): Promise<[string, string]> {
  let stdout = "";
  const decoder = new TextDecoder();
  for await (const event of client.submit(job).events) {
    if (event.kind === "stdout") stdout += decoder.decode(event.bytes);
    if (event.kind === "end") return [stdout, event.outcome.kind];
  }
  throw new Error("A job had no end");
}

/** Resident memory in MiB. */
function residentMiB(pid: number): number {
  return maybeResident(pid)! / 2 ** 20;
}

Deno.test("200 clients at once on 4 sessions each get their own answer", async () => {
  await using server = await startServer(["--quiet"]);
  const answers = await Promise.all(Array.from({ length: 200 }, async (_, i) => {
    await using client = await connect(server);
    return await evaluate(client, request(`cat(${i} * 7)`, `s${i % 4}`));
  }));
  answers.forEach((answer, i) => assertEquals(answer, [String(i * 7), "ok"]));
});

Deno.test(`memory is flat over ${EVALS} evaluations of every kind on one session`, async () => {
  await using server = await startServer(["--quiet"]);
  await using client = await connect(server);
  const session = "long";
  const mixed = async (i: number) => {
    switch (i % 100) {
      case 97:
        return assertEquals(
          await evaluate(client, request("stop('expected')", session)),
          ["", "error"],
        );
      case 98:
        return assertEquals(
          await evaluate(client, request("warning('expected')", session)),
          ["", "ok"],
        );
      case 99:
        await evaluate(client, request(`kept_${i % 5000} <- runif(100)`, session));
        return;
      default:
        return assertEquals(
          await evaluate(client, request(`cat(${i} + 1)`, session)),
          [String(i + 1), "ok"],
        );
    }
  };
  let next = 0;
  const lane = async (until: number) => {
    while (next < until) await mixed(next++);
  };
  const stretch = async (until: number) => {
    await Promise.all(Array.from({ length: 16 }, () => lane(until)));
    assertEquals(
      (await evaluate(client, request("Sys.sleep(5)", session, 20)))[1],
      "timeout",
    );
    const [pid] = await evaluate(client, request("cat(Sys.getpid())", session));
    return { server: residentMiB(server.pid), r: residentMiB(Number(pid)) };
  };
  const warm = await stretch(EVALS / 5);
  const end = await stretch(EVALS);
  const growth = { server: end.server - warm.server, r: end.r - warm.r };
  console.log(
    `    MiB after ${EVALS / 5}: ${JSON.stringify(warm)}, at the end: grown by ${
      JSON.stringify(growth)
    }`,
  );
  // V8 collects lazily: its live heap stays at 9 MB, what it holds of the system varies by this
  // much.
  assert(growth.server < 90, `The server has grown by ${growth.server} MiB`);
  assert(growth.r < 20, `R has grown by ${growth.r} MiB`);
});

Deno.test("a normal client is answered within 2 s after garbage and 2,000 connections at 256 files", async () => {
  const dir = await Deno.makeTempDir();
  const command = ["sh", "-c", 'ulimit -n 256; exec "$@"', "sh", ...RTOOL];
  await using server = new TestServer(
    start([...command, "serve", "--port", "0", "--quiet"], { env: { TMPDIR: dir } }),
    dir,
  );
  await server.ready;
  const conns: Deno.Conn[] = [];
  const payloads = [
    new Uint8Array(0),
    new TextEncoder().encode("RTOOL/1\n"),
    Uint8Array.of(...new TextEncoder().encode("RTOOL/1\n"), 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0),
    crypto.getRandomValues(new Uint8Array(512)),
    new TextEncoder().encode("GET / HTTP/1.1\r\n"),
    new TextEncoder().encode("UTF-8\n\xff\xff"),
  ];
  for (let at = 0; at < 2000; at += 100) {
    const batch = await Promise.allSettled(Array.from({ length: 100 }, async (_, i) => {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      conns.push(conn);
      const payload = payloads[i % payloads.length]!;
      if (payload.length > 0) await conn.write(payload);
    }));
    if (batch.every((each) => each.status === "rejected")) break;
  }
  for (const conn of conns) conn.close();
  const startedAt = performance.now();
  for (;;) {
    const { code, stdout } = await server.send(["-e", "cat(6 * 7)"]);
    if (code === 0) {
      assertEquals(text(stdout), "42");
      break;
    }
    assert(performance.now() - startedAt < 2000, "No answer within 2 s");
  }
  assert(performance.now() - startedAt < 4000);
});

Deno.test("a client that sends a byte a second delays nobody", async () => {
  await using server = await startServer(["--quiet"]);
  const slow = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await slow.write(new TextEncoder().encode("R"));
  const { code, stdout } = await server.send(["-e", "cat('here')"]);
  assertEquals([code, text(stdout)], [0, "here"]);
  slow.close();
});
