/**
 * Addresses to listen on, as options name them.
 */

/** Where to listen. */
export interface Address {
  readonly hostname: string;
  /** 0 picks a free one. */
  readonly port: number;
}

const PORT_MAX = 65_535;

/**
 * Reads `PORT`, `HOST:PORT` or `[HOST]:PORT`; `undefined` when it is none of them. Without a host
 * it is this machine's own: what is to be seen by others has to say so.
 */
export function maybeAddress(text: string): Address | undefined {
  const match = /^(?:(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]/]+)):)?(\d{1,5})$/.exec(text);
  if (!match || Number(match[3]) > PORT_MAX) return undefined;
  return { hostname: match[1] ?? match[2] ?? "127.0.0.1", port: Number(match[3]) };
}

/** As {@linkcode maybeAddress} reads it. */
export function addressText({ hostname, port }: Address): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
