/**
 * `@std/cli/parse-args` with types: the npm package it comes from has none.
 *
 * Where JSR is reachable, the import map may name `jsr:@std/cli` instead; nothing else changes.
 */

// @ts-types="./parse_args.d.ts"
export * from "deno-std/cli/parse_args.js";
