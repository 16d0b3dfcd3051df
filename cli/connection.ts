/**
 * The server a command talks to: where its options say.
 */

import { Client } from "../client.ts";
import type { ClientTls } from "../client_dial.ts";
import type { Options } from "../core/options.ts";
import { SOFTWARE } from "../core/version.ts";
import type { Context } from "./context.ts";
import type { JobPlace } from "./queue_connection.ts";

/** Dialling and greeting together may take this. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Connects to the server the options name, with the token they give. */
export async function connect(
  { options, env }: Context,
  timeoutMs = CONNECT_TIMEOUT_MS,
): Promise<Client> {
  return await Client.connect({
    hostname: options.text("hostname"),
    port: options.integer("port"),
    timeoutMs,
    software: SOFTWARE,
    token: await maybeToken(options, env),
    tls: await maybeTls({ options, env }),
  });
}

/** The queue that --nats names, or the server. */
export async function connectToJobs(context: Context): Promise<JobPlace> {
  if (context.options.list("nats").length === 0) return await connect(context);
  return await (await import("./queue_connection.ts")).QueueConnection.connect(context);
}

/** What reads certificates is loaded only where TLS is spoken. */
export async function maybeTls(
  { options, env }: Pick<Context, "options" | "env">,
): Promise<ClientTls | undefined> {
  const files = ["tls-ca", "tls-cert", "tls-key"];
  const isNamed = files.some((name) => options.maybeText(name) !== undefined);
  if (!isNamed && !options.flag("tls")) return undefined;
  return (await import("./tls_files.ts")).readClientTls(options, env);
}

/** What reads tokens is loaded only where there is one. */
async function maybeToken(options: Options, env: Context["env"]): Promise<string | undefined> {
  if (!env("RTOOL_TOKEN") && options.maybeText("token-file") === undefined) return undefined;
  return (await import("./token_file.ts")).readToken(options, env);
}
