/**
 * What the JSON of the answer to `functions` means, both ways: what a principal may call.
 *
 * Part of messages.ts. No I/O.
 */

import type { CallableArgument, CallableFunction, Callables } from "./core/callable.ts";
import { asFields, type Fields } from "./core/condition.ts";
import { flag, objects, text } from "./messages_fields.ts";

/** What may be called, as it stands in `reply` frames; `rtool call --list --json` shows it too. */
export function callablesFields({ any, functions }: Callables): Fields {
  return { any, functions: functions.map((each) => ({ ...each })) };
}

/** Reads what may be called; throws `bad_request` naming the field that is wrong. */
export function parseCallables(fields: Fields): Callables {
  return { any: flag(fields, "any"), functions: objects(fields, "functions").map(parseFunction) };
}

function parseFunction(fields: Fields): CallableFunction {
  return {
    name: text(fields, "name"),
    summary: text(fields, "summary"),
    arguments: objects(fields, "arguments").map(parseArgument),
    schema: asFields(fields["schema"]),
  };
}

function parseArgument(fields: Fields): CallableArgument {
  return {
    name: text(fields, "name"),
    optional: flag(fields, "optional"),
    wanted: text(fields, "wanted"),
    summary: text(fields, "summary"),
  };
}
