/**
 * The command table's part for `token`.
 */

import { DEFAULT_PROFILE_NAME } from "../core/profile.ts";
import { type CommandSpec, CONFIG, HELP, TOKENS } from "./command.ts";

/** `rtool token`. */
export const TOKEN: CommandSpec = {
  name: "token",
  operands: "[list | new NAME | revoke NAME]",
  summary: "Make, list and revoke tokens, which let others use a server",
  options: [
    {
      name: "profile",
      kind: "text",
      value: "NAME",
      help: "What whoever has the new token gets: a [profile.NAME] of the configuration",
      fallback: DEFAULT_PROFILE_NAME,
    },
    {
      name: "expires",
      kind: "text",
      value: "TIME",
      help: "The new token is refused after this, such as 12h or 30d; never by default",
    },
    { name: "json", kind: "flag", help: "Print one JSON document" },
    TOKENS,
    CONFIG,
    HELP,
  ],
  notes: [
    "new prints the token once; only its SHA-256 is kept. Running servers know of it at once,",
    "and no longer at the first connection after revoke.",
  ],
};
