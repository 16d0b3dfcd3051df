/**
 * `rtool tls`: makes and lists certificates.
 *
 * Must not know servers: they read the files themselves.
 */

import { createHash, X509Certificate } from "node:crypto";
import { keyBeside, readCertificates, readPrivateKey } from "../access/pem_file.ts";
import { writeSecret } from "../access/secret_file.ts";
import { CERTIFICATE_NAME_HINT, isCertificateName } from "../core/certificate.ts";
import { RtoolError } from "../core/errors.ts";
import { exists } from "../core/path_state.ts";
import type { CommandEnd, Context } from "./context.ts";
import { lifeMs, minuteOf } from "./life.ts";
import type { CertificatePair, Validity } from "./make_certificates.ts";
import { printJson, printText } from "./print.ts";
import { findSubcommand, refuseOperands } from "./subcommand.ts";
import { NOTHING, textTable } from "./text_table.ts";
import { AUTHORITY, SERVER, tlsDir } from "./tls_files.ts";

const WORDS = ["list", "init", "server", "client"] as const;

/** An authority lives ten years: all it has signed ends with it. */
const AUTHORITY_MS = 3650 * 864e5;

/** Clocks differ: what is made now shall hold on a machine that is a little behind. */
const CLOCK_SLACK_MS = 5 * 60_000;

/** By these names every server is reached from its own machine. */
const LOCAL_HOSTS = ["localhost", "127.0.0.1", "::1"];

/** A name of DNS, with a `*` for its first part at most; or, with colons, an IPv6 address. */
const HOST = /^(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}\.?)*$|^[0-9A-Fa-f:.]{2,45}$/;

/** A pair and what its files are called, without the ending. */
type Made = readonly (readonly [base: string, pair: CertificatePair])[];

/** Runs the command. */
export async function tls(context: Context): Promise<CommandEnd> {
  const { options, operands, env } = context;
  const word = findSubcommand("tls", operands[0], WORDS);
  refuseOperands(context, "tls", word === "client" ? 2 : 1);
  const dir = options.maybeText("dir") ?? tlsDir(env);
  if (word === "list") return await list(dir, context);
  refuseHosts(options.list("name"), word);
  const name = word === "client" ? clientName(operands[1]) : SERVER;
  const targets = word === "init" ? [AUTHORITY, SERVER] : [name];
  refuseExisting(dir, targets, options.flag("force"));
  const now = Date.now();
  const validity = { from: now - CLOCK_SLACK_MS, to: now + lifeMs(options.text("expires")) };
  const made = await make(dir, word, name, hostsOf(context), validity);
  const files = write(dir, made);
  explain(word, name, context);
  return await (options.flag("json")
    ? printJson({ files })
    : printText(files.map((path) => `${path}\n`).join("")));
}

async function make(
  dir: string,
  word: "init" | "server" | "client",
  name: string,
  hosts: readonly [string, ...string[]],
  validity: Validity,
): Promise<Made> {
  const { makeAuthority, makeClient, makeServer } = await import("./make_certificates.ts");
  if (word === "init") {
    const end = Math.max(validity.to, validity.from + AUTHORITY_MS);
    const authority = await makeAuthority(`rtool ${hosts[0]}`, { ...validity, to: end });
    return [[AUTHORITY, authority], [SERVER, await makeServer(authority, hosts, validity)]];
  }
  const authority = await readAuthority(dir);
  const pair = word === "server"
    ? await makeServer(authority, hosts, validity)
    : await makeClient(authority, name, validity);
  return [[name, pair]];
}

async function readAuthority(dir: string): Promise<CertificatePair> {
  const path = `${dir}/${AUTHORITY}.pem`;
  if (!exists(path)) {
    throw new RtoolError("bad_config", `Cannot sign: there is no ${path}`, {
      hint: "make it with: rtool tls init",
    });
  }
  const pair = { cert: readCertificates(path)[0], key: readPrivateKey(keyBeside(path)) };
  const { isPair } = await import("./make_certificates.ts");
  if (await isPair(pair).catch(() => false)) return pair;
  throw new RtoolError("bad_config", `Cannot sign: ${keyBeside(path)} is not the key of ${path}`);
}

