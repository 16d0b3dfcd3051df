/**
 * Where tokens are: the server's file of all, and the one a client has.
 *
 * Must not know what a token opens.
 */

import { maybeSecret } from "../access/secret_file.ts";
import { isToken } from "../access/tokens.ts";
import { RtoolError } from "../core/errors.ts";
import type { Options } from "../core/options.ts";
import type { Context } from "./context.ts";
import { configDir } from "./parse.ts";

/** The token file of a server. */
export function tokensPath(options: Options, env: Context["env"]): string {
  return options.maybeText("tokens") ?? `${configDir(env)}/tokens.json`;
}

/** The token a client is to show: a flag wins over the variables, and RTOOL_TOKEN of these. */
export function readToken(options: Options, env: Context["env"]): string | undefined {
  const path = options.maybeText("token-file");
  const given = env("RTOOL_TOKEN");
  if (given && options.origin("token-file") !== "flag") return checked(given, "RTOOL_TOKEN");
  return path === undefined ? undefined : checked(readTokenFile(path), path);
}

function readTokenFile(path: string): string {
  const secret = maybeSecret(path);
  if (secret) return secret.text;
  throw new RtoolError("bad_config", `Cannot read ${path}: there is no such file`);
}

/** Never shows what it was given: it may be a secret of another kind. */
function checked(text: string, origin: string): string {
  const token = text.trim();
  if (isToken(token)) return token;
  throw new RtoolError("bad_config", `Cannot use ${origin}: it holds no token of rtool`, {
    hint: "a token is rtool_ and 43 letters, as rtool token new prints it",
  });
}
