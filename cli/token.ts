/**
 * `rtool token`: makes, lists and revokes tokens.
 *
 * Must not know servers: they read the file themselves.
 */

import { addToken, hasExpired, readTokens, revokeToken } from "../access/tokens.ts";
import type { TokenRecord } from "../access/tokens.ts";
import { RtoolError } from "../core/errors.ts";
import { maybeNearest } from "../core/nearest.ts";
import type { CommandEnd, Context } from "./context.ts";
import { lifeMs, minuteOf } from "./life.ts";
import { printJson, printText } from "./print.ts";
import { PROFILE_TABLE, readProfiles } from "./profiles.ts";
import { findSubcommand, refuseOperands } from "./subcommand.ts";
import { NOTHING, textTable } from "./text_table.ts";
import { tokensPath } from "./token_file.ts";

const WORDS = ["list", "new", "revoke"] as const;

/** Options of `new` alone. */
const NEW_ONLY = ["profile", "expires"];

/** Runs the command. */
export async function token(context: Context): Promise<CommandEnd> {
  const { options, operands, env } = context;
  const word = findSubcommand("token", operands[0], WORDS);
  refuseOperands(context, "token", word === "list" ? 1 : 2);
  const given = NEW_ONLY.find((name) => word !== "new" && options.origin(name) === "flag");
  if (given !== undefined) {
    throw new RtoolError("usage", `Option --${given} belongs to 'rtool token new'`);
  }
  const path = tokensPath(options, env);
  switch (word) {
    case "list":
      return await list(readTokens(path), context);
    case "new":
      return await make(path, nameIn(context, word), context);
    case "revoke": {
      const name = nameIn(context, word);
      revokeToken(path, name);
      const message = `token '${name}' is revoked; its open connections stay`;
      return await (options.flag("json") ? printJson({ message }) : printText(`${message}\n`));
    }
    default:
      return word satisfies never;
  }
}

function nameIn({ operands }: Context, word: string): string {
  const name = operands[1];
  if (name !== undefined) return name;
  throw new RtoolError("usage", `Which token is it to ${word === "new" ? "make" : word}?`, {
    hint: `rtool token ${word} NAME`,
  });
}

/** Only the token goes to stdout, so that it can go straight into a file. */
async function make(path: string, name: string, { options, say }: Context): Promise<CommandEnd> {
  const profiles = readProfiles(options.below(PROFILE_TABLE));
  const wanted = options.text("profile");
  const found = profiles.get(wanted);
  if (!found) {
    const nearest = maybeNearest(wanted, [...profiles.keys()]);
    throw new RtoolError("usage", `There is no profile '${wanted}' in the configuration`, {
      hint: nearest ? `did you mean ${nearest}?` : `add [${PROFILE_TABLE}.NAME] to its file`,
    });
  }
  const now = Date.now();
  const life = options.maybeText("expires");
  const expiresAt = life === undefined ? undefined : now + lifeMs(life);
  const made = addToken(path, { name, profile: wanted, expiresAt }, now);
  const isolation = found.start.isolation ?? options.below("serve")["isolation"]?.[0] ?? "none";
  if (found.profile.grant === "eval" && isolation === "none") {
    say("whoever has this token can run any code as the user who runs the server");
  }
  say("it is shown this once; clients give it with --token-file FILE (mode 0600) or RTOOL_TOKEN");
  return await (options.flag("json") ? printJson({ token: made }) : printText(`${made}\n`));
}

async function list(records: readonly TokenRecord[], { options }: Context): Promise<CommandEnd> {
  const now = Date.now();
  const rows = records.map((record) => ({
    name: record.name,
    profile: record.profile,
    made_at: new Date(record.madeAt).toISOString(),
    expires_at: record.expiresAt === undefined ? null : new Date(record.expiresAt).toISOString(),
    state: hasExpired(record, now) ? "expired" : "valid",
  }));
  if (options.flag("json")) return await printJson(rows);
  const columns = ["NAME", "PROFILE", "MADE", "EXPIRES", "STATE"].map((title) => ({ title }));
  const cells = rows.map(({ name, profile, made_at: made, expires_at: expires, state }) => {
    return [name, profile, minuteOf(made), expires === null ? NOTHING : minuteOf(expires), state];
  });
  return await printText(textTable(columns, cells));
}