function clientName(name: string | undefined): string {
  if (name === undefined) {
    throw new RtoolError("usage", "Whose certificate is it to make?", {
      hint: "rtool tls client NAME",
    });
  }
  if (isCertificateName(name)) return name;
  throw new RtoolError("usage", `Cannot name a certificate ${JSON.stringify(name.slice(0, 80))}`, {
    hint: CERTIFICATE_NAME_HINT,
  });
}

function refuseHosts(hosts: readonly string[], word: string): void {
  if (hosts.length > 0 && word === "client") {
    throw new RtoolError("usage", "Option --name belongs to 'rtool tls init' and 'tls server'");
  }
  const odd = hosts.find((host) => !HOST.test(host) || host.length > 253);
  if (odd === undefined) return;
  throw new RtoolError("usage", `Cannot use --name ${JSON.stringify(odd.slice(0, 80))}`, {
    hint: "it is a name such as r.example.org, or an address",
  });
}

/** The machine's own name first: that is what the certificate is called. */
function hostsOf({ options }: Context): readonly [string, ...string[]] {
  const given = options.list("name");
  const own = HOST.test(Deno.hostname()) ? [Deno.hostname()] : [];
  const [first = "localhost", ...more] = new Set([...given, ...own, ...LOCAL_HOSTS]);
  return [first, ...more];
}

/** All are looked at before the first is written. */
function refuseExisting(dir: string, bases: readonly string[], force: boolean): void {
  const paths = bases.flatMap((base) => [`${dir}/${base}.pem`, `${dir}/${base}.key`]);
  const found = force ? undefined : paths.find(exists);
  if (found === undefined) return;
  throw new RtoolError("unwritable_output", `Cannot make ${found}: it is there already`, {
    hint: "replace it with --force; what a replaced ca.pem has signed is no longer trusted",
  });
}

/** Certificates are for everybody, but nobody is hurt when they are not. */
function write(dir: string, made: Made): string[] {
  try {
    Deno.mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RtoolError("unwritable_output", `Cannot make ${dir}: ${why}`, { cause });
  }
  return made.flatMap(([base, { cert, key }]) => {
    const path = `${dir}/${base}.pem`;
    writeSecret(keyBeside(path), key);
    writeSecret(path, cert);
    return [path, keyBeside(path)];
  });
}

function explain(word: "init" | "server" | "client", name: string, { say }: Context): void {
  if (word === "init") {
    say("serve with --tls; clients need ca.pem, and what rtool tls client NAME makes for each");
    say("keep ca.key: whoever has it can make certificates this server trusts");
  } else if (word === "server") {
    say("a running server reads it at SIGHUP");
  } else {
    const file = `${name}.pem`;
    say(`clients show it with --tls-cert ${file}; --tls-ca ca.pem says whom they trust`);
    say(`it is admitted once [certificate.${name}] of the configuration names a profile`);
  }
}

async function list(dir: string, { options }: Context): Promise<CommandEnd> {
  const now = Date.now();
  const { kindOf } = await import("./make_certificates.ts");
  const rows = namesOf(dir).map((name) => {
    const pem = readCertificates(`${dir}/${name}`)[0];
    const certificate = new X509Certificate(pem);
    const ends = Date.parse(certificate.validTo);
    return {
      file: name,
      kind: kindOf(pem),
      names: certificate.subjectAltName?.replace(/(DNS|IP Address):/g, "") ?? null,
      expires_at: new Date(ends).toISOString(),
      state: ends < now ? "expired" : "valid",
      sha256: createHash("sha256").update(certificate.raw).digest("hex"),
    };
  });
  if (options.flag("json")) return await printJson(rows);
  const titles = ["FILE", "KIND", "NAMES", "EXPIRES", "STATE", "SHA256"];
  const cells = rows.map(({ file, kind, names, expires_at: expires, state, sha256 }) => {
    return [file, kind, names ?? NOTHING, minuteOf(expires), state, sha256];
  });
  return await printText(textTable(titles.map((title) => ({ title })), cells));
}

function namesOf(dir: string): string[] {
  if (!exists(dir)) return [];
  return [...Deno.readDirSync(dir)].map(({ name }) => name)
    .filter((name) => name.endsWith(".pem")).sort();
}
