/**
 * The plan: picks the command, builds the parts, joins them, and ends the process.
 *
 * The only file that touches arguments, the environment, signals of `serve` and exit. Everything a
 * command does not need is not loaded: `rtool send` must start in 25 ms.
 */

import type { CommandEnd, Context } from "./cli/context.ts";
import { commandHelp, programHelp } from "./cli/help.ts";
import { parseInvocation, resolveOptions, type Surroundings } from "./cli/parse.ts";
import { COMMANDS, maybeCommand } from "./cli/table.ts";
import { EXIT_STATUS, RtoolError, toRtoolError } from "./core/errors.ts";
import { maybeNearest } from "./core/nearest.ts";
import type { Options } from "./core/options.ts";
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
  const invocation = parseInvocation(command, rest);
  const { flags, operands, rest: theirs } = invocation;
  if (flags["help"]) return print(commandHelp(command));
  const env = (variable: string) => Deno.env.get(variable);
  const from: Surroundings = { env, readFile: maybeFile };
  if (command.name === "config") {
    return await (await import("./cli/config.ts")).config(invocation, from, print);
  }
  if (command.name === "doctor") {
    const trials = await import("./start_trial.ts");
    return await (await import("./cli/doctor.ts")).doctor(invocation, from, print, trials);
  }
  const options = await resolveOptions(command, flags, from);
  const context: Context = { options, operands, rest: theirs, env, say };
  if (command.name === "serve") {
    return await serve(context, () => resolveOptions(command, flags, from));
  }
  return await runCommand(command.name, context);
}

/** Loads a command, and nothing of the others. */
async function runCommand(name: string, context: Context): Promise<CommandEnd> {
  switch (name) {
    case "send":
      return await (await import("./cli/send.ts")).send(context);
    case "call":
      return await (await import("./cli/call.ts")).call(context);
    case "map":
      return await (await import("./cli/map.ts")).map(context);
    case "repl":
      return await (await import("./cli/repl.ts")).repl(context);
    case "attach":
      return await (await import("./cli/attach.ts")).attach(context);
    case "jobs":
      return await (await import("./cli/jobs.ts")).jobs(context);
    case "cancel":
      return await (await import("./cli/cancel.ts")).cancel(context);
    case "sessions":
      return await (await import("./cli/sessions.ts")).sessions(context);
    case "top":
      return await (await import("./cli/top.ts")).top(context);
    case "ping":
      return await (await import("./cli/ping.ts")).ping(context);
    case "token":
      return await (await import("./cli/token.ts")).token(context);
    case "cluster":
      return await (await import("./cli/cluster.ts")).cluster(context);
    case "queue":
      return await (await import("./cli/queue.ts")).queue(context);
    case "tls":
      return await (await import("./cli/tls.ts")).tls(context);
    default:
      throw new RtoolError("internal", `Command '${name}' has no program`);
  }
}

async function serve(context: Context, reread: () => Promise<Options>): Promise<CommandEnd> {
  const { start } = await import("./start.ts");
  const stop = new AbortController();
  const hurry = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.addSignalListener(signal, () => (stop.signal.aborted ? hurry : stop).abort());
  }
  const hadTerminal = Deno.stderr.isTerminal();
  const onReload = (reload: () => void) => {
    Deno.addSignalListener("SIGHUP", () => {
      // A terminal that closes sends the same signal: its server ends with it.
      const hasClosed = hadTerminal && !Deno.stderr.isTerminal();
      if (hasClosed) stop.abort();
      else reload();
    });
  };
  await start(context, { stop: stop.signal, hurry: hurry.signal, onReload, reread });
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
