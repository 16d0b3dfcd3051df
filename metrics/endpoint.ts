/**
 * The port Prometheus asks: one GET of /metrics a connection, answered and closed.
 *
 * An accept loop of its own, not `Deno.serve`, which waits for ever for a request's end and takes
 * the process along when file descriptors run out. Must not know what is measured.
 */

import { RtoolError, toRtoolError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { isLoopback } from "../core/loopback.ts";
import { Link, type Wire } from "../wire.ts";
import { maybeAccept } from "../wire_accept.ts";
import { CONTENT_TYPE } from "./exposition.ts";
import { type HttpRequest, maybeRequest, responseText } from "./http_request.ts";

/** What the endpoint needs and obeys. */
export interface EndpointOptions {
  /** The page, as of now. */
  readonly write: () => Promise<string>;
  /**
   * Puts TLS on a connection, and lets in who shows a token or a certificate, or rejects with
   * `not_allowed`. Without it whoever reaches the port is answered.
   */
  readonly shut?: {
    readonly secure: (conn: Deno.TcpConn) => Wire & { readonly isPlain: boolean };
    readonly admit: (link: Link, token: string | undefined) => Promise<unknown>;
  } | undefined;
  /** What asking, writing and sending may take together, in milliseconds. @default {10000} */
  readonly timeMaxMs?: number;
  readonly log: Log;
}

/** Connections at once: one Prometheus has one. */
const CONNECTIONS_MAX = 16;

/** As long as Prometheus waits by default. */
const TIME_MAX_MS = 10_000;

/** Most bytes before the empty line. */
const HEAD_BYTES_MAX = 8192;

/** How long what a client still sends is taken from it, so that it reads its answer. */
const DRAIN_MS = 500;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Answers until `signal`; resolves when no connection is left. */
export async function serveMetrics(
  listener: Deno.TcpListener,
  options: EndpointOptions,
  signal: AbortSignal,
): Promise<void> {
  const open = new Map<Link, Promise<void>>();
  const close = () => {
    listener.close();
    for (const link of open.keys()) link.close();
  };
  signal.addEventListener("abort", close, { once: true });
  const write = shared(options.write);
  while (!signal.aborted) {
    const conn = await maybeAccept(listener, signal, options.log);
    if (!conn) continue;
    const wire = open.size < CONNECTIONS_MAX ? maybeWire(conn, options) : undefined;
    if (!wire) {
      conn.close();
      continue;
    }
    const link = new Link(wire);
    const served = answer(link, wire, { ...options, write }); // Never rejects.
    open.set(link, served.finally(() => open.delete(link)));
  }
  await Promise.all(open.values());
}

/** Who asks while a page is being written gets that one. */
function shared(write: () => Promise<string>): () => Promise<string> {
  let writing: Promise<string> | undefined;
  return () => writing ??= write().finally(() => writing = undefined);
}

/** A connection that cannot have TLS is closed: it is never answered without. */
function maybeWire(conn: Deno.TcpConn, { shut, log }: EndpointOptions): Wire | undefined {
  try {
    return shut?.secure(conn) ?? conn;
  } catch (error) {
    log.error("no TLS for a scrape", { error: String(error) });
    return undefined;
  }
}

async function answer(link: Link, wire: Wire, options: EndpointOptions): Promise<void> {
  const late = setTimeout(() => link.close(), options.timeMaxMs ?? TIME_MAX_MS);
  try {
    const head = await maybeHead(link);
    if (head === undefined) return;
    const isPlain = "isPlain" in wire && wire.isPlain === true;
    const response = isPlain ? refusal(...PLAIN) : await responseTo(head, link, options);
    link.send(encoder.encode(response));
    await link.drain(DRAIN_MS);
  } catch (error) {
    const { code, message } = toRtoolError(error);
    // Who goes away, or shows a certificate that is none, is no fault of this server's.
    if (code === "internal") options.log.error("metrics not told", { why: message });
  } finally {
    clearTimeout(late);
    link.close();
  }
}

/** What stands before the empty line; `undefined` when the client goes before it. */
async function maybeHead(link: Link): Promise<string | undefined> {
  let head = "";
  while (head.length < HEAD_BYTES_MAX) {
    const chunk = await link.read();
    if (!chunk) return undefined;
    head += decoder.decode(chunk);
    const end = head.search(/\r?\n\r?\n/);
    if (end >= 0 && end < HEAD_BYTES_MAX) return head.slice(0, end);
  }
  return ""; // No request.
}

async function responseTo(head: string, link: Link, options: EndpointOptions): Promise<string> {
  const request = maybeRequest(head);
  if (!request) return refusal("400 Bad Request", "This is no HTTP request.");
  const { method, path } = request;
  const refused = await maybeRefusal(request, link, options);
  if (refused !== undefined) return refused;
  if (path !== "/metrics") return refusal("404 Not Found", "There is only /metrics.", request);
  if (method !== "GET" && method !== "HEAD") {
    const more = ["Allow: GET, HEAD"];
    return refusal("405 Method Not Allowed", "Metrics can only be read.", request, more);
  }
  return responseText("200 OK", CONTENT_TYPE, await options.write(), request);
}

/** Why this client is not answered at all. */
async function maybeRefusal(
  request: HttpRequest,
  link: Link,
  { shut }: EndpointOptions,
): Promise<string | undefined> {
  if (!shut) {
    // A web page whose name its owner has turned to this address is a stranger that looks local.
    const isMeant = request.host === undefined || isLoopback(request.host) ||
      !isLoopback(link.ends.local.hostname);
    const why = "This is not the host that was asked for.";
    return isMeant ? undefined : refusal("421 Misdirected Request", why, request);
  }
  try {
    await shut.admit(link, request.token);
    return undefined;
  } catch (error) {
    if (!(error instanceof RtoolError) || error.code !== "not_allowed") throw error;
    const more = ["WWW-Authenticate: Bearer"];
    return refusal("401 Unauthorized", "This needs a token of this server.", request, more);
  }
}

const PLAIN = ["400 Bad Request", "This port speaks TLS alone."] as const;

const NO_REQUEST = { method: "GET" };

function refusal(
  status: string,
  sentence: string,
  request: { readonly method: string } = NO_REQUEST,
  more: readonly string[] = [],
): string {
  return responseText(status, "text/plain; charset=utf-8", `${sentence}\n`, request, more);
}
