/**
 * The port of the metrics on a real loopback socket: what it answers, to whom, and what it bounds.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { RtoolError } from "../core/errors.ts";
import { type EndpointOptions, serveMetrics } from "../metrics/endpoint.ts";
import { maybeRequest } from "../metrics/http_request.ts";
import { createMemoryLog } from "./fake_port.ts";
import { SEED, seeded } from "./random.ts";

const PAGE = "# é\nx 1\n";
const GET = "GET /metrics HTTP/1.1\r\n\r\n";

/** Requests, and how their answers begin. */
const ANSWERS: readonly (readonly [what: string, request: string, status: number])[] = [
  ["a scrape", "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:9464\r\nAccept: */*\r\n\r\n", 200],
  ["one of HTTP/1.0", "GET /metrics HTTP/1.0\r\n\r\n", 200],
  ["one with a question behind the path", "GET /metrics?x=1 HTTP/1.1\r\n\r\n", 200],
  ["one whose lines end as those of Unix", "GET /metrics HTTP/1.1\nHost: localhost\n\n", 200],
  ["one for localhost", "GET /metrics HTTP/1.1\r\nHost: LocalHost:1\r\n\r\n", 200],
  ["one for ::1", "GET /metrics HTTP/1.1\r\nHost: [::1]:9464\r\n\r\n", 200],
  ["another path", "GET / HTTP/1.1\r\n\r\n", 404],
  ["a path below", "GET /metrics/ HTTP/1.1\r\n\r\n", 404],
  ["another method", "POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 405],
  [
    "a name that was turned to this address",
    "GET /metrics HTTP/1.1\r\nHost: a.example\r\n\r\n",
    421,
  ],
  [
    "a name that begins like one",
    "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1.a.example\r\n\r\n",
    421,
  ],
  ["two hosts", "GET /metrics HTTP/1.1\r\nHost: localhost\r\nhost: a\r\n\r\n", 400],
  ["a header that is none", "GET /metrics HTTP/1.1\r\nHost localhost\r\n\r\n", 400],
  ["another version", "GET /metrics HTTP/2\r\n\r\n", 400],
  ["a whole address", "GET http://localhost/metrics HTTP/1.1\r\n\r\n", 400],
  ["what is no HTTP", "RTOOL/1\n\n", 400],
  ["9 KiB of headers", `GET /metrics HTTP/1.1\r\nA: ${"a".repeat(9 << 10)}\r\n\r\n`, 400],
];

for (const [what, request, status] of ANSWERS) {
  Deno.test(`the metrics port answers ${what} with ${status}`, async () => {
    await using port = new Port();
    const answer = await port.ask(request);
    assertMatch(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
    const [head = "", body = ""] = answer.split("\r\n\r\n");
    const length = new TextEncoder().encode(body).length;
    assertStringIncludes(head, `\r\nContent-Length: ${length}\r\n`);
    assertEquals(/access-control/i.test(head), false);
    if (status === 200) assertEquals(body, PAGE);
    else assertMatch(body, /^[A-Z][^\n]+\.\n$/);
    assertEquals(port.written, status === 200 ? 1 : 0);
  });
}

Deno.test("the metrics port answers a HEAD with the head of the same answer, and no body", async () => {
  await using port = new Port();
  const whole = await port.ask(GET);
  const head = await port.ask(GET.replace("GET", "HEAD"));
  assertEquals(head, whole.slice(0, whole.indexOf("\r\n\r\n") + 4));
  assertStringIncludes(head, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
});

Deno.test("who asks while a page is being written gets that page", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  await using port = new Port({ write: () => promise });
  const asking = [1, 2, 3].map(() => port.ask(GET));
  await port.asked(3);
  resolve(PAGE);
  for (const answer of await Promise.all(asking)) assertStringIncludes(answer, PAGE);
  assertEquals(port.written, 1);
  await port.ask(GET);
  assertEquals(port.written, 2);
});

Deno.test("a page that cannot be written closes the connection, and the log says why", async () => {
  let isBroken = true;
  const write = () => isBroken ? Promise.reject(new Error("oops")) : Promise.resolve(PAGE);
  await using port = new Port({ write });
  assertEquals(await port.ask(GET), "");
  assertEquals(port.lines.map(({ message }) => message), ["metrics not told"]);
  isBroken = false;
  assertStringIncludes(await port.ask(GET), PAGE);
});

Deno.test("more than 16 connections at once are closed, and those before them answered", async () => {
  await using port = new Port();
  const silent: Deno.TcpConn[] = [];
  for (let n = 0; n < 16; n++) silent.push(await port.connect());
  assertEquals(await port.ask(GET), "");
  for (const conn of silent) assertStringIncludes(await exchange(conn, GET), PAGE);
  assertStringIncludes(await port.ask(GET), PAGE);
});

Deno.test("who does not ask to the end is let go", async () => {
  await using port = new Port({ timeMaxMs: 50 });
  for (const start of ["", "GET /metrics HTTP/1.1\r\n"]) {
    using conn = await port.connect();
    await conn.write(new TextEncoder().encode(start));
    assertEquals(await conn.read(new Uint8Array(1)), null);
  }
});

Deno.test("beyond this machine the metrics need what the server's own port needs", async () => {
  const shown: (string | undefined)[] = [];
  await using port = new Port({
    shut: {
      secure: (conn) => Object.assign(conn, { isPlain: false }),
      admit: (_link, token) => {
        shown.push(token);
        if (token === "good") return Promise.resolve();
        return Promise.reject(new RtoolError("not_allowed", "no"));
      },
    },
  });
  const ask = (header: string, path = "/metrics") => {
    return port.ask(`GET ${path} HTTP/1.1\r\nHost: a.example\r\n${header}\r\n`);
  };
  const refused = await ask("");
  assertMatch(refused, /^HTTP\/1\.1 401 [^]*\r\nWWW-Authenticate: Bearer\r\n/);
  // Whoever is not let in learns nothing of what there is.
  assertMatch(await ask("", "/nothing"), /^HTTP\/1\.1 401 /);
  assertMatch(await ask("Authorization: Bearer bad\r\n"), /^HTTP\/1\.1 401 /);
  assertMatch(await ask("Authorization: Basic Z29vZA==\r\n"), /^HTTP\/1\.1 401 /);
  assertStringIncludes(await ask("authorization: bearer good\r\n"), PAGE);
  assertEquals(shown, [undefined, undefined, "bad", undefined, "good"]);
});

Deno.test("where TLS is wanted nothing is told in plain text, and no token taken", async () => {
  let asked = 0;
  await using port = new Port({
    shut: {
      secure: (conn) => Object.assign(conn, { isPlain: true }),
      admit: () => Promise.resolve(asked++),
    },
  });
  const answer = await port.ask("GET /metrics HTTP/1.1\r\nAuthorization: Bearer x\r\n\r\n");
  assertStringIncludes(answer, "This port speaks TLS alone.");
  assertEquals([asked, port.written], [0, 0]);
});

Deno.test("a connection that cannot have TLS is closed, and the next one is not", async () => {
  let isBroken = true;
  await using port = new Port({
    shut: {
      secure: (conn) => {
        if (isBroken) throw new RtoolError("internal", "no memory");
        return Object.assign(conn, { isPlain: false });
      },
      admit: () => Promise.resolve(),
    },
  });
  assertEquals(await port.ask(GET), "");
  isBroken = false;
  assertStringIncludes(await port.ask(GET), PAGE);
});

Deno.test(`any bytes are a request or are none, and the port goes on (seed ${SEED})`, async () => {
  await using port = new Port();
  const piece = fc.constantFrom("GET ", "/metrics", " HTTP/1.1", "\r\n", "\n", "Host:", ":", " ");
  const text = fc.array(fc.oneof(piece, fc.string({ unit: "binary" }))).map((all) => all.join(""));
  await fc.assert(
    fc.asyncProperty(text, async (request) => {
      const answer = await port.ask(request);
      assert(answer === "" || /^HTTP\/1\.1 (200|400|404|405|421) /.test(answer), answer);
    }),
    seeded(60),
  );
  assertStringIncludes(await port.ask(GET), PAGE);
  assertEquals(port.lines, []);
});

Deno.test("a request's host and token are read whatever their letters' case and spaces", () => {
  const head = "GET /metrics HTTP/1.1\r\nHOST:\tLocalhost:80 \r\nAuthorization:  Bearer  t ";
  assertEquals(maybeRequest(head), {
    method: "GET",
    path: "/metrics",
    host: "localhost",
    token: "t",
  });
});

/** A port of metrics that listens. */
class Port implements AsyncDisposable {
  written = 0;
  readonly lines: ReturnType<typeof createMemoryLog>["lines"];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #stop = new AbortController();
  readonly #serving: Promise<void>;
  #sent = 0;

  constructor(options: Partial<EndpointOptions> = {}) {
    const { log, lines } = createMemoryLog();
    this.lines = lines;
    const write = () => {
      this.written++;
      return options.write?.() ?? Promise.resolve(PAGE);
    };
    const all = { log, ...options, write };
    this.#serving = serveMetrics(this.#listener, all, this.#stop.signal);
  }

  connect(): Promise<Deno.TcpConn> {
    const { port } = this.#listener.addr;
    return Deno.connect({ hostname: "127.0.0.1", port });
  }

  /** Sends this and nothing more; all that comes back. */
  async ask(request: string): Promise<string> {
    const conn = await this.connect();
    const answer = exchange(conn, request);
    this.#sent++;
    return await answer;
  }

  /** Resolves when so many have asked. */
  async asked(count: number): Promise<void> {
    while (this.#sent < count || this.written === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#serving;
  }
}

/** Sends this and the end, and reads to the end; nothing when the port closes before. */
async function exchange(conn: Deno.TcpConn, request: string): Promise<string> {
  const bytes = new TextEncoder().encode(request);
  let answer = "";
  const decoder = new TextDecoder();
  try {
    for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
    await conn.closeWrite();
    const buffer = new Uint8Array(1 << 16);
    for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
      answer += decoder.decode(buffer.subarray(0, count), { stream: true });
    }
  } catch {
    // A reset, if it was closed while we wrote.
  }
  conn.close();
  return answer;
}
