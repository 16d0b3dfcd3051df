/**
 * Reads R's serialization format: what `serialize()` and `saveRDS(compress = FALSE)` write, in its
 * XDR and little-endian binary forms, versions 2 and 3.
 *
 * Any bytes give a value or `bad_value`, in time and memory bounded by their number. What could be
 * evaluated is read over and named. Source of the format: R Internals, "Serialization Formats".
 */

import { RtoolError } from "../core/errors.ts";
import { expand } from "./altrep.ts";
import { Budget, type ReadBounds } from "./budget.ts";
import { readBytecode } from "./bytecode.ts";
import { Cursor } from "./cursor.ts";
import { FLAG, ITEM, LEVELS_SHIFT, LONG_LENGTH, TYPE_NAMES } from "./format.ts";
import { callText } from "./language.ts";
import { decodeString, nativeDecoder } from "./strings.ts";
import { describeS4, ENVIRONMENTS, opaque } from "./opaque.ts";
import { nameOf, pairlist, tagsOf } from "./pairlist.ts";
import { type Attribute, NULL, type RString, type RValue } from "./types.ts";
import { character, complex, integer, logical, numeric, raw } from "./values.ts";

/** The value that bytes hold; throws `bad_value` naming what is wrong, and where. */
export function decodeValue(bytes: Uint8Array, bounds: Partial<ReadBounds> = {}): RValue {
  const cursor = openFormat(bytes);
  const value = new Reader(cursor, bounds).document();
  if (cursor.left > 0) throw cursor.fault(`${cursor.left} bytes follow the value`);
  return value;
}

function openFormat(bytes: Uint8Array): Cursor {
  const [form, end] = bytes;
  if (end !== 0x0a || (form !== 0x58 && form !== 0x42)) {
    const isAscii = end === 0x0a && form === 0x41;
    const why = isAscii ? ": it is R's ASCII form, which is not read" : "";
    throw new RtoolError("bad_value", `This is not R's serialization format${why}`);
  }
  return new Cursor(bytes, 2, form === 0x42);
}

/** Reads items one after the other; each method leaves the cursor behind what it has read. */
export class Reader {
  readonly cursor: Cursor;
  readonly #budget: Budget;
  /** What may be referred to: symbols and environments, in order. */
  readonly #references: RValue[] = [];
  /** Of strings that do not say their encoding. */
  #native = nativeDecoder("UTF-8");

  constructor(cursor: Cursor, bounds: Partial<ReadBounds>) {
    this.cursor = cursor;
    this.#budget = new Budget(cursor, bounds);
  }

  /** Header and value. */
  document(): RValue {
    const { cursor } = this;
    const version = cursor.int();
    cursor.int();
    cursor.int();
    if (version !== 2 && version !== 3) {
      throw cursor.fault(`Version ${version} of R's format is not known`);
    }
    if (version === 3) {
      this.#native = nativeDecoder(new TextDecoder().decode(cursor.take(this.#length())));
    }
    return this.item();
  }

