/**
 * `@std/bytes` with types: the npm package it comes from has none.
 *
 * Where JSR is reachable, the import map may name `jsr:@std/bytes` instead; nothing else changes.
 */

// @ts-types="./bytes.d.ts"
export * from "deno-std/bytes/mod.js";
