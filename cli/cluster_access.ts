/**
 * What a command shows the broker, and the key that signs its jobs: from options and files.
 */

import { maybeSecret } from "../access/secret_file.ts";
import type { BrokerOptions } from "../cluster/broker.ts";
import { type ClusterKey, parseKeyText } from "../cluster/claim.ts";
import type { QueueSizes } from "../cluster/queue_streams.ts";
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

/** How much the broker is to keep of the queue, where that was asked for. */
export function askedSizes(options: Options): Partial<QueueSizes> {
  const asked = (name: string) => options.origin(name) !== "default";
  const bytes = (of: keyof QueueSizes, name: string) => {
    return asked(name) ? { [of]: options.bytes(name) } : {};
  };
  return {
    ...(asked("replicas") ? { replicas: options.integer("replicas") } : {}),
    ...bytes("jobs", "queue-size-max"),
    ...bytes("logs", "logs-size-max"),
    ...bytes("dead", "dead-size-max"),
    ...bytes("large", "large-size-max"),
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
