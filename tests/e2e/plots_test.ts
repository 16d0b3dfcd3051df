/**
 * Plots as their users see them: files of a directory, or a line that says how to get them.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { rtool, startServer, text } from "./rtool.ts";

const PNG = [0x89, 0x50, 0x4e, 0x47];
const LOST = "rtool: 2 plots were made; keep them with --plots DIR\n";

interface Seen {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function seen(
  sent: Promise<{ code: number; stdout: Uint8Array; stderr: Uint8Array }>,
): Promise<Seen> {
  const { code, stdout, stderr } = await sent;
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("send --plots makes a directory and keeps each page in it", async () => {
  await using server = await startServer();
  const dir = `${await Deno.makeTempDir()}/some/figures`;
  const { code, stdout, stderr } = await seen(
    server.send(["--plots", dir, "-e", "plot(1)", "-e", "plot(2); 3"]),
  );
  assertEquals({ code, stdout, stderr }, { code: 0, stdout: "[1] 3\n", stderr: "" });
  assertEquals(names(dir), ["plot-001.png", "plot-002.png"]);
  const first = await Deno.readFile(`${dir}/plot-001.png`);
  assertEquals([...first.subarray(0, 4)], PNG);
  assertEquals(pixels(first), [1008, 720]);
});

Deno.test("several sizes and formats of a page have names of their own, which are used again", async () => {
  await using server = await startServer();
  const dir = await Deno.makeTempDir();
  const both = ["--plot-size", "7x5,2.5x2", "--plot-format", "png,svg", "--plot-dpi", "100"];
  await Deno.writeTextFile(`${dir}/plot-001-7x5.svg`, "what was there");
  await server.send(["--plots", dir, ...both, "-e", "plot(1)"]);
  assertEquals(names(dir), [
    ...["plot-001-2.5x2.png", "plot-001-2.5x2.svg", "plot-001-7x5.png", "plot-001-7x5.svg"],
  ]);
  assertEquals(pixels(await Deno.readFile(`${dir}/plot-001-2.5x2.png`)), [250, 200]);
  assertMatch(await Deno.readTextFile(`${dir}/plot-001-7x5.svg`), /viewBox="0 0 504 360"/);
  const again = ["--plot-format", "png,svg", "-e", "plot(1)"];
  const one = await Deno.makeTempDir();
  await server.send(["--plots", one, ...again]);
  assertEquals(names(one), ["plot-001.png", "plot-001.svg"]);
});

Deno.test("plots nobody keeps are told in one line, unless it is to be quiet or has a place", async () => {
  await using server = await startServer();
  const code = ["-e", "plot(1); plot(2)"];
  assertEquals(await seen(server.send(code)), { code: 0, stdout: "", stderr: LOST });
  assertEquals((await seen(server.send(["-q", ...code]))).stderr, "");
  const document = await seen(server.send(["--json", ...code]));
  assertEquals([JSON.parse(document.stdout).receipt.plots, document.stderr], [2, ""]);
  const lines = await seen(server.send(["--ndjson", ...code]));
  assertEquals([lines.stdout.includes('"plots":2'), lines.stderr], [true, ""]);
  const failed = await seen(server.send([...code, "-e", "stop('no')"]));
  assertEquals(failed.stderr, `Error: no\nExecution halted\n${LOST}`);
});

Deno.test("plots that cannot be kept are told, and the exit status stays", async () => {
  await using server = await startServer(["--plots-max", "1"]);
  const dir = await Deno.makeTempDir();
  const many = await seen(server.send(["--plots", dir, "-e", "plot(1); plot(2)"]));
  assertEquals(many, {
    code: 0,
    stdout: "",
    stderr: "rtool: plot-002.png was not kept: more than 1 plots\n",
  });
  assertEquals(names(dir), ["plot-001.png"]);
  await Deno.remove(`${dir}/plot-001.png`);
  await Deno.mkdir(`${dir}/plot-001.png/x`, { recursive: true });
  const blocked = await seen(server.send(["--plots", dir, "-e", "plot(1)"]));
  assertEquals(blocked.code, 0);
  assertMatch(blocked.stderr, /^rtool: plot-001\.png was not kept: Cannot write .*\n$/);
  assertEquals(names(dir), ["plot-001.png"]);
});

Deno.test("a directory that cannot be made is an error before anything is sent", async () => {
  const file = await Deno.makeTempFile();
  const { code, stderr } = await seen(
    rtool(["send", "-p", "1", "--plots", `${file}/figures`, "-e", "plot(1)"]),
  );
  assertEquals(code, 73);
  assertMatch(stderr, /^rtool: Cannot keep plots in .*\/figures: /);
});

function names(dir: string): string[] {
  return Array.from(Deno.readDirSync(dir), ({ name }) => name).sort();
}

function pixels(png: Uint8Array): number[] {
  const header = new DataView(png.buffer, png.byteOffset);
  return [header.getUint32(16), header.getUint32(20)];
}
