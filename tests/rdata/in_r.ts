/**
 * One R that makes values and looks at values: many of them in one go.
 */

import { assertEquals } from "@std/assert";

/** Runs an R script in a directory of its own, to its end. */
export async function runR(dir: string, script: string): Promise<void> {
  const path = `${dir}/script.R`;
  await Deno.writeTextFile(path, script);
  const command = new Deno.Command("Rscript", {
    args: ["--vanilla", path],
    cwd: dir,
    env: { LC_ALL: "C.UTF-8", TZ: "UTC" },
  });
  const { code, stderr } = await command.output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
}

/** R code for a list of these expressions' values, each evaluated by itself. */
export function listOf(codes: readonly string[]): string {
  return `list(\n${codes.map((code) => `(function() {${code}})()`).join(",\n")})`;
}
