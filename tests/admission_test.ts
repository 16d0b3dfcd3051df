/**
 * Who is admitted: by its socket, by a token, or not; what a refusal costs, and what the log says.
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Admission, type AdmissionOptions } from "../access/admission.ts";
import { type Ends, maybePeerUid } from "../access/peer.ts";
import { addToken, revokeToken } from "../access/tokens.ts";
import { RtoolError } from "../core/errors.ts";
import { OWNER, type Profile } from "../core/profile.ts";

const NOW = Date.UTC(2026, 0, 1);
const PROFILE: Profile = { ...OWNER, name: "default", timeoutMs: 60_000 };
const WRONG = `rtool_${"A".repeat(43)}`;

/** Another machine's; and a loopback address that no socket has. */
const FAR: Ends = { local: end("10.0.0.1", 9090), remote: end("10.0.0.2", 50000) };
const NOBODY: Ends = { local: end("127.0.0.1", 1), remote: end("127.0.0.1", 1) };

// The kernel's socket for questions stays open, and is opened once: not in a test.
maybePeerUid(NOBODY);

Deno.test("the server's own user on this machine is admitted as local, with the owner's profile", async () => {
  using desk = new Desk();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using conn = await listener.accept();
  const ends = { local: conn.localAddr, remote: conn.remoteAddr } as Ends;
  const owner = { name: `uid-${Deno.uid()}`, local: true, profile: OWNER };
  assertEquals(await desk.admission.admit(ends, undefined), owner);
  const token = desk.add("ci");
  const named = { name: "token:ci", local: false, profile: PROFILE };
  assertEquals(await desk.admission.admit(ends, token), named);
  assert(client.localAddr);
});

Deno.test("a peer without a token is refused and told of tokens, or is anyone with --insecure", async () => {
  using desk = new Desk();
  using open = new Desk({ insecure: true });
  for (const ends of [FAR, NOBODY]) {
    const { code, message } = await desk.refusal(undefined, ends);
    assertEquals(code, "not_allowed");
    assertStringIncludes(message, "--token-file or RTOOL_TOKEN");
    const anyone = { name: "anyone", local: false, profile: OWNER };
    assertEquals(await open.admission.admit(ends, undefined), anyone);
  }
});

Deno.test("a wrong token is refused with --insecure, too", async () => {
  using open = new Desk({ insecure: true });
  assertEquals((await open.refusal(WRONG)).code, "not_allowed");
});

Deno.test("a token's principal has its name and its profile", async () => {
  using desk = new Desk();
  const token = desk.add("ci", "small");
  const { name, local, profile } = await desk.admission.admit(FAR, token);
  assertEquals([name, local, profile.name], ["token:ci", false, "small"]);
});

Deno.test("wrong, expired, revoked and orphaned tokens are refused alike; the log tells them apart", async () => {
  using desk = new Desk();
  const expired = desk.add("old", "default", NOW);
  const orphaned = desk.add("orphan", "gone");
  const revoked = desk.add("revoked");
  revokeToken(desk.path, "revoked");
  const messages = new Set<string>();
  for (const token of [WRONG, "", "x".repeat(60_000), expired, revoked, orphaned]) {
    messages.add((await desk.refusal(token)).message);
  }
  assertEquals(messages.size, 1);
  assertStringIncludes([...messages][0]!, "wrong, expired or revoked");
  assertEquals(desk.logged.map(({ reason }) => reason), [
    ...["wrong token", "wrong token", "wrong token", "token old has expired", "wrong token"],
    "token orphan has a profile that is not there",
  ]);
  assertEquals(new Set(desk.logged.map(({ peer }) => peer)), new Set(["10.0.0.2:50000"]));
  assert(!JSON.stringify(desk.logged).includes("rtool_"));
});

Deno.test("a token is taken up to its last millisecond", async () => {
  let now = NOW;
  using desk = new Desk({ now: () => now });
  const token = desk.add("ci", "default", NOW + 1000);
  now = NOW + 999;
  assertEquals((await desk.admission.admit(FAR, token)).name, "token:ci");
  now = NOW + 1000;
  assertEquals((await desk.refusal(token)).code, "not_allowed");
});

Deno.test("a new token is known, and a revoked one forgotten, at the next connection", async () => {
  using desk = new Desk();
  await desk.refusal(WRONG);
  const [a, b] = [desk.add("a"), desk.add("b")];
  assertEquals((await desk.admission.admit(FAR, a)).name, "token:a");
  revokeToken(desk.path, "a");
  await desk.refusal(a);
  assertEquals((await desk.admission.admit(FAR, b)).name, "token:b");
});

