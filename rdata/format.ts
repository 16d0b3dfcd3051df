/**
 * The numbers of R's serialization format: types of items, flags, and the two ways it is written.
 *
 * Source: "Serialization Formats" in R Internals, and what R 4.2 writes.
 */

/** Types of items as they stand in the low byte of an item's flags. */
export const ITEM = {
  NIL: 0,
  SYMBOL: 1,
  PAIRLIST: 2,
  CLOSURE: 3,
  ENVIRONMENT: 4,
  PROMISE: 5,
  LANGUAGE: 6,
  SPECIAL: 7,
  BUILTIN: 8,
  STRING: 9,
  LOGICAL: 10,
  INTEGER: 13,
  DOUBLE: 14,
  COMPLEX: 15,
  CHARACTER: 16,
  DOTS: 17,
  LIST: 19,
  EXPRESSION: 20,
  BYTECODE: 21,
  POINTER: 22,
  WEAK_REFERENCE: 23,
  RAW: 24,
  S4: 25,
  ALTREP: 238,
  ATTRIBUTED_PAIRLIST: 239,
  ATTRIBUTED_LANGUAGE: 240,
  BASE_ENVIRONMENT: 241,
  EMPTY_ENVIRONMENT: 242,
  BYTECODE_REFERENCE: 243,
  BYTECODE_DEFINITION: 244,
  PERSISTENT: 247,
  PACKAGE: 248,
  NAMESPACE: 249,
  BASE_NAMESPACE: 250,
  MISSING_ARGUMENT: 251,
  UNBOUND: 252,
  GLOBAL_ENVIRONMENT: 253,
  NULL: 254,
  REFERENCE: 255,
} as const;

/** What `typeof()` calls a type of item. */
export const TYPE_NAMES: Readonly<Record<number, string>> = {
  [ITEM.SYMBOL]: "symbol",
  [ITEM.CLOSURE]: "closure",
  [ITEM.PROMISE]: "promise",
  [ITEM.LANGUAGE]: "language",
  [ITEM.SPECIAL]: "special",
  [ITEM.BUILTIN]: "builtin",
  [ITEM.DOTS]: "...",
  [ITEM.BYTECODE]: "bytecode",
  [ITEM.POINTER]: "externalptr",
  [ITEM.WEAK_REFERENCE]: "weakref",
  [ITEM.S4]: "S4",
};

/** Bits above the type; that of S4 is one of the levels. */
export const FLAG = { OBJECT: 0x100, ATTRIBUTES: 0x200, TAG: 0x400, S4: 0x10000 } as const;

/** Where the levels of a string, which say its encoding, stand in its flags. */
export const LEVELS_SHIFT = 12;

/** Encodings of a string, as levels. */
export const ENCODING = { BYTES: 1 << 1, LATIN1: 1 << 2, UTF8: 1 << 3, ASCII: 1 << 6 } as const;

/** Before a length of more than 31 bits, which follows in two words. */
export const LONG_LENGTH = -1;

/** The longest length that stands in one word. */
export const SHORT_LENGTH_MAX = 2 ** 31 - 1;
