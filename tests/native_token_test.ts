/**
 * A token in the greeting of the native wire: who is let in with it, and what the others hear.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Admission } from "../access/admission.ts";
import { type Ends, maybePeerUid } from "../access/peer.ts";
import { addToken, revokeToken } from "../access/tokens.ts";
import { Client } from "../client.ts";
import { RtoolError } from "../core/errors.ts";
import { OWNER } from "../core/profile.ts";
import { decodeJson, encodeJson, PREFACE } from "../protocol.ts";
import { fakeEvaluator, type FakePort, REPORT, startPort } from "./fake_port.ts";
import { RawPeer, submission } from "./raw_peer.ts";

const NOW = Date.UTC(2026, 0, 1);
const WRONG = `rtool_${"A".repeat(43)}`;
const FAR: Ends = { local: end("10.0.0.1", 9090), remote: end("10.0.0.2", 50000) };

/** Tells who asks, in the place of the server's program. */
const WHO = fakeEvaluator({
  report: ({ name }) => Promise.resolve({ ...REPORT, rVersion: name }),
});

// The kernel's socket for questions stays open, and is opened once: not in a test.
maybePeerUid(FAR);

Deno.test("hello with a right token makes the peer that token's principal", async () => {
  await using gate = new Gate();
  assertEquals(await gate.whoIs(gate.add("ci")), "token:ci");
});

Deno.test("hello with a wrong, an expired, a revoked token or none is refused as not_allowed, in one line", async () => {
  await using gate = new Gate();
  const expired = gate.add("old", NOW);
  const revoked = gate.add("revoked");
  revokeToken(gate.path, "revoked");
  for (const token of [WRONG, expired, revoked, undefined, ""]) {
    const { code, message } = await assertRejects(() => gate.whoIs(token), RtoolError);
    assertEquals(code, "not_allowed");
    assert(/token/.test(message) && !message.includes("\n"), message);
  }
});

Deno.test("nothing of what a refused peer has sent is evaluated", async () => {
  let submitted = 0;
  const counting = fakeEvaluator({
    submit: () => {
      submitted++;
      return Promise.reject(new RtoolError("internal", "never"));
    },
  });
  await using gate = new Gate(counting);
  using peer = await RawPeer.connect(gate.port);
  const hello = encodeJson("hello", 0, { version: 1, software: "t", token: WRONG });
  await peer.send(PREFACE, hello, ...submission(1, "x"));
  const frame = await peer.frame();
  assertEquals([frame.kind, decodeJson(frame)["code"]], ["error", "not_allowed"]);
  assertEquals(await peer.maybeFrame(), undefined);
  assertEquals(submitted, 0);
});

Deno.test("a token that is no text is no greeting", async () => {
  await using gate = new Gate();
  for (const token of [1, null, [], {}, true]) {
    using peer = await RawPeer.connect(gate.port);
    await peer.send(PREFACE, encodeJson("hello", 0, { version: 1, software: "t", token }));
    assertEquals(decodeJson(await peer.frame())["code"], "bad_request");
  }
});

Deno.test("a refusal is not heard before a tenth of a second", async () => {
  await using gate = new Gate();
  for (const token of [WRONG, undefined]) {
    const startedAt = performance.now();
    await assertRejects(() => gate.whoIs(token), RtoolError);
    assert(performance.now() - startedAt >= 100);
  }
});

Deno.test("too many wrong tokens lock out every token for a while, and never the server's own user", async () => {
  await using gate = new Gate();
  const right = gate.add("ci");
  const wrong = Array.from({ length: 100 }, () => assertRejects(() => gate.whoIs(WRONG)));
  await Promise.all(wrong);
  const { code } = await assertRejects(() => gate.whoIs(right), RtoolError);
  assertEquals(code, "not_allowed");
  gate.ends = undefined;
  assertEquals(await gate.whoIs(undefined), `uid-${Deno.uid()}`);
  gate.ends = FAR;
  gate.clockMs += 60_000;
  assertEquals(await gate.whoIs(right), "token:ci");
});

Deno.test("a client is served while thousands try wrong tokens", async () => {
  await using gate = new Gate();
  await using client = await gate.connect(gate.add("ci"));
  await client.hello;
  const storm = (async () => {
    for (let round = 0; round < 10; round++) {
      const wrong = Array.from({ length: 50 }, () => gate.whoIs(WRONG).catch(() => {}));
      await Promise.all(wrong);
    }
  })();
  for (let i = 0; i < 50; i++) assertEquals((await client.report()).rVersion, "token:ci");
  await storm;
  assertEquals((await client.report()).rVersion, "token:ci");
});

function end(hostname: string, port: number): Deno.NetAddr {
  return { transport: "tcp", hostname, port };
}

/** A port whose peers seem to come from another machine. */
class Gate implements AsyncDisposable {
  readonly #dir = Deno.makeTempDirSync({ prefix: "rtool-gate-" });
  readonly path = `${this.#dir}/tokens.json`;
  readonly #port: FakePort;
  clockMs = 0;
  /** Where peers seem to come from; undefined: from where they do. */
  ends: Ends | undefined = FAR;

  constructor(evaluator = WHO) {
    const admission = new Admission({
      insecure: false,
      tokens: this.path,
      maybeProfile: (name) => ({ ...OWNER, name }),
      maybeHolder: () => undefined,
      log: { info: () => {}, error: () => {} },
      now: () => NOW,
      monotonic: () => this.clockMs,
    });
    this.#port = startPort(evaluator, {
      connectionsMax: 256,
      admit: (link, token) => admission.admit(this.ends ?? link.ends, token),
    });
  }

  get port(): number {
    return this.#port.port;
  }

  add(name: string, expiresAt: number | undefined = undefined): string {
    return addToken(this.path, { name, profile: "default", expiresAt }, NOW);
  }

  connect(token: string | undefined): Promise<Client> {
    const to = { hostname: "127.0.0.1", port: this.port };
    return Client.connect({ ...to, timeoutMs: 10_000, software: "test", token });
  }

  /** The name of the principal a peer with this token is. */
  async whoIs(token: string | undefined): Promise<string> {
    await using client = await this.connect(token);
    return (await client.report()).rVersion;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#port[Symbol.asyncDispose]();
    await Deno.remove(this.#dir, { recursive: true });
  }
}
