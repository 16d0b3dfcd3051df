/**
 * What live_test.ts says of plain text holds under TLS, word for word.
 */

import { assert } from "@std/assert";

Deno.env.set("RTOOL_TEST_TLS", "1");
try {
  await import("./live_test.ts");
  const { CLIENT_TLS } = await import("./rtool.ts");
  assert(CLIENT_TLS, "The tests speak plain text");
} finally {
  Deno.env.delete("RTOOL_TEST_TLS"); // For the files that are tested next.
}
