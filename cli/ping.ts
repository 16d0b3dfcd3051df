/**
 * `rtool ping`: is a server there, which one, and how far away.
 */

import { connect } from "./connection.ts";
import type { CommandEnd, Context } from "./context.ts";

const CONNECT_TIMEOUT_MS = 5_000;

/** Runs the command. */
export async function ping(context: Context): Promise<CommandEnd> {
  const { options } = context;
  const hostname = options.text("hostname");
  const port = options.integer("port");
  await using client = await connect(context, CONNECT_TIMEOUT_MS);
  const { software, rVersion } = await client.hello;
  const ms = await client.ping();
  const line = `${hostname}:${port}: ${software}, R ${rVersion}, ${ms.toFixed(1)} ms\n`;
  await Deno.stdout.write(new TextEncoder().encode(line));
  return { status: 0 };
}
