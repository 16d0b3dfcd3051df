/**
 * The floors of the house: which part may import which.
 *
 * A part imports from floors below its own, and from itself. What is neither on a floor nor named
 * as an outbuilding has no place yet, and an import from it says so.
 */

/** From the top down; parts side by side on one floor do not know each other. */
const FLOORS: readonly (readonly string[])[] = [
  ["main"],
  ["cli"],
  ["server", "client", "doors", "metrics"],
  ["engine", "access", "cluster"],
  ["rdata", "protocol"],
  ["core"],
];

/** Files in the root that belong to a part of another name; `client_stream.ts` is the client's. */
const ROOT_PARTS: Readonly<Record<string, string>> = {
  messages: "protocol",
  start: "main",
  wire: "protocol",
};

/** Imported by all, importing nothing of ours. */
const WRAPPERS = "std";

/** Not part of the program: these import what they like, and nothing imports them. */
const OUTBUILDINGS = new Set(["tests", "bench", "scripts", "packaging", "docs", "examples"]);

/** Down the stairs, and still closed: doors and engine meet only at the Evaluator of core/. */
const CLOSED: readonly (readonly [from: string, to: string])[] = [
  ["doors", "engine"],
  ["server", "engine"],
  ["client", "engine"],
  ["client", "access"],
];

/** The web page's files are shared by the doors that serve it. */
const SHARED_BY_DOORS = "console";

/** Whether the file is part of the program, not of its tests or tools. */
export function isProduction(path: string): boolean {
  return !OUTBUILDINGS.has(folderOf(path) ?? "");
}

/** What is wrong with this import by a file of the program, or `undefined`. */
export function findImportFault(from: string, specifier: string): string | undefined {
  if (!/^\.{0,2}\//.test(specifier)) return undefined;
  const to = new URL(specifier, `file:///${from}`).pathname.slice(1);
  const source = partOf(from);
  const target = partOf(to);
  if (target === WRAPPERS || to === "deno.json") return undefined;
  const [high, low] = [floorOf(source), floorOf(target)];
  if (high < 0) return `${from} has no floor: give '${source}' one in tests/house/floors.ts`;
  if (low < 0) return `${from} imports ${to}, which is on no floor`;
  if (source === target) return findDoorFault(from, to);
  const isClosed = CLOSED.some(([a, b]) => a === source && b === target);
  return low > high && !isClosed ? undefined : `${from} imports ${to}: ${source} -> ${target}`;
}

function findDoorFault(from: string, to: string): string | undefined {
  if (partOf(from) !== "doors") return undefined;
  const [one, other] = [doorOf(from), doorOf(to)];
  if (one === other || other === SHARED_BY_DOORS) return undefined;
  return `${from} imports ${to}: a door imports another`;
}

function floorOf(part: string): number {
  return FLOORS.findIndex((parts) => parts.includes(part));
}

function partOf(path: string): string {
  const subject = subjectOf(path);
  return folderOf(path) ?? ROOT_PARTS[subject] ?? subject;
}

function doorOf(path: string): string {
  return subjectOf(path.slice("doors/".length));
}

function folderOf(path: string): string | undefined {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : undefined;
}

/** What a path is about: `native` for `native.ts`, `native_stream.ts` and `native/page.html`. */
function subjectOf(path: string): string {
  return path.replace(/[/._].*/, "");
}
