/**
 * A token whose profile may only call: what it may do on a real server, and what it may not.
 */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { rtool, startServer, text } from "./rtool.ts";

const FUNCTIONS = `[functions."stats::quantile"]
summary = "Quantiles of a sample"
arguments.x = { type = "double", length = [1, 1000] }
arguments.probs = { type = "double", min = 0, max = 1, optional = true }

[functions.twice]
arguments.x = { type = "double", scalar = true }
`;

Deno.test("a token that may only call makes registered calls with data, and nothing else", async () => {
  const dir = await Deno.makeTempDir({ prefix: "rtool-grant-" });
  await Deno.writeTextFile(`${dir}/functions.toml`, FUNCTIONS);
  await Deno.writeTextFile(`${dir}/init.R`, "twice <- function(x) 2 * x\n");
  const profile = `[profile.analyst]\ngrant = "call"\nfunctions = "${dir}/functions.toml"\n`;
  const config = `${profile}[serve]\ninit = "${dir}/init.R"\n`;
  await Deno.writeTextFile(`${dir}/config.toml`, config, { mode: 0o600 });
  const files = ["--config", `${dir}/config.toml`];
  const made = await rtool(["token", "new", "ada", "--profile", "analyst", ...files], {
    env: { XDG_CONFIG_HOME: dir },
  });
  assertEquals(made.code, 0, text(made.stderr));
  await Deno.writeTextFile(`${dir}/token`, text(made.stdout), { mode: 0o600 });

  await using server = await startServer(files, { env: { XDG_CONFIG_HOME: dir } });
  const as = async (command: string, ...args: string[]) => {
    const to = ["-p", String(server.port), "--token-file", `${dir}/token`];
    const { code, stdout, stderr } = await rtool([command, ...to, ...args]);
    return { code, stdout: text(stdout), stderr: text(stderr) };
  };
  const quantile = ["stats::quantile", "--args", '{"x": [1, 2, 3, 4], "probs": [0.5]}'];
  assertEquals(await as("call", ...quantile), { code: 0, stdout: "[2.5]\n", stderr: "" });
  assertEquals((await as("call", "twice", "-a", '{"x": 21}')).stdout, "[42]\n");
  assertStringIncludes((await as("call", "--list")).stdout, "stats::quantile");

  const refused: readonly (readonly [words: readonly string[], code: number])[] = [
    [["send", "-e", "1"], 77],
    [["send", "--echo", "-e", "1"], 77],
    [["send", "--set", "x=1", "-e", "1"], 77],
    [["send", "--get", "x:/dev/null", "-e", "1"], 77],
    [["call", "base::system", "-a", '["id"]'], 77],
    [["call", "stats::quantile", "-a", '{"x": [1], "probs": [2]}'], 65],
    [["call", "stats::quantile", "-a", '{"x": ["system(1)"]}'], 65],
    [["call", "stats::quantile", "-a", '{"x": [1], "type": 7}'], 64],
  ];
  for (const [[command = "", ...args], code] of refused) {
    const ended = await as(command, ...args);
    assertEquals([ended.code, ended.stdout], [code, ""], `${command} ${args}: ${ended.stderr}`);
    assertMatch(ended.stderr, /^rtool: /);
  }
  // The server's own user is not held to it.
  assertEquals(text((await server.send(["-e", "cat(twice(4))"])).stdout), "8");
  await Deno.remove(dir, { recursive: true });
});
