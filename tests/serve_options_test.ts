/**
 * The options of `serve` that bound it and its jobs: defaults, what they take, what they refuse.
 */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseInvocation } from "../cli/parse.ts";
import { maybeMetricsPort } from "../cli/serve.ts";
import { SERVE } from "../cli/table_serve.ts";
import { addressText, maybeAddress } from "../core/address.ts";
import { RtoolError } from "../core/errors.ts";
import { Options, type RawValues } from "../core/options.ts";

const GIB = 2 ** 30;

Deno.test("serve bounds everything unless it is told otherwise", () => {
  const options = serve();
  assertEquals(
    ["memory-max", "file-size-max", "disk-left-min", "detached-max"].map((n) => options.bytes(n)),
    [4 * GIB, 16 * GIB, GIB / 64, GIB],
  );
  assertEquals(
    ["processes-max", "open-files-max", "jobs-per-connection-max", "connections-max", "spares"]
      .map((name) => options.integer(name)),
    [128, 256, 256, 1024, 2],
  );
  assertEquals(["detached-keep", "spare-age-max"].map((name) => options.ms(name)), [36e5, 36e5]);
  assertEquals(options.integer("jobs-max") >= 4, true);
});

Deno.test("serve has no limit of processor time, no package and no init file by default", () => {
  const options = serve();
  assertEquals(options.maybeMs("cpu-max"), undefined);
  assertEquals(options.list("preload"), []);
  assertEquals(options.maybeText("init"), undefined);
  assertEquals(serve(["--cpu-max", "90s"]).maybeMs("cpu-max"), 90_000);
  assertEquals(serve(["--cpu-max", "none"]).maybeMs("cpu-max"), undefined);
});

Deno.test("--start takes fork or spawn, and says so of anything else", () => {
  assertEquals(serve().text("start"), "fork");
  assertEquals(serve(["--start", "spawn"]).text("start"), "spawn");
  const cases = [["thread", ""], ["spwan", "; did you mean spawn?"], ["Fork", ""], ["", ""]];
  for (const [word = "", hint = ""] of cases) {
    const { code, message } = refusal(["--start", word]);
    assertEquals(code, "usage");
    const said = `Cannot use --start ${JSON.stringify(word)}: it must be fork or spawn`;
    assertEquals(message.startsWith(said + hint), true, message);
  }
});

Deno.test("--preload is repeated or holds commas, and spaces around them mean nothing", () => {
  const cases: readonly (readonly [line: string[], packages: string[]])[] = [
    [["--preload", "stats"], ["stats"]],
    [["--preload", "stats,utils"], ["stats", "utils"]],
    [["--preload", "stats", "--preload=utils,tools"], ["stats", "utils", "tools"]],
    [["--preload", " stats , utils ,"], ["stats", "utils"]],
    [["--preload", ""], []],
  ];
  for (const [line, packages] of cases) assertEquals(serve(line).list("preload"), packages);
});

Deno.test("--preload wins over the file's list, also when it is empty", () => {
  const file = { "serve.preload": ["stats"] };
  assertEquals(serve([], file).list("preload"), ["stats"]);
  assertEquals(serve(["--preload", ""], file).list("preload"), []);
});

Deno.test("a limit that is no number of its kind is refused by its name", () => {
  const cases = [
    ["--memory-max", "much"],
    ["--file-size-max", "0"],
    ["--processes-max", "0"],
    ["--open-files-max", "1.5"],
    ["--detached-keep", "none"],
    ["--cpu-max", "-1s"],
    ["--spares", "two"],
  ];
  for (const [name = "", value = ""] of cases) {
    assertStringIncludes(refusal([`${name}=${value}`]).message, `Cannot use ${name} "${value}"`);
  }
});

Deno.test("Options tells which source a value came from", () => {
  const { flags } = parseInvocation(SERVE, ["--drain", "1s"]);
  const file = { "serve.drain": ["2s"], "serve.queue_max": ["7"] };
  const options = new Options(SERVE.options, flags, { RTOOL_PORT: ["1"] }, file);
  const names = ["drain", "port", "queue-max", "hostname", "init"];
  assertEquals(
    names.map((name) => options.origin(name)),
    ["flag", "environment", "file", "default", "default"],
  );
});

Deno.test("--metrics takes a port, a host and a port, or none", () => {
  const cases: readonly (readonly [text: string, hostname: string, port: number])[] = [
    ["9464", "127.0.0.1", 9464],
    ["0", "127.0.0.1", 0],
    ["localhost:9464", "localhost", 9464],
    ["0.0.0.0:1", "0.0.0.0", 1],
    ["[::1]:65535", "::1", 65535],
  ];
  for (const [text, hostname, port] of cases) {
    const address = maybeAddress(serve(["--metrics", text]).text("metrics"))!;
    assertEquals(address, { hostname, port });
    assertEquals(maybeAddress(addressText(address)), address);
  }
  assertEquals(maybeAddress(serve().text("metrics")), undefined);
  for (const text of ["", "65536", "::1:9464", ":9464", "a b:1", "host", "host:", "[::1]", "-1"]) {
    assertStringIncludes(refusal([`--metrics=${text}`]).message, `Cannot use --metrics "${text}"`);
  }
});

Deno.test("the metrics beyond this machine need TLS and credentials, as the server's own port does", () => {
  const open = (line: string[], hasCredentials?: boolean) => {
    const tls = hasCredentials === undefined ? undefined : { hasCredentials };
    return maybeMetricsPort(serve(line), tls);
  };
  const beyond = ["--metrics", "0.0.0.0:0"];
  for (const hasCredentials of [undefined, false]) {
    const { code, message } = assertThrows(() => open(beyond, hasCredentials), RtoolError);
    assertEquals(code, "bad_config");
    assertStringIncludes(message, "beyond this machine rtool needs");
  }
  const opened = [
    open(beyond, true),
    open([...beyond, "--insecure"]),
    open(["--metrics", "0"]),
    open([]),
  ];
  assertEquals(opened.map((port) => port?.addr.hostname), [
    ...["0.0.0.0", "0.0.0.0", "127.0.0.1"],
    undefined,
  ]);
  for (const port of opened) port?.close();
});

Deno.test("a port of the metrics that is taken is an error that names another way", () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const error = assertThrows(() => {
    return maybeMetricsPort(serve(["--metrics", `${port}`]), undefined);
  }, RtoolError);
  assertEquals([error.code, error.hint], ["port_taken", "choose another with --metrics"]);
});

function serve(line: readonly string[] = [], file: RawValues = {}): Options {
  return new Options(SERVE.options, parseInvocation(SERVE, line).flags, {}, file);
}

function refusal(line: readonly string[]): RtoolError {
  return assertThrows(() => serve(line), RtoolError);
}
