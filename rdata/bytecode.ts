/**
 * Reads over the byte code of compiled functions, so that what follows is read rightly.
 *
 * Part of read.ts.
 */

import { ITEM } from "./format.ts";
import type { Reader } from "./read.ts";

/** Reads over one piece of byte code, with all it holds. */
export function readBytecode(reader: Reader): void {
  reader.cursor.int(); // How many definitions are referred to.
  readCode(reader);
}

function readCode(reader: Reader): void {
  reader.item(); // The instructions: a vector of integers.
  const count = reader.cursor.int();
  if (count < 0 || count > reader.cursor.left / 4) {
    throw reader.cursor.fault(`Byte code with ${count} constants`);
  }
  for (let index = 0; index < count; index++) readConstant(reader);
}

function readConstant(reader: Reader): void {
  const type = reader.cursor.int();
  if (type === ITEM.BYTECODE) reader.nested(() => readCode(reader));
  else if (LANGUAGE.has(type)) readLanguage(reader, type);
  else reader.item();
}

/** Types of what byte code has in a form of its own. */
const LANGUAGE = new Set<number>([
  ITEM.LANGUAGE,
  ITEM.PAIRLIST,
  ITEM.ATTRIBUTED_LANGUAGE,
  ITEM.ATTRIBUTED_PAIRLIST,
  ITEM.BYTECODE_DEFINITION,
  ITEM.BYTECODE_REFERENCE,
]);

/** A call in byte code: its cells, each of which may be defined once and referred to later. */
function readLanguage(reader: Reader, first: number): void {
  let type = first;
  for (;;) {
    if (!LANGUAGE.has(type)) {
      reader.item();
      return;
    }
    if (type === ITEM.BYTECODE_REFERENCE) {
      reader.cursor.int();
      return;
    }
    if (type === ITEM.BYTECODE_DEFINITION) {
      reader.cursor.int();
      type = reader.cursor.int();
    }
    if (type === ITEM.ATTRIBUTED_LANGUAGE || type === ITEM.ATTRIBUTED_PAIRLIST) reader.item();
    reader.item(); // The tag.
    const head = reader.cursor.int();
    reader.nested(() => readLanguage(reader, head));
    type = reader.cursor.int();
  }
}
