/**
 * The file of a map's results: whatever was cut off of it, a resumption completes it, and each item
 * has one line.
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { RtoolError } from "../core/errors.ts";
import { digestOf, formatResult, type ItemEnd, maybeHead } from "../cli/map_result.ts";
import { ResultsFile, type ResultsOptions } from "../cli/map_results.ts";
import { createRandom, SEED, seeded } from "./random.ts";

const SCRIPT = digestOf(["script"]);
const FRESH: ResultsOptions = { script: SCRIPT, resume: false };
const RESUME: ResultsOptions = { ...FRESH, resume: true };

const encoder = new TextEncoder();

/** What the item of this index gives; every fifth fails. */
function resultOf(index: number): Uint8Array {
  const json = encoder.encode(JSON.stringify("é\n".repeat(index % 7)));
  const end: ItemEnd = index % 5 === 4
    ? { outcome: "error", message: "no:\n\u2028 it has failed" }
    : { outcome: "ok", json };
  return formatResult(index, end, { script: SCRIPT, item: itemDigest(index) });
}

function itemDigest(index: number): string {
  return digestOf([`item ${index}`]);
}

Deno.test(`a file cut anywhere is gone on with: each item has one line, in order (seed ${SEED})`, async () => {
  await using place = await Place.make();
  const count = 12;
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.shuffledSubarray(indices(count)), async (cut, before) => {
      const written = await place.write(before.map(resultOf));
      const kept = written.subarray(0, cut % (written.length + 1));
      await Deno.writeFile(place.path, kept);
      const whole = kept.filter((byte) => byte === 10).length;
      {
        using results = await ResultsFile.open(place.path, RESUME);
        assertEquals(results.finished.count, whole);
        for (const index of indices(count)) {
          const has = results.finished.has(index, itemDigest(index));
          assertEquals(has, before.slice(0, whole).includes(index));
          if (!has) results.append(resultOf(index));
        }
        await results.order();
      }
      assertEquals(await Deno.readFile(place.path), await place.join(indices(count).map(resultOf)));
    }),
    seeded(150),
  );
});

Deno.test("items that failed are run again when that is asked for, and have one line then", async () => {
  await using place = await Place.make();
  await place.write([3, 9, 4, 0].map(resultOf));
  using results = await ResultsFile.open(place.path, RESUME);
  await results.dropFailed();
  assertEquals([results.finished.count, results.finished.failed], [2, 0]);
  const has = [0, 3, 4, 9].map((index) => results.finished.has(index, itemDigest(index)));
  assertEquals(has, [true, true, false, false]);
  assertEquals(await Deno.readFile(place.path), await place.join([3, 0].map(resultOf)));
  assertStringIncludes((await refusal(place, RESUME)).message, "another rtool map writes it");
  results.append(resultOf(9));
  results.append(resultOf(4));
  assertEquals(await Deno.readFile(place.path), await place.join([3, 0, 9, 4].map(resultOf)));
});

Deno.test("items that failed have finished, unless that is asked for", async () => {
  await using place = await Place.make();
  await place.write([3, 9, 4, 0].map(resultOf));
  using results = await ResultsFile.open(place.path, RESUME);
  assertEquals([results.finished.count, results.finished.failed, results.finished.end], [4, 2, 10]);
});

Deno.test("results are not gone on with unless that is asked for, and nothing of them is touched", async () => {
  await using place = await Place.make();
  const written = await place.write([resultOf(0), encoder.encode('{"index":1,"out')]);
  assertEquals((await refusal(place, FRESH)).code, "usage");
  assertEquals(await Deno.readFile(place.path), written);
  await Deno.writeFile(place.path, new Uint8Array(0));
  using _results = await ResultsFile.open(place.path, FRESH);
});

Deno.test("another script is refused, and nothing is touched", async () => {
  await using place = await Place.make();
  const written = await place.write([resultOf(4), resultOf(0)]);
  const error = await refusal(place, { ...RESUME, script: digestOf(["another"]) });
  assertEquals(error.code, "usage");
  assertStringIncludes(error.message, "the script");
  assertEquals(await Deno.readFile(place.path), written);
});

Deno.test("another item is refused by its number", async () => {
  await using place = await Place.make();
  await place.write([resultOf(0), resultOf(1)]);
  using results = await ResultsFile.open(place.path, RESUME);
  const error = await assertRejects(
    () => Promise.resolve().then(() => results.finished.has(1, itemDigest(2))),
    RtoolError,
  );
  assertEquals(error.message, "Cannot resume: item 1 is not the one that the results have");
});

Deno.test("a line that no map has written is named, and so is an item that stands there twice", async () => {
  await using place = await Place.make();
  const foreign = [
    '{"index":1,"outcome":"ok","value":1}\n',
    "\n",
    '{"a":1}\n',
    new TextDecoder().decode(resultOf(0)),
    new TextDecoder().decode(resultOf(0)).replace(":0,", ":9999999999,"),
  ];
  for (const line of foreign) {
    await place.write([resultOf(0), encoder.encode(line), resultOf(2)]);
    const error = await refusal(place, RESUME);
    assertEquals(error.code, "unreadable_input");
    assertStringIncludes(error.message, `${place.path}, line 2: `);
  }
});

