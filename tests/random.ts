/**
 * The seed of a run's random tests, which stands in their names (`RTOOL_SEED=n` runs them again),
 * and what they have in common.
 */

import fc from "fast-check";

/** What every random test of this run starts from. */
export const SEED = readSeed(Deno.env.get("RTOOL_SEED"));

/** What fast-check needs to begin there. */
export function seeded(numRuns: number): fc.Parameters<unknown> {
  return { seed: SEED, numRuns };
}

/** Uniform numbers from 0 to 1 (mulberry32): the same ones for the same seed. */
export function createRandom(seed: number = SEED): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Text without NUL of any characters, lone surrogates and control characters among them. */
export function arbitraryText(maxLength = 20): fc.Arbitrary<string> {
  const point = fc.oneof(
    fc.integer({ min: 1, max: 127 }),
    fc.integer({ min: 1, max: 0x2fff }),
    fc.integer({ min: 0x3000, max: 0x10ffff }),
  );
  return fc.array(point, { maxLength }).map((points) => String.fromCodePoint(...points));
}

/** Cuts at these places, wrapped around when there are fewer bytes. */
export function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b);
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length));
}

/** Cuts into chunks of one size. */
export function chunksOf(bytes: Uint8Array, size: number): Uint8Array[] {
  return cutAt(bytes, Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => i * size));
}

function readSeed(text: string | undefined): number {
  return text === undefined ? crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1 : Number(text);
}
