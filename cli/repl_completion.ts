/**
 * Completion of what is typed, by R's own completer in the session: a job aside from the user's.
 */

import type { Client } from "../client.ts";
import { BATCH_MODE } from "../core/item.ts";
import { bareRequest, type JobRequest } from "../core/job.ts";
import { shown } from "./terminal.ts";

/** Waiting and running together may take this; then there is no completion. */
const TIMEOUT_MS = 1000;

/** More candidates than this tell nobody anything. */
const CANDIDATES_MAX = 500;

/** Asks R for candidates for the last part of `before`, the text before the cursor. */
export async function complete(
  client: Client,
  place: Pick<JobRequest, "session" | "cwd" | "machine">,
  before: string,
): Promise<[candidates: string[], part: string]> {
  const job = client.submit({
    ...bareRequest(completionCode(before), undefined),
    ...place,
    timeoutMs: TIMEOUT_MS,
    mode: { ...BATCH_MODE, aside: true },
  });
  const decoder = new TextDecoder();
  let text = "";
  let ended = false;
  for await (const event of job.events) {
    if (event.kind === "stdout") text += decoder.decode(event.bytes, { stream: true });
    if (event.kind === "end") ended = event.outcome.kind === "ok";
  }
  return ended ? parseCandidates(text, before) : [[], before];
}

/**
 * R code that prints the part of the line that can be completed, and its candidates. Its names are
 * looked up in utils and base: the user's own of the same name are not called.
 */
export function completionCode(before: string): string {
  return `base::eval(base::quote({
    .assignLinebuffer(${JSON.stringify(before)})
    .assignEnd(${[...before].length}L)
    part <- .guessTokenFromLine()
    settings <- rc.settings()
    rc.settings(ipck = TRUE)
    suppressWarnings(try(.completeToken(), silent = TRUE))
    do.call(rc.settings, as.list(settings))
    writeLines(enc2utf8(c(part, head(unique(.retrieveCompletions()), ${CANDIDATES_MAX}L))))
  }), base::new.env(parent = base::asNamespace("utils")))`;
}

/** What R has printed: the part, then its candidates; those a terminal cannot show are left out. */
export function parseCandidates(
  text: string,
  before: string,
): [candidates: string[], part: string] {
  const [part = "", ...lines] = text.replace(/\n$/, "").split("\n");
  if (!before.endsWith(part)) return [[], before];
  const fits = (line: string) => line.startsWith(part) && line !== "" && shown(line) === line;
  return [lines.filter(fits), part];
}
