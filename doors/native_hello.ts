/**
 * A client's first frame: which version it speaks, and the token it shows.
 *
 * Part of the native door. Must not know who has which token.
 */

import { RtoolError } from "../core/errors.ts";
import { optional, text } from "../messages_fields.ts";
import { decodeJson, type Frame, PROTOCOL_VERSION } from "../protocol.ts";

/** The token of a client's first frame; throws for what is no greeting of this version. */
export function readHello(frame: Frame): string | undefined {
  if (frame.kind !== "hello") {
    throw new RtoolError("bad_frame", `The first frame must be 'hello', not '${frame.kind}'`);
  }
  const fields = decodeJson(frame);
  const { version } = fields;
  if (version !== PROTOCOL_VERSION) {
    throw new RtoolError(
      "bad_version",
      `This server speaks rtool/${PROTOCOL_VERSION}, the client asked for rtool/${shown(version)}`,
    );
  }
  return optional(fields, "token", text);
}

/** A version as a message may show it. */
function shown(version: unknown): string {
  return typeof version === "number" ? String(version) : JSON.stringify(version) ?? "nothing";
}
