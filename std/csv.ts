/**
 * `@std/csv` with types: the npm package it comes from has none.
 *
 * Where JSR is reachable, the import map may name `jsr:@std/csv` instead; nothing else changes.
 */

// @ts-types="./csv.d.ts"
export * from "deno-std/csv/parse.js";
