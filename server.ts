/**
 * `serve`: the TCP port. Accepts, says who the peer is, tells the wires apart by the first line,
 * drains.
 *
 * Knows connections and doors. Must not know R, flags or files.
 */

import { RtoolError, toRtoolError } from "./core/errors.ts";
import type { Admit } from "./core/job.ts";
import type { Log } from "./core/log.ts";
import { PREFACE, PROTOCOL_VERSION } from "./protocol.ts";
import { Link, type Wire } from "./wire.ts";
import { maybeAccept } from "./wire_accept.ts";

/** A wire of this port: serves a connection whose first line has been read. */
export interface PortDoor {
  /** Talks until the connection ends. `greeted` says that the peer is no idler. */
  serve(link: Link, line: string, admit: Admit, greeted: () => void): Promise<void>;
  /** Says no in this wire's words. */
  refuse(link: Link, error: RtoolError): void;
}

/** A connection that is to be under TLS. */
export interface SecuredWire extends Wire {
  /** Whether the peer speaks plain text all the same, and can be told so in it. */
  readonly isPlain: boolean;
}

/** Is told what becomes of connections, to count them. */
export interface PortWatch {
  opened(): void;
  /** Its first line has said what it speaks, or it has ended without one. */
  spoke(wire: string): void;
  ended(wire: string): void;
  /** It was refused: there are too many. */
  refused(): void;
}

/** What the port needs and obeys. */
export interface ServeOptions {
  readonly native: PortDoor;
  readonly rpy2: PortDoor;
  /** Says who the peer is, or refuses it with `not_allowed`. */
  readonly admit: (
    link: Link,
    token: string | undefined,
    wire: "native" | "rpy2",
  ) => ReturnType<Admit>;
  /** Puts TLS on a connection; without it the port speaks plain text. */
  readonly secure?: ((conn: Deno.TcpConn) => SecuredWire) | undefined;
  /** Is told of a peer whose certificate was refused, before it has said a word. */
  readonly refused?: (link: Link, error: RtoolError) => void;
  /** Open connections. @default {1024} */
  readonly connectionsMax: number;
  /** How long a peer may take to say what it wants, in milliseconds. @default {10000} */
  readonly helloTimeoutMs: number;
  readonly watch?: PortWatch | undefined;
  readonly log: Log;
}

type WireName = "native" | "other native" | "http" | "rpy2" | "tls" | "none";

/** How a greeting of TLS begins, and nothing that this port understands. */
const TLS_RECORD = 0x16;

/** Longest first line; an HTTP request line is cut, not understood. */
const FIRST_LINE_BYTES_MAX = 4096;

/** How long what a refused client still sends is taken from it, in milliseconds. */
const REFUSED_DRAIN_MS = 2000;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/**
 * Accepts connections until `signal`; those then open go on until `drained`, when each gets what is
 * queued for it and is closed. Resolves when none is left.
 */
export async function serve(
  listener: Deno.TcpListener,
  options: ServeOptions,
  signal: AbortSignal,
  drained: AbortSignal,
): Promise<void> {
  const open = new Map<Link, Promise<void>>();
  signal.addEventListener("abort", () => listener.close(), { once: true });
  const finishAll = () => {
    for (const link of open.keys()) void link.finish(1000); // Never rejects.
  };
  drained.addEventListener("abort", finishAll, { once: true });
  for (let id = 1; !signal.aborted; id++) {
    const conn = await maybeAccept(listener, signal, options.log);
    if (!conn) continue;
    const wire = maybeSecured(conn, options);
    if (!wire) continue;
    const link = new Link(wire);
    if (open.size >= options.connectionsMax) {
      options.watch?.refused();
      options.native.refuse(
        link,
        new RtoolError("too_many_connections", `All ${open.size} connections are taken`),
      );
      void link.finish(100); // Never rejects.
      continue;
    }
    const served = serveConnection(id, wire, link, options); // Never rejects.
    open.set(link, served.finally(() => open.delete(link)));
  }
  await Promise.all(open.values());
}

/** A connection that cannot have TLS is closed: it is never served without. */
function maybeSecured(
  conn: Deno.TcpConn,
  { secure, log }: ServeOptions,
): Deno.TcpConn | SecuredWire | undefined {
  try {
    return secure?.(conn) ?? conn;
  } catch (error) {
    log.error("no TLS for a connection", { error: String(error) });
    conn.close();
    return undefined;
  }
}