Deno.test("a file that is none of a map's is left as it is, even without a line end", async () => {
  await using place = await Place.make();
  const foreign = ['{"a": 1}', "[1,2]", "x", '{"indexes":1}'];
  for (const content of foreign) {
    await Deno.writeTextFile(place.path, content);
    assertEquals((await refusal(place, RESUME)).code, "unreadable_input", content);
    assertEquals(await Deno.readTextFile(place.path), content);
  }
});

Deno.test("putting lines into order leaves a file's mode and a link to it as they are", async () => {
  await using place = await Place.make();
  const link = `${place.dir}/link`;
  await place.write([1, 0].map(resultOf));
  await Deno.chmod(place.path, 0o600);
  await Deno.symlink(place.path, link);
  {
    using results = await ResultsFile.open(link, RESUME);
    await results.order();
  }
  assertEquals(await Deno.readFile(place.path), await place.join([0, 1].map(resultOf)));
  assertEquals(((await Deno.stat(place.path)).mode ?? 0) & 0o777, 0o600);
  assertEquals((await Deno.lstat(link)).isSymlink, true);
});

Deno.test("two maps never write one file", async () => {
  await using place = await Place.make();
  {
    using _first = await ResultsFile.open(place.path, FRESH);
    for (const options of [FRESH, RESUME]) {
      assertStringIncludes((await refusal(place, options)).message, "another rtool map writes it");
    }
  }
  using _second = await ResultsFile.open(place.path, RESUME);
});

Deno.test("what is no file cannot hold results, and neither can what is not to be written", async () => {
  await using place = await Place.make();
  for (const path of ["/dev/null", `${place.dir}/none/out`]) {
    const error = await assertRejects(() => ResultsFile.open(path, FRESH), RtoolError);
    assertEquals(error.code, "unwritable_output", path);
  }
});

Deno.test("lines are put into order whatever their number and length, and left alone when they are", async () => {
  await using place = await Place.make();
  const random = createRandom(7);
  const json = (index: number) => encoder.encode(JSON.stringify("x".repeat(index % 9 * 20_000)));
  const lines = indices(40).map((index) => {
    const digests = { script: SCRIPT, item: itemDigest(index) };
    return formatResult(index, { outcome: "ok", json: json(index) }, digests);
  });
  const shuffled = indices(40).sort(() => random() - 0.5);
  await place.write(shuffled.map((index) => lines[index]!));
  using results = await ResultsFile.open(place.path, RESUME);
  await results.order();
  assertEquals(await Deno.readFile(place.path), await place.join(lines));
  const { ino } = await Deno.stat(place.path);
  await results.order();
  assertEquals((await Deno.stat(place.path)).ino, ino);
  assertEquals((await Array.fromAsync(Deno.readDir(place.dir))).length, 1, "Nothing is left over");
});

Deno.test("a result is one line of JSON; its digests stand before what may be long", () => {
  const line = new TextDecoder().decode(resultOf(4));
  assertEquals(line.split("\n").length, 2);
  const { index, outcome, message } = JSON.parse(line);
  assertEquals([index, outcome, message], [4, "error", "no:\n\u2028 it has failed"]);
  assertEquals(maybeHead(encoder.encode(line.slice(0, 200))), {
    index: 4,
    isOk: false,
    script: SCRIPT,
    item: itemDigest(4),
  });
  const bare = formatResult(3, { outcome: "ok", json: encoder.encode("[1]") });
  assertEquals(new TextDecoder().decode(bare), '{"index":3,"outcome":"ok","value":[1]}\n');
});

Deno.test("a digest knows its parts, and where one ends", () => {
  assertEquals(digestOf(["ab", "c"]), digestOf([encoder.encode("ab"), "c"]));
  const others = [["a", "bc"], ["abc"], ["ab", "c", ""], ["ab", "d"]].map(digestOf);
  assert(!others.includes(digestOf(["ab", "c"])));
});

function indices(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function refusal(place: Place, options: ResultsOptions): Promise<RtoolError> {
  return assertRejects(() => ResultsFile.open(place.path, options), RtoolError);
}

/** A directory with a file of results. */
class Place implements AsyncDisposable {
  readonly dir: string;
  readonly path: string;

  private constructor(dir: string) {
    this.dir = dir;
    this.path = `${dir}/out.ndjson`;
  }

  static async make(): Promise<Place> {
    return new Place(await Deno.makeTempDir({ prefix: "rtool-results-" }));
  }

  /** Writes these lines and nothing else; gives their bytes. */
  async write(lines: readonly Uint8Array[]): Promise<Uint8Array> {
    const bytes = await this.join(lines);
    await Deno.writeFile(this.path, bytes);
    return bytes;
  }

  async join(lines: readonly Uint8Array[]): Promise<Uint8Array> {
    return new Uint8Array(await new Blob(lines as Uint8Array<ArrayBuffer>[]).arrayBuffer());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.dir, { recursive: true });
  }
}
