/**
 * Tokens: what is kept of them, who may read it, and which are taken.
 */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { RtoolError } from "../core/errors.ts";
import {
  addToken,
  hasExpired,
  isToken,
  maybeRecord,
  parseTokens,
  readTokens,
  revokeToken,
} from "../access/tokens.ts";
import { maybeSecret, secretStamp, writeSecret } from "../access/secret_file.ts";
import { SEED, seeded } from "./random.ts";

const NOW = Date.UTC(2026, 0, 1);
const WISH = { name: "ci", profile: "default", expiresAt: undefined };

Deno.test("a token is 32 random bytes in base64url, and no two are the same", () => {
  using dir = new TokenDir();
  const tokens = Array.from({ length: 20 }, (_, i) => add(dir.path, `t${i}`));
  for (const token of tokens) assertMatch(token, /^rtool_[A-Za-z0-9_-]{43}$/);
  assertEquals(new Set(tokens).size, 20);
});

Deno.test("the token file holds name, profile, times and the SHA-256, never the token", () => {
  using dir = new TokenDir();
  const token = addToken(dir.path, { ...WISH, expiresAt: NOW + 1000 }, NOW);
  const sha256 = createHash("sha256").update(token).digest("hex");
  assertEquals(JSON.parse(Deno.readTextFileSync(dir.path)), {
    version: 1,
    tokens: [{
      name: "ci",
      sha256,
      profile: "default",
      made_at: "2026-01-01T00:00:00.000Z",
      expires_at: "2026-01-01T00:00:01.000Z",
    }],
  });
  const kept = { name: "ci", sha256, profile: "default", madeAt: NOW, expiresAt: NOW + 1000 };
  assertEquals(readTokens(dir.path), [kept]);
  assert(!Deno.readTextFileSync(dir.path).includes(token.slice("rtool_".length)));
});

Deno.test("the token file is made with mode 0600 in a directory of mode 0700, whatever the umask", () => {
  using dir = new TokenDir();
  const before = Deno.umask(0);
  try {
    add(dir.path, "a");
  } finally {
    Deno.umask(before);
  }
  assertEquals(Deno.statSync(dir.path).mode! & 0o777, 0o600);
  assertEquals(Deno.statSync(dir.path.replace(/\/[^/]*$/, "")).mode! & 0o777, 0o700);
});

Deno.test("a token file that others may read or write is refused with the command that mends it", () => {
  using dir = new TokenDir();
  add(dir.path, "a");
  for (const mode of [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644]) {
    Deno.chmodSync(dir.path, mode);
    for (const use of [() => readTokens(dir.path), () => add(dir.path, "b")]) {
      const { code, hint } = assertThrows(use, RtoolError);
      assertEquals([code, hint], ["bad_config", `chmod 600 ${dir.path}`]);
    }
  }
  Deno.chmodSync(dir.path, 0o400);
  assertEquals(readTokens(dir.path).length, 1);
});

Deno.test("without a token file there are no tokens", () => {
  using dir = new TokenDir();
  assertEquals(readTokens(dir.path), []);
});

Deno.test("a token's name is there once, and is a name", () => {
  using dir = new TokenDir();
  add(dir.path, "a");
  assertMatch(assertThrows(() => add(dir.path, "a"), RtoolError).hint!, /token revoke a$/);
  for (const name of ["", "a b", "-a", ".a", "a/b", "a\n", "é", "a".repeat(65)]) {
    assertEquals(assertThrows(() => add(dir.path, name), RtoolError).code, "usage");
    assertEquals(assertThrows(() => revokeToken(dir.path, name), RtoolError).code, "usage");
  }
  assertEquals(readTokens(dir.path).map(({ name }) => name), ["a"]);
});

Deno.test("a revoked token is not found again, and the others are", () => {
  using dir = new TokenDir();
  const [a, b] = [add(dir.path, "a"), add(dir.path, "b")];
  revokeToken(dir.path, "a");
  const records = readTokens(dir.path);
  assertEquals(maybeRecord(records, a), undefined);
  assertEquals(maybeRecord(records, b)?.name, "b");
  assertEquals(assertThrows(() => revokeToken(dir.path, "a"), RtoolError).code, "usage");
});

Deno.test("each token finds its own record, and what differs in one character finds none", () => {
  using dir = new TokenDir();
  const tokens = Array.from({ length: 5 }, (_, i) => add(dir.path, `t${i}`));
  const records = readTokens(dir.path);
  for (const [i, token] of tokens.entries()) {
    assertEquals(maybeRecord(records, token)?.name, `t${i}`);
    for (let at = 0; at < token.length; at++) {
      const other = token[at] === "A" ? "B" : "A";
      const wrong = token.slice(0, at) + other + token.slice(at + 1);
      assertEquals(maybeRecord(records, wrong), undefined);
    }
  }
});

Deno.test("what looks like no token finds none, not even by its digest", () => {
  const text = "password";
  const sha256 = createHash("sha256").update(text).digest("hex");
  const record = { name: "a", sha256, profile: "p", madeAt: 0, expiresAt: undefined };
  assertEquals(maybeRecord([record], text), undefined);
  assertEquals(maybeRecord([record], sha256), undefined);
  for (const no of ["", "rtool_", `rtool_${"a".repeat(44)}`, ` rtool_${"a".repeat(43)}`]) {
    assertEquals(isToken(no), false);
  }
});

