/**
 * The server a command talks to: where its options say.
 */

import { Client } from "../client.ts";
import { SOFTWARE } from "../core/version.ts";
import type { Context } from "./context.ts";

/** Dialling and greeting together may take this. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Connects to the server the options name. */
export function connect({ options }: Context): Promise<Client> {
  return Client.connect({
    hostname: options.text("hostname"),
    port: options.integer("port"),
    timeoutMs: CONNECT_TIMEOUT_MS,
    software: SOFTWARE,
  });
}
