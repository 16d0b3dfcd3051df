/**
 * What live_test.ts says of plain text holds under TLS, word for word.
 */

import { assert } from "@std/assert";

// The environment would be that of the files beside this one, too.
Object.assign(globalThis, { rtoolTestTls: true });
await import("./live_test.ts");
const { CLIENT_TLS } = await import("./rtool.ts");
assert(CLIENT_TLS, "The tests speak plain text");
