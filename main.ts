/**
 * The plan: picks the command, builds the parts, joins them, and ends the process.
 *
 * The only file that touches arguments, the environment, signals of `serve` and exit. Everything a
 * command does not need is not loaded: `rtool send` must start in 25 ms.
 */

import type { CommandEnd, Context } from "./cli/context.ts";
import { commandHelp, programHelp } from "./cli/help.ts";
import { parseInvocation, resolveOptions } from "./cli/parse.ts";
import { COMMANDS, maybeCommand } from "./cli/table.ts";
import { EXIT_STATUS, RtoolError, toRtoolError } from "./core/errors.ts";
import { maybeNearest } from "./core/options.ts";
import { versionText } from "./core/version.ts";

await main(Deno.args);

async function main(args: readonly string[]): Promise<void> {
  let end: CommandEnd;
  try {
    end = await run(args);
  } catch (error) {
    const { code, message, hint } = toRtoolError(error);
    say(`${message}${hint ? `\nrtool: ${hint}` : ""}`);
    end = { status: EXIT_STATUS[code] };
  }
  if ("signal" in end) {
    Deno.kill(Deno.pid, end.signal);
    await new Promise((resolve) => setTimeout(resolve, 1000)); // The signal ends us first.
    end = { status: 1 };
  }
  Deno.exit(end.status);
}

async function run(args: readonly string[]): Promise<CommandEnd> {
  const [name, ...rest] = args;
  if (name === "--version" || name === "-V" || name === "version") return print(versionText());
  if (name === "--help" || name === "-h" || name === "help") {
    const command = rest[0] === undefined ? undefined : maybeCommand(rest[0]);
    return print(command ? commandHelp(command) : programHelp());
  }
  if (name === undefined) {
    print(programHelp());
    return { status: 64 };
  }
  const command = maybeCommand(name);
  if (!command) {
    const nearest = maybeNearest(name, COMMANDS.map((each) => each.name));
    const hint = nearest ? `did you mean ${nearest}?` : "see: rtool --help";
    throw new RtoolError("usage", `Unknown command '${name}'`, { hint });
  }
  const { flags, operands, rest: theirs } = parseInvocation(command, rest);
  if (flags["help"]) return print(commandHelp(command));
  const env = (variable: string) => Deno.env.get(variable);
  const options = await resolveOptions(command, flags, { env, readFile: maybeFile });
  const context: Context = { options, operands, rest: theirs, env, say };
  switch (command.name) {
    case "send":
      return await (await import("./cli/send.ts")).send(context);
    case "ping":
      return await (await import("./cli/ping.ts")).ping(context);
    default:
      return await serve(context);
  }
}

async function serve(context: Context): Promise<CommandEnd> {
  const [{ start }] = await Promise.all([import("./start.ts")]);
  const stop = new AbortController();
  const hurry = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.addSignalListener(signal, () => (stop.signal.aborted ? hurry : stop).abort());
  }
  await start(context, stop.signal, hurry.signal);
  return { status: 0 };
}

function maybeFile(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RtoolError("bad_config", `Cannot read the configuration file ${path}: ${why}`);
  }
}

function print(text: string): CommandEnd {
  writeSync(Deno.stdout, text);
  return { status: 0 };
}

function say(line: string): void {
  writeSync(Deno.stderr, `rtool: ${line}\n`);
}

function writeSync(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
  } catch {
    // Nobody reads: there is nobody to tell.
  }
}