Deno.test("a token file that others can read, is damaged or gone lets nobody in, and is tried again", async () => {
  using desk = new Desk();
  const token = desk.add("ci");
  const text = Deno.readTextFileSync(desk.path);
  await desk.admission.admit(FAR, token);
  Deno.chmodSync(desk.path, 0o644);
  await desk.refusal(token);
  assertStringIncludes(String(desk.logged.at(-1)?.["reason"]), "others may use it");
  Deno.chmodSync(desk.path, 0o600);
  await desk.admission.admit(FAR, token);
  Deno.writeTextFileSync(desk.path, "{");
  await desk.refusal(token);
  Deno.removeSync(desk.path);
  await desk.refusal(token);
  Deno.writeTextFileSync(desk.path, text, { mode: 0o600 });
  await desk.admission.admit(FAR, token);
});

Deno.test("check() refuses a token file that others can read, and a profile that is not there", () => {
  using desk = new Desk();
  desk.admission.check();
  desk.add("ci", "small");
  desk.admission.check();
  Deno.chmodSync(desk.path, 0o640);
  assertEquals(desk.checkFault().hint, `chmod 600 ${desk.path}`);
  Deno.chmodSync(desk.path, 0o600);
  desk.add("orphan", "gone");
  const { code, message, hint } = desk.checkFault();
  assertEquals([code, hint], ["bad_config", "add [profile.gone], or: rtool token revoke orphan"]);
  assertStringIncludes(message, "'gone'");
});

Deno.test("a refusal takes a tenth of a second and more, whatever is wrong", async () => {
  using desk = new Desk({ refusalMs: undefined });
  desk.add("ci");
  await Promise.all([undefined, "", WRONG].map(async (token) => {
    const startedAt = performance.now();
    await desk.refusal(token);
    assert(performance.now() - startedAt >= 100);
  }));
});

Deno.test("after a hundred wrong tokens even a right one waits for the next minute", async () => {
  let now = 0;
  using desk = new Desk({ monotonic: () => now });
  const token = desk.add("ci");
  const first = await desk.refusal(WRONG);
  for (let i = 1; i < 100; i++) await desk.refusal(WRONG);
  now = 59_999;
  assertEquals((await desk.refusal(token)).message, first.message);
  now = 60_000;
  assertEquals((await desk.admission.admit(FAR, token)).name, "token:ci");
});

Deno.test("right tokens, and peers without one, use up nothing", async () => {
  using desk = new Desk({ monotonic: () => 0 });
  const token = desk.add("ci");
  for (let i = 0; i < 150; i++) {
    await desk.admission.admit(FAR, token);
    await desk.refusal(undefined);
  }
  assertEquals((await desk.admission.admit(FAR, token)).name, "token:ci");
});

Deno.test("ten thousand wrong tokens are a hundred lines of the log, and one with the rest", async () => {
  let now = 0;
  using desk = new Desk({ monotonic: () => now });
  const refusals = Array.from({ length: 10_000 }, () => desk.refusal(WRONG));
  await Promise.all(refusals);
  assertEquals(desk.logged.length, 100);
  now = 60_000;
  await desk.refusal(WRONG);
  assertEquals(desk.logged.length, 102);
  assertEquals(desk.logged[100], { count: 9_900 });
});

function end(hostname: string, port: number): Deno.NetAddr {
  return { transport: "tcp", hostname, port };
}

/** An admission with a token file of its own, and what it logs. */
class Desk implements Disposable {
  readonly #dir = Deno.makeTempDirSync({ prefix: "rtool-admission-" });
  readonly path = `${this.#dir}/tokens.json`;
  readonly logged: Readonly<Record<string, unknown>>[] = [];
  readonly admission: Admission;

  constructor(more: Partial<AdmissionOptions> | { refusalMs: undefined } = {}) {
    const note = (_message: string, fields = {}) => void this.logged.push(fields);
    this.admission = new Admission({
      insecure: false,
      tokens: this.path,
      maybeProfile: (name) =>
        ["default", "small"].includes(name) ? { ...PROFILE, name } : undefined,
      maybeHolder: () => undefined,
      log: { info: note, error: note },
      now: () => NOW,
      refusalMs: 0,
      ...more as Partial<AdmissionOptions>,
    });
  }

  add(name: string, profile = "default", expiresAt: number | undefined = undefined): string {
    return addToken(this.path, { name, profile, expiresAt }, NOW);
  }

  refusal(token: string | undefined, ends = FAR): Promise<RtoolError> {
    return assertRejects(() => this.admission.admit(ends, token), RtoolError);
  }

  checkFault(): RtoolError {
    try {
      this.admission.check();
    } catch (error) {
      return error as RtoolError;
    }
    throw new Error("check() found nothing");
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#dir, { recursive: true });
  }
}
