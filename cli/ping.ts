/**
 * `rtool ping`: is a server there, which one, and how far away.
 */

import { Client } from "../client.ts";
import { SOFTWARE } from "../core/version.ts";
import type { CommandEnd, Context } from "./context.ts";

const CONNECT_TIMEOUT_MS = 5_000;

/** Runs the command. */
export async function ping(context: Context): Promise<CommandEnd> {
  const { options } = context;
  const hostname = options.text("hostname");
  const port = options.integer("port");
  await using client = await Client.connect({
    hostname,
    port,
    timeoutMs: CONNECT_TIMEOUT_MS,
    software: SOFTWARE,
  });
  const { software, rVersion } = await client.hello;
  const ms = await client.ping();
  const line = `${hostname}:${port}: ${software}, R ${rVersion}, ${ms.toFixed(1)} ms\n`;
  await Deno.stdout.write(new TextEncoder().encode(line));
  return { status: 0 };
}
