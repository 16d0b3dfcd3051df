/**
 * Files that change are told once each, and not looked at too often.
 */

import { assertEquals } from "@std/assert";
import { FileWatch } from "../engine/file_watch.ts";

Deno.test("a file that changes, comes or goes is told once", async () => {
  const dir = await Deno.makeTempDir();
  const [kept, gone, coming] = ["kept", "gone", "coming"].map((name) => `${dir}/${name}`);
  for (const path of [kept!, gone!]) await Deno.writeTextFile(path, "a");
  const watch = new FileWatch([kept!, gone!, coming!, ""], 0);
  assertEquals(watch.maybeChanged(), undefined);
  await Deno.utime(kept!, 1, 1);
  await Deno.remove(gone!);
  await Deno.writeTextFile(coming!, "b");
  const told = [watch.maybeChanged(), watch.maybeChanged(), watch.maybeChanged()];
  assertEquals(told.sort(), [coming, gone, kept]);
  assertEquals(watch.maybeChanged(), undefined);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("files are not looked at more often than they may be", async () => {
  const path = await Deno.makeTempFile();
  const watch = new FileWatch([path], 60_000);
  await Deno.utime(path, 1, 1);
  assertEquals(watch.maybeChanged(), undefined);
  await Deno.remove(path);
});
