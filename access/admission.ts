/**
 * Who comes in: the server's own user by its socket, others by a token or a certificate.
 *
 * Knows peers, tokens and certificates. Must not know what the wires call them, nor what a
 * principal may then do.
 */

import type { PeerCertificate } from "../core/certificate.ts";
import { RtoolError, toRtoolError } from "../core/errors.ts";
import type { Principal } from "../core/job.ts";
import type { Log } from "../core/log.ts";
import { isLoopback } from "../core/loopback.ts";
import { OWNER, type Profile } from "../core/profile.ts";
import { type Ends, maybePeerUid } from "./peer.ts";
import { secretStamp } from "./secret_file.ts";
import { hasExpired, maybeRecord, readTokens, type TokenRecord } from "./tokens.ts";

/** Whom a certificate stands for. */
export interface CertificateHolder {
  /** The principal is called `cert:` and this. */
  readonly name: string;
  readonly profile: Profile;
}

/** What the admission obeys; read anew for each peer. */
export interface AdmissionOptions {
  /** Any peer without a token is `anyone`, with all that the server's own user may do. */
  readonly insecure: boolean;
  /** The token file. */
  readonly tokens: string;
  /** Finds the profile a token names. */
  readonly maybeProfile: (name: string) => Profile | undefined;
  /** Finds who shows this certificate; nobody who is not named in the configuration. */
  readonly maybeHolder: (certificate: PeerCertificate) => CertificateHolder | undefined;
  /** Profile of other peers of the rpy2 wire, which has no word for a token. @default {none} */
  readonly rpy2Profile?: string | undefined;
  readonly log: Log;
  /** Milliseconds since 1970, as tokens expire. @default {the system's clock} */
  readonly now?: () => number;
  /** Milliseconds on a clock that never goes back, as failures are counted. @default {the same} */
  readonly monotonic?: () => number;
  /** How long a refusal takes, in milliseconds. @default {100} */
  readonly refusalMs?: number;
}

/** What a peer speaks: the rpy2 wire cannot say more of it than its address. */
export type Wire = "native" | "rpy2";

/** A wrong guess costs at least this, whoever makes it. */
const REFUSAL_MS = 100;

/** So many refused tokens a minute are looked at and logged; beyond that none is. */
const FAILURES_MAX = 100;
const FAILURES_MS = 60_000;

/** One for all that is wrong with a token: which it is concerns the operator alone. */
const WRONG_TOKEN = "This token is not valid here: it is wrong, expired or revoked; " +
  "ask who runs the server for another (rtool token new)";

const UNKNOWN_CERTIFICATE = "This certificate is not admitted here; " +
  "ask who runs the server to name it ([certificate.NAME] in the configuration)";

