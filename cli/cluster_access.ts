/**
 * What a command shows the broker, and the key that signs its jobs: from options and files.
 */

import { maybeSecret } from "../access/secret_file.ts";
import type { BrokerOptions } from "../cluster/broker.ts";
import { type ClusterKey, parseKeyText } from "../cluster/claim.ts";
import { RtoolError } from "../core/errors.ts";
import type { Options } from "../core/options.ts";
import type { Context } from "./context.ts";
import { configDir } from "./parse.ts";

/** Where the broker is, and what it is shown. */
export function brokerOptions(options: Options): BrokerOptions {
  return {
    urls: options.list("nats"),
    user: options.maybeText("nats-user"),
    password: maybeContent(options, "nats-password-file"),
    token: maybeContent(options, "nats-token-file"),
    nkey: maybeContent(options, "nats-nkey-file"),
    credentials: maybeContent(options, "nats-credentials"),
    ca: options.maybeText("nats-ca"),
  };
}

/** Where the key is that signs jobs. */
export function clusterKeyPath(options: Options, env: Context["env"]): string {
  return options.maybeText("cluster-key") ?? `${configDir(env)}/cluster.key`;
}

/** The key that signs jobs: without one nobody would run them. */
export async function readClusterKey({ options, env }: Context): Promise<ClusterKey> {
  const path = clusterKeyPath(options, env);
  const secret = maybeSecret(path);
  if (secret) return await parseKeyText(secret.text, path);
  throw new RtoolError("bad_config", `Cannot read ${path}: there is no such file`, {
    hint: `make it with: rtool cluster key ${path}, and copy it to the other hosts`,
  });
}

function maybeContent(options: Options, name: string): string | undefined {
  const path = options.maybeText(name);
  if (path === undefined) return undefined;
  const secret = maybeSecret(path);
  if (secret) return secret.text.trim();
  throw new RtoolError("bad_config", `Cannot read ${path}: there is no such file`);
}
