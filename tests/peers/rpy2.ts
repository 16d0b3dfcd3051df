/**
 * The rpy2 wire's peers as TypeScript sees them: the client and server in Python, and raw requests.
 *
 * Must not know rtool.
 */

const PYTHON = "python3";

/** What a peer's process did. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Sends code as rpy2's page does; `flags` are rpy2_client.py's. */
export async function sendByPython(
  port: number,
  encoding: string,
  code: string,
  flags: readonly string[] = [],
): Promise<Finished> {
  const child = spawn("rpy2_client.py", [...flags, "127.0.0.1", String(port), encoding]);
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(code));
  await writer.close();
  const { code: status, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code: status, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** A server of rpy2's page that runs no R; ended by the end of its standard input. */
export class ScriptedServer implements AsyncDisposable {
  readonly port: number;
  readonly #child: Deno.ChildProcess;

  private constructor(port: number, child: Deno.ChildProcess) {
    this.port = port;
    this.#child = child;
  }

  /** Starts one; `flags` are rpy2_server.py's. */
  static async start(...flags: string[]): Promise<ScriptedServer> {
    const child = spawn("rpy2_server.py", flags);
    const reader = child.stdout.getReader();
    const { value } = await reader.read();
    reader.releaseLock();
    const port = Number(new TextDecoder().decode(value));
    if (!(port > 0)) throw new Error("The scripted server did not say its port");
    return new ScriptedServer(port, child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stdin.close();
    await this.#child.output();
  }
}

/** A request as bytes; `declared` is the byte count it announces. */
export function encodeRequest(
  label: string,
  body: Uint8Array<ArrayBuffer>,
  declared = BigInt(body.length),
): Uint8Array<ArrayBuffer> {
  const count = new DataView(new ArrayBuffer(8));
  count.setBigUint64(0, declared, true);
  const head = new TextEncoder().encode(`${label}\n`);
  const request = new Uint8Array(head.length + 8 + body.length);
  request.set(head);
  request.set(new Uint8Array(count.buffer), head.length);
  request.set(body, head.length + 8);
  return request;
}

/** Sends bytes, ends its side of the stream when told so, and reads all that comes back. */
export async function exchange(
  port: number,
  request: Uint8Array<ArrayBuffer>,
  ending: "keep-open" | "close-write" = "keep-open",
): Promise<Uint8Array<ArrayBuffer>> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const timer = setTimeout(() => conn.close(), 10_000);
  try {
    for (let at = 0; at < request.length;) at += await conn.write(request.subarray(at));
    if (ending === "close-write") await conn.closeWrite();
    return await readToEnd(conn);
  } finally {
    clearTimeout(timer);
  }
}

/** The output in a reply, whose count must be that of the bytes after it. */
export function decodeReply(reply: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (reply.length < 8) throw new Error(`A reply of ${reply.length} bytes holds no count`);
  const declared = new DataView(reply.buffer).getBigUint64(0, true);
  if (declared !== BigInt(reply.length - 8)) {
    throw new Error(`The reply announces ${declared} bytes and holds ${reply.length - 8}`);
  }
  return reply.slice(8);
}

async function readToEnd(conn: Deno.TcpConn): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (;;) {
    const buffer = new Uint8Array(65536);
    const read = await conn.read(buffer);
    if (read === null) break;
    chunks.push(buffer.subarray(0, read));
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

function spawn(script: string, args: readonly string[]): Deno.ChildProcess {
  const path = new URL(script, import.meta.url).pathname;
  return new Deno.Command(PYTHON, {
    args: [path, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}