/** Admits peers, and remembers how often it did not. */
export class Admission {
  readonly #options: AdmissionOptions;
  #records: readonly TokenRecord[] = [];
  #stamp = "";
  /** Refused tokens of this minute, and refusals of all kinds. */
  #failures = 0;
  #refusals = 0;
  #countedFrom = -Infinity;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Reads the token file, and throws what a server must not start with: a file that others can
   * read, and tokens whose profile there is not.
   */
  check(): void {
    this.#refresh();
    for (const { name, profile } of this.#records) {
      if (this.#options.maybeProfile(profile)) continue;
      throw new RtoolError(
        "bad_config",
        `Token '${name}' has the profile '${profile}', which the configuration has not`,
        { hint: `add [profile.${profile}], or: rtool token revoke ${name}` },
      );
    }
  }

  /** Whether there are tokens, as of when they were read. */
  get hasTokens(): boolean {
    return this.#records.length > 0;
  }

  /** Says who this peer is: a token comes before all else, and what is shown has to be good. */
  async admit(
    ends: Ends,
    token: string | undefined,
    wire: Wire = "native",
  ): Promise<Principal> {
    const startedAt = performance.now();
    try {
      if (token !== undefined) return this.#byToken(token, ends);
      if (ends.certificate) return this.#byCertificate(ends.certificate, ends);
      return this.#byPeer(ends, wire);
    } catch (error) {
      const rest = (this.#options.refusalMs ?? REFUSAL_MS) - (performance.now() - startedAt);
      // A timer may be a little early.
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, Math.ceil(rest) + 1)));
      throw error;
    }
  }

  #byPeer(ends: Ends, wire: Wire): Principal {
    const uid = isLoopback(ends.remote.hostname) ? maybePeerUid(ends) : undefined;
    const own = Deno.uid();
    if (uid !== undefined && uid === own) {
      return { name: `uid-${uid}`, local: true, profile: OWNER };
    }
    const { rpy2Profile } = this.#options;
    if (wire === "rpy2" && rpy2Profile !== undefined) {
      const profile = this.#options.maybeProfile(rpy2Profile);
      // A reload without it is not taken over.
      if (profile) return { name: "rpy2", local: false, profile };
    }
    if (this.#options.insecure) return { name: "anyone", local: false, profile: OWNER };
    const reason = uid === undefined ? "Cannot tell which user you are" : `You are user ${uid}`;
    this.#tell(ends, uid === undefined ? "no token, user unknown" : `no token, user ${uid}`);
    throw new RtoolError(
      "not_allowed",
      `${reason}; this server serves its own user (${own}) on this machine, and whoever has a ` +
        "token for it: give it with --token-file or RTOOL_TOKEN",
    );
  }

  #byCertificate(certificate: PeerCertificate, ends: Ends): Principal {
    const holder = this.#options.maybeHolder(certificate);
    if (holder) return { name: `cert:${holder.name}`, local: false, profile: holder.profile };
    const { name = "without a name", sha256 } = certificate;
    this.#tell(ends, `certificate ${name} is not admitted, sha256 ${sha256}`);
    throw new RtoolError("not_allowed", UNKNOWN_CERTIFICATE);
  }

  #byToken(token: string, ends: Ends): Principal {
    this.#count();
    const isSpent = this.#failures >= FAILURES_MAX;
    const reason = isSpent ? "too many failures" : this.#maybeAdmitted(token);
    if (typeof reason !== "string") return reason;
    this.#failures++;
    this.#tell(ends, reason);
    throw new RtoolError("not_allowed", WRONG_TOKEN);
  }

  /** The principal, or why there is none. */
  #maybeAdmitted(token: string): Principal | string {
    try {
      this.#refresh();
    } catch (error) {
      return toRtoolError(error).message;
    }
    const record = maybeRecord(this.#records, token);
    if (!record) return "wrong token";
    const { name } = record;
    if (hasExpired(record, (this.#options.now ?? Date.now)())) return `token ${name} has expired`;
    const profile = this.#options.maybeProfile(record.profile);
    if (!profile) return `token ${name} has a profile that is not there`;
    return { name: `token:${name}`, local: false, profile };
  }

  /** Begins a new minute when the last is over. */
  #count(): void {
    const now = (this.#options.monotonic ?? (() => performance.now()))();
    if (now - this.#countedFrom >= FAILURES_MS) {
      const count = this.#refusals - FAILURES_MAX;
      if (count > 0) this.#options.log.error("refusals not logged", { count });
      this.#failures = this.#refusals = 0;
      this.#countedFrom = now;
    }
  }

  /** Never the token. */
  #tell({ remote }: Ends, reason: string): void {
    this.#count();
    if (++this.#refusals > FAILURES_MAX) return;
    this.#options.log.info("refused", { peer: `${remote.hostname}:${remote.port}`, reason });
  }

  /** The file's state is asked for each time: a revoked token is refused at once. */
  #refresh(): void {
    const { tokens: path } = this.#options;
    const stamp = `${path} ${secretStamp(path)}`;
    if (stamp === this.#stamp) return;
    this.#stamp = ""; // What cannot be read now is tried again, and no old token holds till then.
    this.#records = [];
    this.#records = readTokens(path);
    this.#stamp = stamp;
  }
}
