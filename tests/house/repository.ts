/**
 * The files of this repository: those that are committed, or would be.
 *
 * Walks the tree instead of asking git, which is not there in every place that runs the tests and
 * refuses a checkout of another owner.
 */

const ROOT = new URL("../../", import.meta.url);

/** Bytes looked at to tell text from anything else, as git does it. */
const PROBE_BYTES = 8000;

/** Paths of all files, relative to the root, sorted; what `.gitignore` names is left out. */
export async function listFiles(): Promise<string[]> {
  const ignored = await Deno.readTextFile(new URL(".gitignore", ROOT));
  const folders = new Set([".git", ...ignored.split("\n").map((line) => line.replace(/\/$/, ""))]);
  const paths: string[] = [];
  for await (const path of walk("", folders)) paths.push(path);
  return paths.sort();
}

/** The text of a file, or `undefined` for one that holds none or is gone. */
export async function maybeReadText(path: string): Promise<string | undefined> {
  const bytes = await Deno.readFile(new URL(path, ROOT)).catch(() => undefined);
  if (bytes === undefined || bytes.subarray(0, PROBE_BYTES).includes(0)) return undefined;
  return new TextDecoder().decode(bytes);
}

async function* walk(folder: string, ignored: ReadonlySet<string>): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(new URL(folder, ROOT))) {
    if (ignored.has(entry.name)) continue;
    const path = folder + entry.name;
    if (entry.isDirectory) yield* walk(`${path}/`, ignored);
    if (entry.isFile) yield path;
  }
}
