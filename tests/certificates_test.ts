/**
 * Certificates in the configuration, and whom the admission takes their holders for.
 */

import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Admission } from "../access/admission.ts";
import { readCertificate } from "../access/tls_stream.ts";
import { maybeHolder, readHolders } from "../cli/certificates.ts";
import { readConfig } from "../cli/config_file.ts";
import { makeAuthority } from "../cli/make_certificates.ts";
import { maybeFingerprint } from "../core/certificate.ts";
import { RtoolError } from "../core/errors.ts";
import { Options } from "../core/options.ts";
import { OWNER } from "../core/profile.ts";
import { arbitraryText, SEED, seeded } from "./random.ts";
import { ALICE, TODAY } from "./tls_place.ts";

const DIGEST = "0123456789abcdef".repeat(4);
const OTHER = "f".repeat(64);

Deno.test("no certificate stands for a principal of rtool's own", () => {
  for (const name of ["uid-0", "rpy2", "anyone"]) {
    const { code, message } = refusal(`[certificate.${name}]\nprofile = "default"\n`);
    assertEquals(code, "bad_config");
    assertStringIncludes(message, `found ${name}, a name that rtool gives itself`);
  }
});

Deno.test("a certificate belongs to the table of its name, or to the one that lists its fingerprint", () => {
  const holders = holdersOf(`
    [profile.p]
    [certificate.alice]
    profile = "p"
    [certificate.ops]
    profile = "default"
    sha256 = ["${DIGEST.toUpperCase().match(/../g)!.join(":")}"]
  `);
  const find = (name: string | undefined, sha256: string) => {
    return maybeHolder(holders, { name, sha256 })?.name;
  };
  assertEquals(find("alice", OTHER), "alice");
  assertEquals(find("alice", DIGEST), "ops");
  assertEquals(find(undefined, DIGEST), "ops");
  assertEquals(find("ops", OTHER), undefined);
  assertEquals(find("bob", OTHER), undefined);
  assertEquals(find(undefined, OTHER), undefined);
});

for (
  const [text, key, said] of [
    ["", undefined, "found no profile, wanted the name of one"],
    ['profile = "q"', "profile", 'found "q", and there is no [profile] of that name'],
    ["profile = 1", "profile", "found the integer 1, wanted a string"],
    ['profile = "p"\nsha256 = ["ab:cd"]', "sha256", "wanted 64 hexadecimal digits"],
    [`profile = "p"\nsha256 = "${DIGEST}"`, "sha256", "wanted an array of strings"],
  ] as const
) {
  Deno.test(`a certificate's table with ${JSON.stringify(text.slice(0, 40))} is refused`, () => {
    const { code, message } = refusal(`[profile.p]\n[certificate.a]\n${text}\n`);
    assertEquals(code, "bad_config");
    assertStringIncludes(
      message,
      `Cannot use 'certificate.a${key ? `.${key}` : ""}' in c.toml, line`,
    );
    assertStringIncludes(message, said);
  });
}

Deno.test("an unknown key, and a name that is none, are refused with what was meant", () => {
  const { hint } = refusal('[certificate.a]\nprofil = "default"\n');
  assertEquals(hint, "did you mean 'certificate.a.profile'?");
  for (const name of ['"a b"', '"a.b"', '""', "-a", "__proto__", `"${"a".repeat(65)}"`]) {
    const { message, hint } = refusal(`[certificate.${name}]\nprofile = "default"\n`);
    assertStringIncludes(message, "in c.toml, line 1");
    assertEquals(hint, "a certificate's name is 1 to 64 letters, digits, '_' or '-'");
  }
});

Deno.test(`any table of certificates is read, or refused as bad_config (seed ${SEED})`, () => {
  const value = fc.oneof(
    arbitraryText().map((text) => JSON.stringify(text)),
    fc.integer().map(String),
    fc.array(fc.oneof(arbitraryText(), fc.constant(DIGEST))).map((list) => JSON.stringify(list)),
    fc.constant('"default"'),
  );
  const key = fc.constantFrom("profile", "sha256", "x", "a.b");
  const name = fc.oneof(fc.constant("a"), arbitraryText(5).map((text) => JSON.stringify(text)));
  fc.assert(
    fc.property(name, fc.array(fc.tuple(key, value)), (name, pairs) => {
      const lines = pairs.map(([key, value]) => `${key} = ${value}`);
      try {
        for (const { sha256 } of holdersOf(`[certificate.${name}]\n${lines.join("\n")}`)) {
          for (const each of sha256 ?? []) assertEquals(maybeFingerprint(each), each);
        }
      } catch (error) {
        if (!(error instanceof RtoolError) || error.code !== "bad_config") throw error;
      }
    }),
    seeded(300),
  );
});

Deno.test("a certificate's name is its one common name, and none when that is no name", async () => {
  assertEquals(readCertificate(derOf(ALICE.cert)).name, "alice");
  const odd = ["Jane Doe", "a.b", "a\nCN=alice", "", "x".repeat(65), "alice\0"];
  for (const name of odd) {
    const { cert } = await makeAuthority(name, TODAY);
    assertEquals(readCertificate(derOf(cert)).name, undefined, JSON.stringify(name));
  }
});

Deno.test("who shows a certificate is its holder wherever it comes from, and never the own user", async () => {
  const admission = admissionOf("alice");
  const shown = { name: "alice", sha256: DIGEST };
  for (const hostname of ["127.0.0.1", "10.0.0.2"]) {
    const { name, local } = await admission.admit(endsOf(hostname, shown), undefined);
    assertEquals([name, local], ["cert:alice", false]);
  }
  const other = { name: "mallory", sha256: OTHER };
  const startedAt = performance.now();
  const { code, message } = await assertRejects(
    () => admission.admit(endsOf("127.0.0.1", other), undefined),
    RtoolError,
  );
  assertEquals([code, performance.now() - startedAt >= 100], ["not_allowed", true]);
  assertStringIncludes(message, "not admitted");
});

Deno.test("a wrong token is refused, whatever certificate comes with it", async () => {
  const admission = admissionOf("alice");
  const ends = endsOf("127.0.0.1", { name: "alice", sha256: DIGEST });
  const wrong = `rtool_${"A".repeat(43)}`;
  const { code } = await assertRejects(() => admission.admit(ends, wrong), RtoolError);
  assertEquals(code, "not_allowed");
});

function admissionOf(known: string): Admission {
  return new Admission({
    insecure: false,
    tokens: "/nonexistent/tokens.json",
    maybeProfile: () => OWNER,
    maybeHolder: ({ name }) => name === known ? { name, profile: OWNER } : undefined,
    log: { info: () => {}, error: () => {} },
  });
}

function endsOf(hostname: string, certificate: { name: string; sha256: string }) {
  const end = (port: number) => ({ transport: "tcp" as const, hostname, port });
  return { local: end(9090), remote: end(50_000), certificate };
}

function derOf(pem: string): Uint8Array {
  return Uint8Array.fromBase64(pem.replace(/-----[^-]+-----|\s/g, ""));
}

function holdersOf(text: string) {
  const { values } = readConfig(text, "c.toml");
  return readHolders(new Options([], {}, {}, values).below("certificate"));
}

function refusal(text: string): RtoolError {
  return assertThrows(() => readConfig(text, "c.toml"), RtoolError);
}
