/**
 * What the house rules ask about a TypeScript file, taken from its syntax tree.
 *
 * A tree and not a search for words: text in strings and comments breaks no rule. The parser is
 * the one of `deno lint`, which only `deno test` offers.
 */

/** A function and where it stands. */
export interface FunctionFact {
  /** Its own name, or that of what it is assigned to; empty for a callback. */
  readonly name: string;
  /** Line of its first character, from 1. */
  readonly line: number;
  /** How many lines it takes. */
  readonly lines: number;
}

/** One TypeScript file. */
export interface Source {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  /** Specifiers of everything it imports or re-exports, types and lazy imports too. */
  readonly imports: readonly string[];
  /** Properties it takes of plain names (`Deno.args`), and the plain names it calls (`Error()`). */
  readonly words: readonly string[];
  /** Its functions; the bodies of tests and benchmarks are none. */
  readonly functions: readonly FunctionFact[];
  readonly comments: readonly string[];
  /** Whether it awaits anything. */
  readonly awaits: boolean;
}

type FunctionNode =
  | Deno.lint.FunctionDeclaration
  | Deno.lint.FunctionExpression
  | Deno.lint.ArrowFunctionExpression;

/** What calls a function that is a test, a step of one, or a benchmark. */
const TEST_CALL = /^(Deno\.(test|bench)(\.\w+)*|\w+\.step)$/;

/** Parses a file and notes what the rules need. */
export function readSource(path: string, text: string): Source {
  const imports: string[] = [];
  const words: string[] = [];
  const functions: FunctionFact[] = [];
  const comments: string[] = [];
  let awaits = false;
  const create = ({ sourceCode }: Deno.lint.RuleContext): Deno.lint.LintVisitor => {
    comments.push(...sourceCode.getAllComments().map((comment) => comment.value));
    const textOf = (node: Deno.lint.Node) => sourceCode.getText(node);
    const noteImport = (specifier: Deno.lint.Node | null | undefined) => {
      if (specifier?.type === "TSLiteralType") noteImport(specifier.literal);
      if (specifier?.type === "Literal") imports.push(String(specifier.value));
    };
    const noteCall = ({ callee }: Deno.lint.CallExpression | Deno.lint.NewExpression) => {
      if (callee.type === "Identifier") words.push(`${callee.name}()`);
    };
    const noteFunction = (node: FunctionNode) => {
      if (isTestBody(node, textOf)) return;
      const line = lineAt(text, node.range[0]);
      const lines = lineAt(text, node.range[1]) - line + 1;
      functions.push({ name: nameOf(node, textOf), line, lines });
    };
    return {
      ImportDeclaration: (node) => noteImport(node.source),
      ImportExpression: (node) => noteImport(node.source),
      ExportNamedDeclaration: (node) => noteImport(node.source),
      ExportAllDeclaration: (node) => noteImport(node.source),
      TSImportType: (node) => noteImport(node.argument),
      NewExpression: noteCall,
      CallExpression: noteCall,
      MemberExpression: (node) => {
        if (node.object.type === "Identifier") words.push(textOf(node));
      },
      FunctionDeclaration: noteFunction,
      FunctionExpression: noteFunction,
      ArrowFunctionExpression: noteFunction,
      AwaitExpression: () => void (awaits = true),
    };
  };
  Deno.lint.runPlugin({ name: "house", rules: { facts: { create } } }, path, text);
  const lines = text.replace(/\n$/, "").split("\n");
  return { path, text, lines, imports, words, functions, comments, awaits };
}

function isTestBody(node: FunctionNode, textOf: (node: Deno.lint.Node) => string): boolean {
  let call: Deno.lint.Node = node.parent;
  if (call.type === "Property") call = call.parent.parent;
  return call.type === "CallExpression" && TEST_CALL.test(textOf(call.callee));
}

function nameOf(node: FunctionNode, textOf: (node: Deno.lint.Node) => string): string {
  if (node.type !== "ArrowFunctionExpression" && node.id) return node.id.name;
  const { parent } = node;
  switch (parent.type) {
    case "VariableDeclarator":
      return textOf(parent.id);
    case "MethodDefinition":
    case "PropertyDefinition":
    case "Property":
      return textOf(parent.key);
    default:
      return "";
  }
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}