async function serveConnection(
  id: number,
  carrier: Deno.TcpConn | SecuredWire,
  link: Link,
  options: ServeOptions,
): Promise<void> {
  const { hostname, port } = carrier.remoteAddr;
  const startedAt = performance.now();
  let wire: WireName = "none";
  let error: string | undefined;
  let reason: string | undefined;
  const late = setTimeout(() => refuseIdler(link, options), options.helloTimeoutMs);
  options.watch?.opened();
  try {
    const first = await maybeFirstLine(link);
    wire = wireOf(first);
    options.watch?.spoke(wire);
    if ("isPlain" in carrier && carrier.isPlain) {
      error = "bad_request";
      return await refusePlain(link, wire, options);
    }
    const spoken = wire === "rpy2" ? "rpy2" : "native";
    const admit: Admit = (token) => options.admit(link, token, spoken);
    await talk(link, wire, first ?? "", options, admit, () => clearTimeout(late));
  } catch (cause) {
    const failure = toRtoolError(cause);
    error = failure.code;
    // Who has not said a word is no principal yet: nobody else tells why it was turned away.
    if (wire === "none") reason = failure.message;
    if (wire === "none") options.watch?.spoke(wire);
    if (wire === "none" && failure.code === "not_allowed") options.refused?.(link, failure);
    // The native door has said so itself.
    if (wire !== "native" && ["not_allowed", "bad_request"].includes(failure.code)) {
      options.rpy2.refuse(link, failure);
    }
    // A client still writing would lose the reason to a reset.
    if (failure.code === "not_allowed") await link.drain(REFUSED_DRAIN_MS);
    if (failure.code === "internal") options.log.error(failure.message, { conn: id });
  } finally {
    clearTimeout(late);
    await link.finish(1000);
    options.watch?.ended(wire);
    const ms = Math.round(performance.now() - startedAt);
    const peer = `${hostname}:${port}`;
    options.log.info("connection ended", { conn: id, peer, wire, error, reason, ms });
  }
}

function refuseIdler(link: Link, { native, helloTimeoutMs }: ServeOptions): void {
  const message = `Nothing was asked for within ${helloTimeoutMs / 1000} s`;
  native.refuse(link, new RtoolError("hello_timeout", message));
  void link.finish(100); // Never rejects.
}

/** A greeting of TLS has no lines, and is not waited for. */
async function maybeFirstLine(link: Link): Promise<string | undefined> {
  const start = await link.read();
  if (start?.[0] === TLS_RECORD) return String.fromCharCode(TLS_RECORD);
  link.unread(start ?? new Uint8Array(0));
  const line = start && await link.maybeLine(FIRST_LINE_BYTES_MAX);
  return line && decoder.decode(line);
}

/** Says in the peer's own words that they are the wrong ones. */
async function refusePlain(link: Link, wire: WireName, options: ServeOptions): Promise<void> {
  const error = new RtoolError("bad_request", "This port speaks TLS alone: add --tls");
  if (wire === "http") link.send(encoder.encode(httpReply("This port speaks TLS alone.\n")));
  else if (wire === "rpy2") options.rpy2.refuse(link, error);
  else if (wire !== "none") options.native.refuse(link, error);
  await link.drain(REFUSED_DRAIN_MS);
}

function wireOf(line: string | undefined): WireName {
  if (line === undefined) return "none";
  if (line.charCodeAt(0) === TLS_RECORD) return "tls";
  if (`${line}\n` === PREFACE) return "native";
  if (/^RTOOL\/\d+\r?$/.test(line)) return "other native";
  if (/^[A-Z]{3,10} \S+ HTTP\/\d/.test(line)) return "http";
  return "rpy2";
}

async function talk(
  link: Link,
  wire: WireName,
  line: string,
  options: ServeOptions,
  admit: Admit,
  greeted: () => void,
): Promise<void> {
  switch (wire) {
    case "native":
    case "rpy2":
      return await options[wire].serve(link, line, admit, greeted);
    case "other native": {
      const asked = line.trim().toLowerCase();
      const message = `This server speaks rtool/${PROTOCOL_VERSION}, the client asked for ${asked}`;
      return options.native.refuse(link, new RtoolError("bad_version", message));
    }
    case "http":
      return link.send(encoder.encode(httpReply(HTTP_BODY)));
    case "tls": // It hears at once that nobody here speaks it.
    case "none":
      return;
  }
}

const HTTP_BODY = "This port speaks rtool's native wire and rpy2's, not HTTP; " +
  "this version of rtool has no HTTP port. Use `rtool send`.\n";

function httpReply(body: string): string {
  return [
    "HTTP/1.1 400 Bad Request",
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${body.length}`,
    "Connection: close",
    "",
    body,
  ].join("\r\n");
}
