/**
 * The program's name and version, as peers and users are told.
 */

/** Version of this program; deno.json has the same, a test compares. */
export const VERSION = "0.1.0";

/** What the native wire's `hello` carries. */
export const SOFTWARE = `rtool ${VERSION}`;

/** What `rtool --version` prints. */
export function versionText(): string {
  const built = Deno.build.standalone ? "compiled" : "from source";
  return `rtool ${VERSION} (Deno ${Deno.version.deno}, ${Deno.build.target}, ${built})\n`;
}