Deno.test("a token is taken until its time is over, and not a millisecond longer", () => {
  const record = { name: "a", sha256: "", profile: "p", madeAt: NOW, expiresAt: NOW + 1000 };
  assertEquals([NOW, NOW + 999, NOW + 1000].map((at) => hasExpired(record, at)), [
    false,
    false,
    true,
  ]);
  assertEquals(hasExpired({ ...record, expiresAt: undefined }, Number.MAX_VALUE), false);
});

Deno.test("a file is replaced as a whole: who has it open reads the old one to its end", () => {
  using dir = new TokenDir();
  add(dir.path, "a");
  const before = Deno.readTextFileSync(dir.path);
  using open = Deno.openSync(dir.path);
  add(dir.path, "b");
  const bytes = new Uint8Array(before.length + 100);
  assertEquals(open.readSync(bytes), before.length);
  const names = [...Deno.readDirSync(dir.path.replace(/\/[^/]*$/, ""))].map(({ name }) => name);
  assertEquals(names.sort(), ["tokens.json", "tokens.json.lock"]);
});

Deno.test("a file that cannot be written stays as it was, and leaves nothing beside it", () => {
  using dir = new TokenDir();
  add(dir.path, "a");
  const folder = `${dir.path}.d`;
  Deno.mkdirSync(`${folder}/inside`, { recursive: true });
  assertEquals(assertThrows(() => writeSecret(folder, "x"), RtoolError).code, "bad_config");
  const names = [...Deno.readDirSync(dir.path.replace(/\/[^/]*$/, ""))].map(({ name }) => name);
  assertEquals(names.sort(), ["tokens.json", "tokens.json.d", "tokens.json.lock"]);
});

Deno.test("tokens made at the same time by many processes are all kept", async () => {
  using dir = new TokenDir();
  const module = new URL("../access/tokens.ts", import.meta.url);
  const code = `import { addToken } from "${module}";
    for (let i = 0; i < 10; i++) {
      addToken(${JSON.stringify(dir.path)}, { name: Deno.args[0] + i, profile: "p" }, 0);
    }`;
  const script = `${dir.path}.ts`;
  add(dir.path, "first");
  Deno.writeTextFileSync(script, code);
  const config = new URL("../deno.json", import.meta.url).pathname;
  const runs = ["a", "b", "c"].map((name) => {
    const args = ["run", "-A", "--no-check", "--quiet", "--config", config, script, name];
    return new Deno.Command(Deno.execPath(), { args }).output();
  });
  for (const { code } of await Promise.all(runs)) assertEquals(code, 0);
  assertEquals(readTokens(dir.path).length, 31);
});

Deno.test("a change of the file is seen in its stamp, also one of the same size and time", () => {
  using dir = new TokenDir();
  add(dir.path, "a");
  const before = secretStamp(dir.path);
  const { text, stamp } = maybeSecret(dir.path)!;
  assertEquals(stamp, before);
  const { mtime } = Deno.statSync(dir.path);
  writeSecret(dir.path, text);
  Deno.utimeSync(dir.path, mtime!, mtime!);
  assert(secretStamp(dir.path) !== before);
  assertEquals(secretStamp(`${dir.path}.none`), "none");
});

Deno.test("no token is named like a principal of rtool's own, neither made nor read", () => {
  using dir = new TokenDir();
  add(dir.path, "uid");
  for (const name of ["uid-0", "uid-", "rpy2", "anyone"]) {
    assertEquals(assertThrows(() => add(dir.path, name), RtoolError).code, "usage");
    const text = Deno.readTextFileSync(dir.path).replace('"uid"', JSON.stringify(name));
    const { code, message } = assertThrows(() => parseTokens(text, "f"), RtoolError);
    assertEquals([code, message], ["bad_config", `Cannot use f: no token may be called '${name}'`]);
  }
});

Deno.test("a damaged token file is refused, never read in part", () => {
  using dir = new TokenDir();
  add(dir.path, "a");
  const good = JSON.parse(Deno.readTextFileSync(dir.path));
  const [record] = good.tokens;
  const bad = [
    ...["", "{", "null", "[]", "1"],
    ...[{ ...good, version: 2 }, { version: 1 }, { ...good, tokens: [record, record] }]
      .map((each) => JSON.stringify(each)),
    ...["name", "sha256", "profile", "made_at", "expires_at"].flatMap((field) =>
      [undefined, 1, "\n"].map((value) =>
        JSON.stringify({ ...good, tokens: [{ ...record, [field]: value }] })
      )
    ),
  ];
  for (const text of bad) {
    const { code } = assertThrows(() => parseTokens(text, "f"), RtoolError);
    assertEquals(code, "bad_config", text);
  }
});

Deno.test(`any text is a token file or refused as one, and never more (seed ${SEED})`, () => {
  const anything = fc.oneof(
    fc.string(),
    fc.json(),
    fc.record({ version: fc.constant(1), tokens: fc.array(fc.object()) }).map((each) =>
      JSON.stringify(each)
    ),
  );
  fc.assert(
    fc.property(anything, (text) => {
      try {
        assert(Array.isArray(parseTokens(text, "f")));
      } catch (error) {
        assertEquals((error as RtoolError).code, "bad_config");
      }
    }),
    seeded(500),
  );
});

function add(path: string, name: string): string {
  return addToken(path, { ...WISH, name }, NOW);
}

/** A directory that is not there yet, and is removed in the end. */
class TokenDir implements Disposable {
  readonly #parent = Deno.makeTempDirSync({ prefix: "rtool-tokens-" });
  readonly path = `${this.#parent}/rtool/tokens.json`;

  [Symbol.dispose](): void {
    Deno.removeSync(this.#parent, { recursive: true });
  }
}