  /** The next item. */
  item(): RValue {
    return this.nested(() => this.#item(this.cursor.int()));
  }

  /** Reads something within something else, as deep as may be. */
  nested<T>(read: () => T): T {
    this.#budget.enter();
    const value = read();
    this.#budget.leave();
    return value;
  }

  #item(flags: number): RValue {
    const type = flags & 0xff;
    switch (type) {
      case ITEM.NULL:
      case ITEM.NIL:
        return NULL;
      case ITEM.REFERENCE:
        return this.#reference(flags);
      case ITEM.SYMBOL:
        return this.#remember(opaque("symbol", this.#symbolName()));
      case ITEM.PAIRLIST:
      case ITEM.LANGUAGE:
      case ITEM.CLOSURE:
      case ITEM.PROMISE:
      case ITEM.DOTS:
        return this.#cells(flags);
      case ITEM.ALTREP:
        return this.#altrep();
      case ITEM.BYTECODE:
        readBytecode(this);
        return opaque("bytecode", "bytecode", this.#attributes(flags));
      default:
        return ENVIRONMENTS[type] ?? this.#environment(flags) ?? this.#vector(flags);
    }
  }

  #vector(flags: number): RValue {
    const { cursor } = this;
    const type = flags & 0xff;
    switch (type) {
      case ITEM.LOGICAL:
        return logical(cursor.ints(this.#length()), this.#attributes(flags));
      case ITEM.INTEGER:
        return integer(cursor.ints(this.#length()), this.#attributes(flags));
      case ITEM.DOUBLE:
        return numeric(cursor.doubles(this.#length()), this.#attributes(flags));
      case ITEM.COMPLEX:
        return complex(cursor.doubles(2 * this.#length()), this.#attributes(flags));
      case ITEM.RAW:
        return raw(cursor.take(this.#length()), this.#attributes(flags));
      case ITEM.CHARACTER:
        return character(this.#strings(), this.#attributes(flags));
      case ITEM.LIST:
      case ITEM.EXPRESSION: {
        const values = this.#items(this.#length());
        const form = type === ITEM.LIST ? "list" : "expression";
        return { type: "list", form, values, attributes: this.#attributes(flags) };
      }
      case ITEM.STRING:
        return character([this.#string(flags)]);
      case ITEM.BUILTIN:
      case ITEM.SPECIAL: {
        const name = new TextDecoder().decode(cursor.take(this.#length()));
        return opaque(TYPE_NAMES[type]!, name, this.#attributes(flags));
      }
      case ITEM.S4: {
        const attributes = this.#attributes(flags);
        return opaque("S4", describeS4(attributes), attributes);
      }
      default:
        throw cursor.fault(`An item of the unknown type ${type}`);
    }
  }

  /** What is referred to from elsewhere, and is no data. */
  #environment(flags: number): RValue | undefined {
    const { cursor } = this;
    const type = flags & 0xff;
    switch (type) {
      case ITEM.ENVIRONMENT: {
        const environment = this.#remember(opaque("environment", "environment"));
        cursor.int();
        for (let part = 0; part < 4; part++) this.item();
        return environment;
      }
      case ITEM.NAMESPACE:
      case ITEM.PACKAGE: {
        cursor.int();
        const name = this.#strings()[0];
        const text = type === ITEM.NAMESPACE ? `namespace:${name}` : String(name);
        return this.#remember(opaque("environment", text));
      }
      case ITEM.POINTER: {
        const pointer = this.#remember(opaque("externalptr", "external pointer"));
        this.item();
        this.item();
        this.#attributes(flags);
        return pointer;
      }
      case ITEM.WEAK_REFERENCE: {
        const reference = this.#remember(opaque("weakref", "weak reference"));
        this.#attributes(flags);
        return reference;
      }
      case ITEM.PERSISTENT:
        throw cursor.fault("A reference that only the R that wrote it understands");
      default:
        return undefined;
    }
  }

  /** Pairlists, calls and what is built like them: a chain of cells, walked and not descended. */
  #cells(flags: number): RValue {
    const type = flags & 0xff;
    const own = flags & FLAG.ATTRIBUTES ? this.#attributeList() : [];
    const values: RValue[] = [];
    const tags: (string | null)[] = [];
    let cell = flags;
    let tail: RValue = NULL;
    for (let attributes = false;; attributes = true) {
      if (attributes && cell & FLAG.ATTRIBUTES) this.item();
      tags.push(cell & FLAG.TAG ? nameOf(this.item()) : null);
      values.push(this.item());
      cell = this.cursor.int();
      const next = cell & 0xff;
      if (next === ITEM.PAIRLIST || next === ITEM.LANGUAGE) continue;
      tail = this.nested(() => this.#item(cell));
      break;
    }
    if (tail.type !== "NULL") values.push(tail);
    if (type === ITEM.PAIRLIST) return pairlist(values, tags, own);
    const text = type === ITEM.LANGUAGE ? callText(values, tags) : TYPE_NAMES[type]!;
    return opaque(TYPE_NAMES[type]!, text, own);
  }

  #altrep(): RValue {
    const info = this.item();
    const state = this.item();
    const attributes = this.#attributeList();
    const name = info.type === "list" ? nameOf(info.values[0]) : null;
    const value = name === null ? undefined : expand(name, state, this.#budget);
    if (!value) throw this.cursor.fault(`A value of the unknown class '${name?.slice(0, 80)}'`);
    return value.type === "NULL" || attributes.length === 0 ? value : { ...value, attributes };
  }

  #attributes(flags: number): readonly Attribute[] {
    return flags & FLAG.ATTRIBUTES ? this.#attributeList() : [];
  }

  #attributeList(): readonly Attribute[] {
    const at = this.cursor.at;
    const given = this.item();
    if (given.type === "NULL") return [];
    const names = given.type === "list" ? tagsOf(given) : undefined;
    if (!names || given.type !== "list") throw this.cursor.fault("Attributes that are none", at);
    return given.values.map((value, index) => [names[index]!, value]);
  }

  #items(count: number): RValue[] {
    if (count > this.cursor.left / 4) {
      throw this.cursor.fault(`R's data ends in a list of ${count} elements`);
    }
    const values: RValue[] = [];
    for (let index = 0; index < count; index++) values.push(this.item());
    return values;
  }

  #strings(): RString[] {
    const count = this.#length();
    const { cursor } = this;
    if (count > cursor.left / 8) {
      throw cursor.fault(`R's data ends in a vector of ${count} strings`);
    }
    this.#budget.strings(count);
    const strings = new Array<RString>(count);
    for (let index = 0; index < count; index++) {
      const flags = cursor.int();
      if ((flags & 0xff) !== ITEM.STRING) throw cursor.fault("A vector of strings holds another");
      strings[index] = this.#string(flags);
    }
    return strings;
  }

  #string(flags: number): RString {
    const length = this.cursor.int();
    if (length < -1) throw this.cursor.fault(`A string of ${length} bytes`);
    const bytes = length === -1 ? undefined : this.cursor.take(length);
    if (flags & FLAG.ATTRIBUTES) this.item();
    return bytes ? decodeString(bytes, flags >> LEVELS_SHIFT, this.#native) : null;
  }

  #symbolName(): string {
    const name = this.item();
    return name.type === "character" ? String(name.values[0] ?? "NA") : "NA";
  }

  #length(): number {
    const length = this.cursor.int();
    if (length >= 0) return length;
    if (length !== LONG_LENGTH) throw this.cursor.fault(`A length of ${length}`);
    const [high, low] = [this.cursor.int() >>> 0, this.cursor.int() >>> 0];
    if (high > 0xffff) throw this.cursor.fault("A length beyond all bounds");
    return high * 2 ** 32 + low;
  }

  #reference(flags: number): RValue {
    const index = flags >> 8 || this.cursor.int();
    const value = this.#references[index - 1];
    if (!value) throw this.cursor.fault(`A reference to the unknown item ${index}`);
    return value;
  }

  #remember<V extends RValue>(value: V): V {
    this.#references.push(value);
    return value;
  }
}
