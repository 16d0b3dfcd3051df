/**
 * How a signed claim stands in the headers of a message.
 */

import type { Headers } from "./broker.ts";
import type { SignedClaim } from "./claim.ts";

/** Headers of a job message that hold its claim. */
export const CLAIM_HEADER = "Rtool-Claim";
/** See {@linkcode CLAIM_HEADER}. */
export const SIGNATURE_HEADER = "Rtool-Signature";

/** The headers of a claim. */
export function claimHeaders({ text, signature }: SignedClaim): Headers {
  return { [CLAIM_HEADER]: text, [SIGNATURE_HEADER]: signature };
}

/** The claim that headers hold; one that nobody has signed where they hold none. */
export function readClaim(headers: Headers): SignedClaim {
  return { text: headers[CLAIM_HEADER] ?? "", signature: headers[SIGNATURE_HEADER] ?? "" };
}
