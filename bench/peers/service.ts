/**
 * What every measured server looks like to the measures, and the running process behind it.
 *
 * Must not know any wire format.
 */

/** A server under measurement. */
export interface Service extends AsyncDisposable {
  readonly name: string;
  /** Whether a line stays open, rather than being dialled for each evaluation. */
  readonly staysOpen: boolean;
  /** A new connection, ready to evaluate. */
  connect(): Promise<Line>;
}

/** One open connection. */
export interface Line extends Disposable {
  /** Evaluates code to its end; how many bytes came back as its output or value. */
  evaluate(code: string): Promise<number>;
  /** The same code many times without waiting in between; resolves when all are answered. */
  evaluateMany(code: string, times: number): Promise<void>;
}

/** A server process of ours, ended by its own id, with a directory for its temporary files. */
export class ServerProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #dir: string;
  #ending: Promise<void> | undefined;

  constructor(command: readonly string[], options: Deno.CommandOptions = {}) {
    const [file, ...args] = command;
    if (file === undefined) throw new TypeError("Cannot start an empty command");
    this.#dir = Deno.makeTempDirSync({ prefix: "rtool-bench-" });
    Deno.chmodSync(this.#dir, 0o711); // R that is confined runs as another user.
    this.#child = new Deno.Command(file, {
      stdin: "null",
      stdout: "null",
      stderr: "null",
      ...options,
      args,
      env: { TMPDIR: this.#dir },
    }).spawn();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The first match of a line of the server's `stream`, which is read on to its end. */
  async announced(stream: "stdout" | "stderr", pattern: RegExp): Promise<RegExpMatchArray> {
    const reader = this.#child[stream].pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`The server ended before it listened: ${text}`);
      text += value;
      const match = text.match(pattern);
      if (!match) continue;
      void drain(reader); // Ends with the process.
      return match;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#ending ??= this.#end();
  }

  async #end(): Promise<void> {
    try {
      this.#child.kill("SIGTERM");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // It has ended by itself.
    }
    await this.#child.status;
    // An R that a signal has ended leaves its files, and one it has forked may be writing still.
    await Deno.remove(this.#dir, { recursive: true }).catch(() => {});
  }
}

async function drain(reader: ReadableStreamDefaultReader<string>): Promise<void> {
  try {
    while (!(await reader.read()).done);
  } catch {
    // The process has gone, and its pipe with it.
  }
}

/** A loopback port nobody listens on at this moment. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Dials a loopback port. */
export async function dial(port: number): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  conn.setNoDelay(true);
  return conn;
}

/** Writes all of it. */
export async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}
