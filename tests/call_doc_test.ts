/**
 * docs/call.md: its example works, and its tables name what there is.
 */

import { assertEquals } from "@std/assert";
import { VALUE_TYPES } from "../access/registry.ts";
import { SCHEMA_KEYS } from "../access/value_schema.ts";
import { rtool, text } from "./e2e/rtool.ts";

const DOCUMENT = await Deno.readTextFile(new URL("../docs/call.md", import.meta.url));

Deno.test("the tables of docs/call.md name every key and every type", () => {
  const [keys, types] = ["key", "type"].map((head) => {
    const table = DOCUMENT.split("\n\n").find((part) => part.startsWith(`| ${head} `)) ?? "";
    const rows = [...table.matchAll(/^\| *(`.*?`) *\|/gm)].map(([, cell]) => cell!);
    return rows.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, word]) => word!));
  });
  const all = new Set(["type", "optional", "summary", ...Object.values(SCHEMA_KEYS).flat()]);
  assertEquals(new Set(keys), all);
  assertEquals(types, [...VALUE_TYPES]);
});

Deno.test("`rtool call --check` says of the example in docs/call.md what stands there", async () => {
  const [toml, code] = ["toml", "r"].map((kind) => {
    return new RegExp(`^\`\`\`${kind}\n([^]*?)^\`\`\``, "m").exec(DOCUMENT)?.[1] ?? "";
  });
  const said = /--check functions\.toml\n([^]*?)^\$ /m.exec(DOCUMENT)?.[1];
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${dir}/functions.toml`, toml!);
    await Deno.writeTextFile(`${dir}/functions.R`, code!);
    const ended = await rtool(["call", "--check", "functions.toml"], { cwd: dir });
    assertEquals([text(ended.stderr), text(ended.stdout), ended.code], ["", said, 0]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
