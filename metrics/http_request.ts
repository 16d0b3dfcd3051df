/**
 * The head of an HTTP request, as far as a page of metrics needs it: no bodies, no escapes.
 *
 * Pure: text in, a request out.
 */

/** What is asked for. */
export interface HttpRequest {
  readonly method: string;
  /** Without what follows a question mark. */
  readonly path: string;
  /** Of the `Host` header: without the port, in small letters. */
  readonly host: string | undefined;
  /** What follows `Bearer` in the `Authorization` header. */
  readonly token: string | undefined;
}

/** Reads the lines before the empty one; `undefined` when they are no HTTP/1. */
export function maybeRequest(head: string): HttpRequest | undefined {
  const [first = "", ...lines] = head.split(/\r?\n/);
  const match = /^([A-Z]{1,20}) (\/[!-~]*) HTTP\/1\.[01]$/.exec(first);
  if (!match) return undefined;
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+.^`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    // What is there twice could be read in two ways.
    if (name === undefined || headers.has(name.toLowerCase())) return undefined;
    headers.set(name.toLowerCase(), value ?? "");
  }
  const host = headers.get("host")?.toLowerCase();
  return {
    method: match[1]!,
    path: match[2]!.replace(/\?.*/, ""),
    host: host?.replace(/:\d*$/, "").replace(/^\[(.*)\]$/, "$1"),
    token: /^bearer +(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1],
  };
}

/** An answer that ends its connection. A HEAD is told how long the body would be. */
export function responseText(
  status: string,
  type: string,
  body: string,
  { method }: { readonly method: string },
  more: readonly string[] = [],
): string {
  const length = new TextEncoder().encode(body).length;
  return [
    `HTTP/1.1 ${status}`,
    `Content-Type: ${type}`,
    `Content-Length: ${length}`,
    "Cache-Control: no-store",
    "X-Content-Type-Options: nosniff",
    "Connection: close",
    ...more,
    "",
    method === "HEAD" ? "" : body,
  ].join("\r\n");
}
