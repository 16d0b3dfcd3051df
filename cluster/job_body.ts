/**
 * A job as bytes: the frames a client sends on the native wire, one behind the other. No I/O.
 */

import { concat } from "../core/bytes.ts";
import { RtoolError, toRtoolError } from "../core/errors.ts";
import type { JobRequest } from "../core/job.ts";
import { parseSubmission, submissionFields } from "../messages.ts";
import {
  decodeJson,
  encodeFrame,
  encodeJson,
  type Frame,
  FrameDecoder,
  type Kind,
  PAYLOAD_BYTES_MAX,
} from "../protocol.ts";

/** Most bytes of one job, its uploads included: it is held in memory, here and there. */
export const BODY_BYTES_MAX = 64 * 1024 * 1024;

const STREAM = 1;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A request that may be queued, without what only its own machine means. */
export function queueable(request: JobRequest): JobRequest {
  const requires = (request.queue?.require ?? []).length > 0;
  const problem = request.session !== undefined && requires
    ? "A job of a session runs where that is: it cannot require a label"
    : request.input !== undefined
    ? "A queued job has no standard input"
    : request.mode.interactive
    ? "A queued job has nobody to ask"
    : undefined;
  if (problem !== undefined) throw new RtoolError("bad_request", problem);
  // Only a job of a session can wait for the very job it was sent from.
  const within = request.session === undefined ? undefined : request.within;
  return { ...request, cwd: undefined, machine: undefined, within, progress: false };
}

/** The bytes of a job; `contents` are those of its uploads. */
export function encodeBody(request: JobRequest, contents: Uint8Array): Uint8Array<ArrayBuffer> {
  const code = new TextEncoder().encode(request.code);
  if (code.length + contents.length > BODY_BYTES_MAX) {
    throw new RtoolError(
      "upload_too_big",
      `A queued job has at most ${BODY_BYTES_MAX} bytes, its files and data included; ` +
        `this one has ${code.length + contents.length}`,
    );
  }
  const submission = { request, codeBytes: code.length, hasInput: false };
  return new Uint8Array(concat([
    encodeJson("submit", STREAM, submissionFields(submission)),
    ...pieces("code", code),
    ...pieces("upload", contents),
  ]));
}

/** A job that was read, and the bytes of its uploads, which its request announces. */
export interface DecodedBody {
  readonly request: JobRequest;
  readonly contents: Uint8Array;
}

/** Reads the bytes of a job; throws `bad_request` for what is none. */
export function decodeBody(bytes: Uint8Array): DecodedBody {
  try {
    const [first, ...rest] = readFrames(bytes);
    if (first?.kind !== "submit") throw new RtoolError("bad_request", "it begins with no submit");
    const { request } = parseSubmission(decodeJson(first));
    const code = decoder.decode(joined(rest, "code"));
    return {
      request: queueable({ ...request, code, input: undefined }),
      contents: joined(rest, "upload"),
    };
  } catch (cause) {
    const { message } = toRtoolError(cause);
    throw new RtoolError("bad_request", `Cannot read the job: ${message}`, { cause });
  }
}

/** All frames that bytes hold; throws `bad_frame` when they do not end with one. */
export function readFrames(bytes: Uint8Array): Frame[] {
  const frames = new FrameDecoder();
  frames.push(bytes);
  const list: Frame[] = [];
  for (let frame = frames.next(); frame; frame = frames.next()) list.push(frame);
  if (frames.pendingBytes > 0) throw new RtoolError("bad_frame", "A message ends within a frame");
  return list;
}

function pieces(kind: Kind, bytes: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += PAYLOAD_BYTES_MAX) {
    frames.push(encodeFrame(kind, STREAM, bytes.subarray(at, at + PAYLOAD_BYTES_MAX)));
  }
  return frames;
}

function joined(frames: readonly Frame[], kind: Kind): Uint8Array {
  return concat(frames.filter((frame) => frame.kind === kind).map(({ payload }) => payload));
}
