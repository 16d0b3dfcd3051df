/**
 * What a command shows the broker, and the key that signs its jobs: from options and files.
 */

import { readCertificates } from "../access/pem_file.ts";
import { maybeSecret } from "../access/secret_file.ts";
import type { BrokerLogin } from "../cluster/broker_login.ts";
import type { BrokerOptions } from "../cluster/broker_options.ts";
import type { StartTls } from "../cluster/broker_tls.ts";
import { type ClusterKey, parseKeyText } from "../cluster/claim.ts";
import type { QueueSizes } from "../cluster/queue_streams.ts";
import { checkedLabel } from "../cluster/requirements.ts";
import { RtoolError } from "../core/errors.ts";
import type { Options } from "../core/options.ts";
import type { Context } from "./context.ts";
import { configDir } from "./parse.ts";
import { readIdentity } from "./tls_files.ts";

/** Throws when the options name a queue and no broker, a broker and no queue, or a bad label. */
export function refuseHalfCluster(options: Options): void {
  options.list("label").forEach(checkedLabel);
  const hasQueue = options.maybeText("queue") !== undefined;
  if (hasQueue === options.list("nats").length > 0) return;
  throw new RtoolError("bad_config", "A server in a cluster needs --nats and --queue, both", {
    hint: hasQueue ? "add --nats nats://HOST:4222" : "add --queue NAME",
  });
}

/** Where the broker is, and what it is shown; throws for what cannot be used. */
export function brokerOptions(options: Options): BrokerOptions {
  const urls = options.list("nats");
  urls.forEach(refuseUrl);
  const ca = options.maybeText("nats-ca");
  if (ca !== undefined) readCertificates(ca);
  return {
    urls,
    login: keepingLogin(options),
    tls: urls.some((url) => url.startsWith(SECURE)),
    ca,
    startTls: maybeStartTls(options, ca),
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
export async function readClusterKey(
  { options, env }: Pick<Context, "options" | "env">,
): Promise<ClusterKey> {
  const path = clusterKeyPath(options, env);
  const secret = maybeSecret(path);
  if (secret) return await parseKeyText(secret.text, path);
  throw new RtoolError("bad_config", `Cannot read ${path}: there is no such file`, {
    hint: `make it with: rtool cluster key ${path}, and copy it to the other hosts`,
  });
}

/** Before a host that is to be reached by TLS. */
const SECURE = "tls://";

/** What is in a URL is seen by everybody who lists processes, and stands in logs. */
function refuseUrl(url: string): void {
  if (url.includes("@")) {
    throw new RtoolError("bad_config", "Cannot use a broker's URL with a user or password in it", {
      hint: "use --nats-user and --nats-password-file, or --nats-token-file",
    });
  }
  if (/^(nats|tls):\/\/[^/]+\/?$/.test(url) || /^[^/]+$/.test(url)) return;
  throw new RtoolError("bad_config", `Cannot use ${url} as a broker's URL`, {
    hint: "it is like nats://host:4222, or tls://host:4222",
  });
}

/** Ways to say who we are, of which the broker is shown one. */
const WAYS = ["nats-user", "nats-token-file", "nats-nkey-file", "nats-credentials"] as const;

/** Reads the files whenever it is asked; while they cannot be read, it says what they held. */
function keepingLogin(options: Options): () => BrokerLogin {
  const [one, other] = WAYS.filter((name) => options.maybeText(name) !== undefined);
  if (one !== undefined && other !== undefined) {
    throw new RtoolError("bad_config", `Cannot use --${one} beside --${other}`);
  }
  const hasPassword = options.maybeText("nats-password-file") !== undefined;
  if (hasPassword && one !== "nats-user") {
    throw new RtoolError("bad_config", "Cannot use --nats-password-file without --nats-user");
  }
  let login = readLogin(options);
  return () => {
    try {
      login = readLogin(options);
    } catch {
      // It is being replaced. If the broker refuses the old one, that is told.
    }
    return login;
  };
}

function readLogin(options: Options): BrokerLogin {
  return {
    user: options.maybeText("nats-user"),
    password: maybeContent(options, "nats-password-file"),
    token: maybeContent(options, "nats-token-file"),
    nkey: maybeContent(options, "nats-nkey-file"),
    credentials: maybeContent(options, "nats-credentials"),
  };
}

/** Deno's own TLS does without the machine's OpenSSL: another one only to show a certificate. */
function maybeStartTls(options: Options, ca: string | undefined): StartTls | undefined {
  const [cert, key] = [options.maybeText("nats-cert"), options.maybeText("nats-key")];
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new RtoolError("bad_config", "--nats-cert and --nats-key need each other");
  }
  readIdentity(cert, key); // Told before anybody is dialled.
  return async (conn, hostname, signal) => {
    const { TlsDialled } = await import("../access/tls_dialled.ts");
    const { BROKER_HINTS } = await import("../cluster/broker_tls.ts");
    return await TlsDialled.start(conn, hostname, { cert, key, ca }, BROKER_HINTS, signal);
  };
}

function maybeContent(options: Options, name: string): string | undefined {
  const path = options.maybeText(name);
  if (path === undefined) return undefined;
  const secret = maybeSecret(path);
  if (secret) return secret.text.trim();
  throw new RtoolError("bad_config", `Cannot read ${path}: there is no such file`);
}
