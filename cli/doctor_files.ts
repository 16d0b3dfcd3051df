/**
 * Checks of files that hold secrets or decide what is run: who may use them, and until when.
 */

import { X509Certificate } from "node:crypto";
import { TlsContext } from "../access/tls_context.ts";
import { toRtoolError } from "../core/errors.ts";
import type { Options } from "../core/options.ts";
import { type AccessTrial, fatal, type Finding, firstLine } from "./doctor_finding.ts";
import { lacking, ok, type Site } from "./doctor_finding.ts";
import type { OpenTls } from "./serve.ts";
import { maybeServerFiles } from "./tls_files.ts";

const OTHERS_READ_OR_WRITE = 0o066;
const OTHERS_WRITE = 0o022;
const DAY_MS = 86_400_000;

/** A certificate that ends sooner is worth a word. */
const SOON_DAYS = 30;

/** What in a configuration file would be a secret. */
const SECRET = /rtool_[A-Za-z0-9_-]{20,}|^\s*\w*(password|secret)\w*\s*=/im;

/** The configuration file: `problem` is what is wrong with what it says. */
export function checkConfig(site: Site, path: string, problem: unknown): Finding {
  const what = "configuration";
  if (problem !== undefined) {
    const { message } = toRtoolError(problem);
    const meaning = "the server does not start with it";
    return fatal(what, "broken", firstLine(message), meaning, "rtool config check tells all");
  }
  const file = site.maybeFile(path);
  if (!file) return ok(what, `${path}: there is none, the defaults hold`);
  if ((file.mode & OTHERS_WRITE) !== 0) {
    const meaning = "others decide what this server runs";
    return lacking(what, "broken", `others can write ${path}`, meaning, `chmod go-w ${path}`);
  }
  if ((file.mode & OTHERS_READ_OR_WRITE) !== 0 && SECRET.test(site.maybeText(path) ?? "")) {
    const meaning = "it holds a secret";
    return lacking(what, "broken", `others can read ${path}`, meaning, `chmod 600 ${path}`);
  }
  return ok(what, path);
}

/** Who is let in: the token file, and what the configuration says of profiles. */
export function checkAccess(site: Site, tokens: string, { problem }: AccessTrial): Finding[] {
  const found = checkTokens(site, tokens);
  if (found.fatal || problem === undefined) return [found];
  const { message, hint = "rtool config check tells more" } = toRtoolError(problem);
  return [found, fatal("access", "broken", message, "the server does not start", hint)];
}

function checkTokens(site: Site, path: string): Finding {
  const file = site.maybeFile(path);
  if (!file) {
    const meaning = "only the server's own user is served";
    return lacking("tokens", "missing", `no ${path}`, meaning, "rtool token new NAME makes one");
  }
  if ((file.mode & OTHERS_READ_OR_WRITE) !== 0) {
    const meaning = "the server does not start";
    return fatal("tokens", "broken", `others can use ${path}`, meaning, `chmod 600 ${path}`);
  }
  if (site.uid !== null && file.uid !== site.uid) {
    const found = `${path} belongs to user ${file.uid}`;
    return fatal("tokens", "broken", found, "the server does not start", "let it be yours");
  }
  return ok("tokens", path);
}

/** Whether others could be let in under TLS; what is wrong with its files, another check tells. */
export function openTls(site: Site, options: Options, { hasTokens }: AccessTrial): OpenTls {
  try {
    const files = maybeServerFiles(options, site.env);
    return files && { hasCredentials: files.ca !== undefined || hasTokens };
  } catch {
    return { hasCredentials: true };
  }
}

/** Certificates and their keys: `*.pem` and `*.key` of a directory. */
export function checkCertificates(site: Site, dir: string): Finding[] {
  const names = site.list(dir).filter((name) => /\.(?:pem|key)$/.test(name)).sort();
  return names.map((name) => checkPem(site, `tls/${name}`, `${dir}/${name}`));
}

/** What a server would do with its certificate: the very same is done here. */
export function checkTls(site: Site, options: Options): Finding[] {
  try {
    const files = maybeServerFiles(options, site.env);
    if (!files) return [];
    using context = new TlsContext(files, site.now());
    return [ok("TLS", `${files.cert}, expires ${context.validTo}`)];
  } catch (error) {
    const { message, hint = "rtool tls init makes another" } = toRtoolError(error);
    return [fatal("TLS", "broken", message, "the server does not start", hint)];
  }
}

function checkPem(site: Site, what: string, path: string): Finding {
  const text = site.maybeText(path);
  if (text === undefined) {
    return lacking(what, "broken", "cannot be read", "TLS cannot be used", `chmod u+r ${path}`);
  }
  const isShared = ((site.maybeFile(path)?.mode ?? 0) & OTHERS_READ_OR_WRITE) !== 0;
  if (text.includes("PRIVATE KEY-----") && isShared) {
    const meaning = "others can pass for its owner";
    return lacking(what, "broken", "others can read this key", meaning, `chmod 600 ${path}`);
  }
  if (!text.includes("-----BEGIN CERTIFICATE-----")) return ok(what, "a key");
  try {
    return checkDates(site, what, new X509Certificate(text));
  } catch (error) {
    const said = firstLine(String(error));
    return lacking(what, "broken", said, "TLS cannot be used", "rtool tls init makes another");
  }
}

function checkDates(site: Site, what: string, { validFrom, validTo }: X509Certificate): Finding {
  const days = Math.floor((Date.parse(validTo) - site.now()) / DAY_MS);
  const advice = "make another, and send the server SIGHUP";
  const refused = "clients refuse it";
  if (days < 0) return lacking(what, "broken", `expired ${-days} days ago`, refused, advice);
  if (Date.parse(validFrom) > site.now()) {
    return lacking(what, "broken", `not valid before ${validFrom}`, refused, "look at the clock");
  }
  const note = days < SOON_DAYS ? ": make another soon" : "";
  return ok(what, `a certificate, expires in ${days} days${note}`);
}
