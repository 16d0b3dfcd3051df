/**
 * `@std/assert` with types: the npm package it comes from has none.
 *
 * Where JSR is reachable, the import map may name `jsr:@std/assert` instead; nothing else changes.
 */

// @ts-types="./assert.d.ts"
export * from "deno-std/assert/mod.js";
