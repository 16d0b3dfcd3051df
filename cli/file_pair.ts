/**
 * The `A[:B]` of --put and --get: which file, and what it is called on the other side.
 */

/** Two names of one file. */
export interface FilePair {
  readonly first: string;
  readonly second: string;
}

/** Splits at the last colon; without one, the other side's name is the file's own. */
export function filePair(text: string): FilePair {
  const at = text.lastIndexOf(":");
  if (at > 0) return { first: text.slice(0, at), second: text.slice(at + 1) };
  return { first: text, second: text.slice(text.lastIndexOf("/") + 1) };
}
