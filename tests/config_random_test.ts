/**
 * Any configuration at all: it is read, and then means something, or it is refused in our words.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { readConfig } from "../cli/config_file.ts";
import { PROFILE_KEYS, PROFILE_TABLE, readProfiles } from "../cli/profiles.ts";
import { SEND } from "../cli/table_send.ts";
import { SERVE } from "../cli/table_serve.ts";
import { RtoolError } from "../core/errors.ts";
import { Options } from "../core/options.ts";
import { arbitraryText, SEED, seeded } from "./random.ts";

const NAMES = [...SERVE.options, ...SEND.options].map(({ key }) => key?.split(".").at(-1));

const KEY = fc.oneof(
  fc.constantFrom(...PROFILE_KEYS.map(({ name }) => name), ...NAMES.filter(Boolean) as string[]),
  fc.constantFrom("profile", "profile.p", "__proto__", '"a b"', "constructor", "=", ""),
);

const VALUE = fc.oneof(
  fc.constantFrom(
    '"call"',
    '"eval"',
    '"confined"',
    '"none"',
    '"fork"',
    '"/srv"',
    '"30s"',
    '"1GiB"',
  ),
  fc.constantFrom("[]", '["/a", "/b"]', '["a"]', "[1]", "{}", "{ a = 1 }", "true", "1979-05-27"),
  fc.constantFrom("0", "1", "-1", "99999999999999999999", "1.0", "nan", "0x10", '"\\u0000"', "'"),
  arbitraryText().map((text) => JSON.stringify(text)),
);

const LINE = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(KEY, VALUE).map(([key, value]) => `${key} = ${value}`) },
  {
    weight: 3,
    arbitrary: fc.constantFrom("serve", "send", "profile.p", "profile.q", "profile.owner", "x", "")
      .map((name) => `[${name}]`),
  },
  { weight: 1, arbitrary: arbitraryText() },
);

Deno.test(`any text is a configuration that means something, or is refused as one (seed ${SEED})`, () => {
  let usable = 0;
  const check = (lines: readonly string[]) => {
    try {
      const { values } = readConfig(lines.join("\n"), "c.toml");
      const options = new Options(SERVE.options, {}, {}, values);
      const profiles = readProfiles(options.below(PROFILE_TABLE));
      for (const [name, { profile }] of profiles) assertEquals(profile.name, name);
      usable++;
    } catch (error) {
      assert(error instanceof RtoolError, `${error}`);
      assertEquals(error.code, "bad_config");
    }
  };
  fc.assert(fc.property(fc.array(LINE, { maxLength: 6 }), check), seeded(3000));
  assert(usable > 50, `${usable}`);
});
