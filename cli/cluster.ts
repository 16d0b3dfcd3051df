/**
 * `rtool cluster`: the key that signs jobs.
 */

import { maybeSecret, whileLocked, writeSecret } from "../access/secret_file.ts";
import { generateKeyText, parseKeyText } from "../cluster/claim.ts";
import { clusterKeyPath } from "./cluster_access.ts";
import type { CommandEnd, Context } from "./context.ts";
import { printText } from "./print.ts";
import { findSubcommand, refuseOperands } from "./subcommand.ts";

const WORDS = ["key"] as const;

/** Runs the command. */
export async function cluster(context: Context): Promise<CommandEnd> {
  const { operands } = context;
  const word = findSubcommand("cluster", operands[0], WORDS);
  refuseOperands(context, "cluster", 2);
  switch (word) {
    case "key":
      return await showKey(operands[1] ?? clusterKeyPath(context.options, context.env), context);
    default:
      return word satisfies never;
  }
}

/** Only the public half goes to stdout: it may be told to everybody. */
async function showKey(path: string, { say }: Context): Promise<CommandEnd> {
  const made = await generateKeyText();
  const text = whileLocked(path, () => {
    const known = maybeSecret(path);
    if (!known) writeSecret(path, made);
    return known?.text ?? made;
  });
  if (text === made) say(`made ${path}: copy it to every host of the cluster`);
  const { publicKey } = await parseKeyText(text, path);
  return await printText(`${publicKey}\n`);
}
