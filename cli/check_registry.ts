/**
 * `rtool call --check`: whether a file of functions can be used, and what R says of them.
 */

import { RISKY_FORMALS } from "../access/risky_names.ts";
import type { RegisteredFunction } from "../access/registry.ts";
import { EXIT_STATUS, RtoolError, toRtoolError } from "../core/errors.ts";
import { countText } from "../core/units.ts";
import { askFormals, type Formals } from "../engine/formals.ts";
import type { CommandEnd, Context } from "./context.ts";
import { printText } from "./print.ts";
import { loadRegistry } from "./registry_file.ts";
import { rEnvironment } from "./serve.ts";
import { refuseOperands } from "./subcommand.ts";

/** One thing R's functions and the file do not agree in, or somebody should look at. */
export interface Finding {
  readonly kind: "problem" | "warning";
  readonly text: string;
}

/** Runs the command: problems end it with the status of a bad configuration, warnings do not. */
export async function checkRegistryFile(context: Context): Promise<CommandEnd> {
  refuseOperands(context, "call");
  const path = context.options.text("check");
  const { functions, script } = await loadRegistry(path);
  const ask = { command: context.options.text("r"), env: rEnvironment(context.env), script };
  const formals = await askFormals([...functions.keys()], ask).catch((cause) => {
    const { code, message } = toRtoolError(cause);
    if (code !== "r_unavailable") throw cause;
    throw new RtoolError(code, `${message}; ${path} has no fault in itself`, { cause });
  });
  const findings = [...functions.values()].flatMap((each) => [
    ...findFindings(each, formals.get(each.name) ?? { problem: "R did not answer" }),
  ]);
  const problems = findings.filter(({ kind }) => kind === "problem");
  const rows = findings.map(({ kind, text }) => `${kind}: ${text}\n`);
  const state = problems.length === 0 ? "ok" : countText(problems.length, "problem");
  await printText(`${rows.join("")}${path}: ${state}, ${countText(functions.size, "function")}\n`);
  return { status: problems.length === 0 ? 0 : EXIT_STATUS.bad_config };
}

/** Compares what may be given with what R's function takes. */
export function* findFindings(
  registered: RegisteredFunction,
  formals: Formals,
): Generator<Finding> {
  const { name } = registered;
  if ("problem" in formals) {
    return yield { kind: "problem", text: `${name}: ${formals.problem}` };
  }
  const { names } = formals;
  for (const [argument, { type }] of registered.arguments) {
    const place = `${name}, argument '${argument}'`;
    const why = RISKY_FORMALS.get(argument);
    if (why !== undefined) yield { kind: "warning", text: `${place}: it often ${why}` };
    if (type === "any_data") yield { kind: "warning", text: `${place}: it may be any data` };
    if (names.includes(argument)) continue;
    // R would take it for one whose name begins so: which one, the file does not say.
    const before = names.slice(0, names.includes("...") ? names.indexOf("...") : undefined);
    const longer = before.find((each) => each.startsWith(argument));
    if (longer !== undefined) {
      yield { kind: "problem", text: `${place}: R takes it for '${longer}'` };
    } else if (!names.includes("...")) yield { kind: "problem", text: `${place}: R has no such` };
    else yield { kind: "warning", text: `${place}: it goes on to '...'` };
  }
}
