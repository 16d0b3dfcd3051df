/**
 * The transcripts and tables of docs/PROTOCOL.md, as data.
 */

import { type Kind, KINDS } from "../protocol.ts";

/** One line: what one side says. */
export interface Line {
  readonly from: "client" | "server";
  readonly kind: Kind | "preface";
  readonly stream: number;
  /** JSON or text, as the document shows it. */
  readonly text: string;
}

/** A conversation, by the headline above it. */
export interface Transcript {
  readonly title: string;
  readonly lines: readonly Line[];
}

/** Every ```transcript block of a document. */
export function readTranscripts(document: string): Transcript[] {
  const found: Transcript[] = [];
  let title = "";
  let lines: Line[] | undefined;
  for (const line of document.split("\n")) {
    if (line.startsWith("#")) title = line.replace(/^#+ /, "");
    if (lines === undefined) {
      if (line === "```transcript") lines = [];
    } else if (line === "```") {
      found.push({ title, lines });
      lines = undefined;
    } else {
      lines.push(readLine(line));
    }
  }
  return found;
}

/** Rows of a table below a headline, by its place there; cells trimmed and without backquotes. */
export function readTable(document: string, headline: string, index = 0): string[][] {
  const section = document.split(/^#+ /m).find((part) => part.startsWith(`${headline}\n`)) ?? "";
  const tables = section.split(/\n(?!\|)/).filter((part) =>
    part.startsWith("|") || part.startsWith("\n|")
  );
  const rows = tables[index]?.split("\n").filter((line) => line.startsWith("|")) ?? [];
  return rows.slice(2).map((row) => row.split("|").slice(1, -1).map(bare));
}

/** Text of a frame as the document writes it: `\n` is a line end. */
export function unescaped(text: string): string {
  return text.replaceAll("\\n", "\n");
}

/**
 * Where the value is not what the document shows, or `undefined`. Fields the document leaves out do
 * not matter; `<id>` is a job's id; a text may go on behind what is shown.
 */
export function findDifference(actual: unknown, shown: unknown, path = ""): string | undefined {
  if (typeof shown === "object" && shown !== null) {
    if (typeof actual !== "object" || actual === null) return `${path}: ${JSON.stringify(actual)}`;
    for (const [name, value] of Object.entries(shown)) {
      const found = findDifference(Reflect.get(actual, name), value, `${path}.${name}`);
      if (found) return found;
    }
    return undefined;
  }
  const isSame = shown === "<id>"
    ? typeof actual === "string" && /^[0-9a-f]{32}$/.test(actual)
    : typeof shown === "string"
    ? typeof actual === "string" && actual.startsWith(shown)
    : actual === shown;
  return isSame ? undefined : `${path}: ${JSON.stringify(actual)}, not ${JSON.stringify(shown)}`;
}

function readLine(line: string): Line {
  const preface = /^([CS]): preface (.*)$/.exec(line);
  if (preface) return { from: side(preface[1]), kind: "preface", stream: 0, text: preface[2]! };
  const match = /^([CS]): (\w+) (\d+)(?: (.*))?$/.exec(line);
  if (!match || !(match[2]! in KINDS)) throw new Error(`Not a line of a transcript: ${line}`);
  const [, who, kind, stream, text = ""] = match;
  return { from: side(who), kind: kind as Kind, stream: Number(stream), text };
}

function side(letter: string | undefined): Line["from"] {
  return letter === "C" ? "client" : "server";
}

function bare(cell: string): string {
  return cell.trim().replace(/^`(.*)`$/, "$1");
}
