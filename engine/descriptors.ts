/**
 * Files that this process was given open by whoever started it: no R is to inherit them.
 *
 * Deno closes its own when it starts a program; of those it does not know.
 */

const FIRST = 3;
const LAST = 0xffffffff;

/** Close in the program that is started, not here. */
const CLOSE_ON_EXEC = 4;

/** Marks all but the standard streams; where the system cannot, the probes will see. */
export function keepDescriptors(): void {
  if (Deno.build.os !== "linux") return;
  try {
    const libc = Deno.dlopen("libc.so.6", {
      close_range: { parameters: ["u32", "u32", "i32"], result: "i32" },
    });
    libc.symbols.close_range(FIRST, LAST, CLOSE_ON_EXEC);
    libc.close();
  } catch {
    // A system without this call, older than 2021.
  }
}
