/**
 * What a job may require of the host that runs it, and whether a host has that. No I/O.
 *
 * Together they stand in subjects at the broker as one token, always the same for the same
 * requirements; docs/cluster.md shows some.
 */

import { RtoolError } from "../core/errors.ts";
import { parseSize } from "../core/options.ts";

/** What a host has. */
export interface HostCapacity {
  readonly labels: readonly string[];
  readonly cores: number;
  readonly memoryBytes: number;
  /** Names of the packages that are installed there. */
  readonly packages: ReadonlySet<string>;
}

/** One thing a host must have. */
export type Requirement =
  | { readonly kind: "label"; readonly label: string }
  | { readonly kind: "cores"; readonly least: number }
  | { readonly kind: "memory"; readonly leastBytes: number }
  | { readonly kind: "package"; readonly name: string };

/** The token of jobs that require nothing. */
export const NO_REQUIREMENTS = "_";

/** Of one job: together they stand in a subject, which has an end. */
export const REQUIREMENTS_MAX = 8;

/** Characters of one requirement. */
export const REQUIREMENT_CHARS_MAX = 64;

/** Longer tokens are nobody's: no need to look into them. */
const TOKEN_CHARS_MAX = REQUIREMENTS_MAX * (REQUIREMENT_CHARS_MAX + 1);

const LABEL = /^[A-Za-z0-9][A-Za-z0-9_=-]{0,63}$/;

/** What a server says of itself: as labels these would say it of another. */
const MEASURED = /^(cores|memory|package)(=|$)/;

/** As R wants them to be. */
const PACKAGE = /^[A-Za-z][A-Za-z0-9.]*[A-Za-z0-9]$/;

/** Separates requirements, and stands for the dot, which separates the parts of a subject. */
const [PLUS, DOT] = ["+", ","];

/** Reads what `--require` was given, in an order of its own and nothing twice. */
export function parseRequirements(texts: readonly string[]): readonly Requirement[] {
  if (texts.length > REQUIREMENTS_MAX) {
    throw new RtoolError(
      "bad_request",
      `A job may have ${REQUIREMENTS_MAX} requirements, and not ${texts.length}`,
    );
  }
  const found = new Map<string, Requirement>();
  for (const each of texts.map(parseRequirement)) {
    const key = each.kind === "cores" || each.kind === "memory" ? each.kind : wordOf(each);
    found.set(key, greater(each, found.get(key)));
  }
  const words = new Map([...found.values()].map((each) => [wordOf(each), each]));
  return [...words.keys()].sort().map((word) => words.get(word)!);
}

/** Requirements as they are given and shown: `cores=8`, `memory=64GiB`, `package=xml2`, `fast`. */
export function requirementWords(requirements: readonly Requirement[]): readonly string[] {
  return requirements.map(wordOf);
}

/** Requirements as they stand in a subject. */
export function requirementsToken(requirements: readonly Requirement[]): string {
  if (requirements.length === 0) return NO_REQUIREMENTS;
  return requirements.map(wordOf).join(PLUS).replaceAll(".", DOT);
}

/** The requirements a token stands for; `undefined` for what nobody makes of any. */
export function maybeRequirements(token: string): readonly Requirement[] | undefined {
  if (token === NO_REQUIREMENTS) return [];
  if (token.length > TOKEN_CHARS_MAX) return undefined;
  try {
    const requirements = parseRequirements(token.replaceAll(DOT, ".").split(PLUS));
    return requirementsToken(requirements) === token ? requirements : undefined;
  } catch {
    return undefined; // Whoever is let in at the broker can write anything there.
  }
}

/** Whether a host has all that is required. */
export function satisfies(host: HostCapacity, requirements: readonly Requirement[]): boolean {
  return requirements.every((each) => {
    switch (each.kind) {
      case "label":
        return host.labels.includes(each.label);
      case "cores":
        return host.cores >= each.least;
      case "memory":
        return host.memoryBytes >= each.leastBytes;
      case "package":
        return host.packages.has(each.name);
      default:
        return each satisfies never;
    }
  });
}

/** A label a server may have; throws for what can be none. */
export function checkedLabel(label: string): string {
  if (MEASURED.test(label)) {
    const [what] = label.split("=");
    throw new RtoolError("bad_config", `Cannot use the label '${clipped(label)}'`, {
      hint: `a server finds out by itself which ${what === "package" ? "packages" : what} it has`,
    });
  }
  if (LABEL.test(label)) return label;
  throw new RtoolError("bad_config", `Cannot use the label ${shown(label)}: ${LABEL_HINT}`);
}

const LABEL_HINT = `a label is 1 to ${REQUIREMENT_CHARS_MAX} letters, digits, '_', '=' or '-', ` +
  "such as gpu=1";

function parseRequirement(text: string): Requirement {
  if (text.length > REQUIREMENT_CHARS_MAX) {
    throw refused(text, `it has more than ${REQUIREMENT_CHARS_MAX} characters`);
  }
  const [, what] = MEASURED.exec(text) ?? [];
  const value = text.slice(text.indexOf("=") + 1);
  switch (what) {
    case "cores":
      if (/^0*[1-9]\d{0,5}$/.test(value)) return { kind: "cores", least: Number(value) };
      throw refused(text, "cores are a whole number from 1, such as cores=8");
    case "memory": {
      const leastBytes = parseSize(value);
      if (leastBytes !== undefined) return { kind: "memory", leastBytes };
      throw refused(text, "memory is a size with KiB, MiB or GiB, such as memory=64GiB");
    }
    case "package":
      if (PACKAGE.test(value)) return { kind: "package", name: value };
      throw refused(text, "it needs the name of a package, such as package=data.table");
    default:
      if (LABEL.test(text)) return { kind: "label", label: text };
      throw refused(text, LABEL_HINT);
  }
}

/** Of what has a measure the greater is required. */
function greater(one: Requirement, other: Requirement | undefined): Requirement {
  return other && measureOf(other) > measureOf(one) ? other : one;
}

function measureOf(requirement: Requirement): number {
  if (requirement.kind === "cores") return requirement.least;
  return requirement.kind === "memory" ? requirement.leastBytes : 0;
}

function wordOf(requirement: Requirement): string {
  switch (requirement.kind) {
    case "label":
      return requirement.label;
    case "cores":
      return `cores=${requirement.least}`;
    case "memory":
      return `memory=${exactSize(requirement.leastBytes)}`;
    case "package":
      return `package=${requirement.name}`;
    default:
      return requirement satisfies never;
  }
}

/** In the greatest unit that divides it. */
function exactSize(bytes: number): string {
  const units = [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]] as const;
  const [unit, size] = units.find(([, size]) => bytes % size === 0) ?? ["", 1];
  return `${bytes / size}${unit}`;
}

function refused(text: string, why: string): RtoolError {
  return new RtoolError("bad_request", `Cannot require ${shown(text)}: ${why}`);
}

function shown(text: string): string {
  return JSON.stringify(clipped(text));
}

function clipped(text: string): string {
  return text.slice(0, 80);
}
