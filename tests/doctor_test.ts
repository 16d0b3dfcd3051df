/**
 * `rtool doctor`: each check on a machine where all is well, and on one where it is not.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { asJson, asTable, examine } from "../cli/doctor.ts";
import { checkCertificates, checkTls } from "../cli/doctor_files.ts";
import type { FileFacts, Finding, Site } from "../cli/doctor_finding.ts";
import { SERVE } from "../cli/table_serve.ts";
import { Options, type RawValues } from "../core/options.ts";
import { RtoolError } from "../core/errors.ts";
import { SERVER, TlsPlace } from "./tls_place.ts";

/** A self-signed certificate of ninety days, whose key was never kept. */
const CERTIFICATE = await Deno.readTextFile(
  new URL("./certificates/self_signed.pem", import.meta.url),
);

/** Inside these days, and behind them. */
const VALID = Date.UTC(2026, 10, 25);
const LATER = Date.UTC(2027, 10, 25);

/** A limit may be raised up to the hard one. */
const LIMITS = `Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max file size             unlimited            unlimited            bytes
Max data size             1000                 unlimited            bytes
Max stack size            8388608              unlimited            bytes
Max processes             4000                 4000                 processes
Max open files            1024                 524288               files
Max address space         unlimited            unlimited            bytes
`;

const TEXTS: Readonly<Record<string, string>> = {
  "/proc/sys/user/max_user_namespaces": "1000\n",
  "/proc/sys/kernel/seccomp/actions_avail": "kill_process errno allow\n",
  "/sys/fs/cgroup/cgroup.controllers": "cpu memory pids\n",
  "/proc/self/limits": LIMITS,
  "/proc/self/cgroup": "0::/user.slice/rtool\n",
  "/home/u/.config/rtool/tls/server.pem": CERTIFICATE,
};

const FILE: FileFacts = { mode: 0o100600, uid: 1000, isDirectory: false };

const FILES: Readonly<Record<string, FileFacts>> = {
  "/home/u/.config/rtool/config.toml": FILE,
  "/home/u/.config/rtool/tokens.json": FILE,
  "/home/u/.config/rtool/tls/server.pem": { ...FILE, mode: 0o100644 },
  "/run/systemd/system": { ...FILE, isDirectory: true },
};

const HELD = ["read_passwords", "mount"].map((name) => ({ name, result: "held" }));

const R_SAYS = "|4|2.2|TRUE|TRUE|C.UTF-8";

/** A machine on which all is well. */
const WELL: Site = {
  os: "linux",
  uid: 1000,
  env: (name) => name === "HOME" ? "/home/u" : undefined,
  now: () => VALID,
  maybeText: (path) => TEXTS[path],
  maybeFile: (path) => FILES[path],
  list: (path) => path.endsWith("/tls") ? ["server.pem", "notes.txt"] : [],
  mayWrite: () => true,
  run: (program) => said(program === "df" ? "head\n/dev/x 9 1 99999999 1% /\n" : `${program} 1.0`),
  runR: () => said(R_SAYS),
  tryStateDir: () => ({ path: "/tmp", mode: 0o700 }),
  askPort: () => Promise.resolve({ kind: "free" }),
  tryConfined: () => Promise.resolve({ probes: HELD, problem: undefined }),
  tryAccess: () => Promise.resolve({ hasTokens: true, problem: undefined }),
  tryBroker: () => Promise.resolve(undefined),
  landlockAbi: () => 4,
  openFilesMax: () => 20_000,
};

Deno.test("on a machine where all is well every check says so", async () => {
  const findings = await look({});
  assertEquals(findings.filter(({ state }) => state !== "ok"), []);
  assertEquals(findings.map(({ what }) => what).sort(), [
    ...["Landlock", "R", "bubblewrap", "cairo", "cgroups", "clock", "configuration", "confined R"],
    ...["limits", "locale", "open files", "port", "prlimit", "rtool", "seccomp", "setpriv"],
    ...["state directory", "systemd", "tls/server.pem", "tokens", "user", "user namespaces"],
  ]);
  assertMatch(
    asTable(findings),
    /^rtool serve would work here as configured\n\nWHAT +STATE +FOUND\n/,
  );
});

const NO_PROFILE = new RtoolError("bad_config", "There is no such profile");
const AWAY = new RtoolError("cannot_connect", "Cannot connect to nats://h:4222: it is away");
const NO_STREAMS = new RtoolError("not_allowed", "The broker has no JetStream for us");
const NO_KEY = new RtoolError("bad_config", "Cannot read k: there is no such file");

const CONFINING: RawValues = {
  "serve.isolation": ["confined"],
  "serve.worker_user": ["rtool-worker"],
};

/** What is otherwise, the one finding that tells, and whether a server could not start. */
const FAULTS: readonly [what: string, found: RegExp, fatal: boolean, Partial<Site>, RawValues?][] =
  [
    ["R", /cannot run 'R'/, true, { runR: () => Promise.resolve(undefined) }],
    ["R", /libR/, true, { runR: () => said("", 127, "cannot find libR.so\nmore") }],
    ["R", /R 3.6.3/, true, { runR: () => said("|3|6.3|TRUE|TRUE|C.UTF-8") }],
    ["cairo", /without/, false, { runR: () => said("|4|2.2|FALSE|TRUE|C.UTF-8") }],
    ["locale", /^C$/, false, { runR: () => said("|4|2.2|TRUE|FALSE|C") }],
    ["port", /taken/, true, { askPort: () => Promise.resolve({ kind: "taken" }) }],
    ["port", /no such/, true, {
      askPort: () => Promise.resolve({ kind: "refused", reason: "no such address" }),
    }],
    ["port", /0\.0\.0\.0/, true, {}, { hostname: ["0.0.0.0"] }],
    ["metrics", /0\.0\.0\.0:9464/, true, {}, { "serve.metrics": ["0.0.0.0:9464"] }],
    ["metrics", /9464 is taken/, true, {
      askPort: (_, port) => Promise.resolve({ kind: port === 9464 ? "taken" : "free" }),
    }, { "serve.metrics": ["9464"] }],
    ["access", /no such profile/, true, {
      tryAccess: () => Promise.resolve({ hasTokens: false, problem: NO_PROFILE }),
    }],
    ["broker", /it is away/, false, { tryBroker: () => Promise.reject(AWAY) }],
    ["broker", /no JetStream/, false, { tryBroker: () => Promise.reject(NO_STREAMS) }],
    ["broker", /no such file/, true, { tryBroker: () => Promise.reject(NO_KEY) }],
    ["state directory", /read-only/, true, { tryStateDir: () => ({ problem: "read-only" }) }],
    ["state directory", /0755/, true, { tryStateDir: () => ({ path: "/tmp", mode: 0o755 }) }],
    ["state directory", /1 KiB free/, true, { run: () => said("head\n/dev/x 9 1 1 99% /\n") }],
    ["open files", /^256$/, false, { openFilesMax: () => 256 }],
    ["limits", /^file size 4096, cpu time 60$/, false, {
      maybeText: text("limits", limits({ "cpu time": "60 60", "file size": "4096 4096" })),
    }],
    ["limits", /^stack size 262144$/, false, {
      maybeText: text("limits", limits({ "stack size": "262144 unlimited" })),
    }],
    ["user", /^root$/, false, { uid: 0, maybeFile: without("/home/u/.config/rtool/tokens.json") }],
    ["clock", /1970/, false, { now: () => 0, list: () => [] }],
    ["configuration", /write/, false, { maybeFile: shared("config.toml", 0o622) }],
    ["configuration", /read/, false, {
      maybeFile: shared("config.toml", 0o644),
      maybeText: (path) => path.endsWith(".toml") ? 'password = "x"' : TEXTS[path],
    }],
    ["tokens", /no /, false, { maybeFile: without("/home/u/.config/rtool/tokens.json") }],
    ["tokens", /others/, true, { maybeFile: shared("tokens.json", 0o640) }],
    ["tokens", /user 1000/, true, { uid: 1001 }],
    ["tls/server.pem", /expired \d+ days ago/, false, { now: () => LATER }],
    ["tls/server.pem", /not valid before/, false, { now: () => Date.UTC(2026, 0) }],
    ["tls/server.pem", /cannot be read/, false, { maybeText: withoutText(".pem") }],
    ["bubblewrap", /not on PATH/, false, { run: refusing("bwrap") }],
    ["bubblewrap", /No permissions/, false, {
      run: (program, [first]) => {
        if (program !== "bwrap" || first === "--version") return WELL.run(program, []);
        return said("", 1, "bwrap: No permissions to create new namespace");
      },
    }],
    ["bubblewrap", /0\.7\.9 is too old/, false, { run: versions("bwrap", "bubblewrap 0.7.9") }],
    ["confined R", /there is no bubblewrap/, false, { tryConfined: refused([]) }],
    ["confined R", /there is no bubblewrap/, true, { tryConfined: refused([]) }, CONFINING],
    ["confined R", /there is no bubblewrap/, true, { tryConfined: refused([]) }, {
      "profile.ci.isolation": ["confined"],
    }],
    ["user namespaces", /max_user_namespaces=0/, false, { maybeText: text("max_user", "0\n") }],
    ["user namespaces", /apparmor/, false, { maybeText: text("apparmor", "1\n") }],
    ["user namespaces", /none/, false, { maybeText: withoutText("max_user_namespaces") }],
    ["seccomp", /no filters/, false, { maybeText: withoutText("actions_avail") }],
    ["cgroups", /version 1/, false, { maybeText: withoutText("cgroup.controllers") }],
    ["cgroups", /not delegated/, false, { mayWrite: () => false }],
    ["Landlock", /none/, false, { landlockAbi: () => -1 }],
    ["setpriv", /not on PATH/, false, { run: refusing("setpriv") }],
    ["prlimit", /not on PATH/, false, { run: refusing("prlimit") }],
    ["systemd", /does not run/, false, { maybeFile: without("/run/systemd/system") }],
  ];

for (const [what, found, isFatal, otherwise, file] of FAULTS) {
  Deno.test(`the check of ${what} tells ${found.source}, and what to do about it`, async () => {
    const bad = (await look(otherwise, file)).filter(({ state }) => state !== "ok");
    const [finding] = bad.filter((each) => each.what === what);
    assert(finding, JSON.stringify(bad));
    assertMatch(finding.found, found);
    assert(finding.meaning !== "" && finding.advice !== "");
    assertEquals(finding.fatal, isFatal);
    assertEquals(JSON.parse(asJson(bad)).ok, !bad.some(({ fatal }) => fatal));
  });
}

Deno.test("each probe's result is told as JSON, and how many were tried in the table", async () => {
  const confined = async (results: readonly string[]) => {
    const probes = results.map((result, index) => ({ name: `probe_${index}`, result }));
    const tryConfined = () => Promise.resolve({ probes, problem: undefined });
    return (await look({ tryConfined })).find(({ what }) => what === "confined R")!;
  };
  const [whole, part] = [
    await confined(["held", "held"]),
    await confined(["held", "held", "not tried"]),
  ];
  assertEquals(whole.found, "2 ways out tried, all shut");
  assertEquals(part.found, "2 ways out tried, all shut; 1 could not be tried");
  const { checks } = JSON.parse(asJson([part]));
  assertEquals(checks[0].probes[2], { name: "probe_2", result: "not tried" });
});

Deno.test("a sandbox that R gets out of is broken, one that cannot be had is missing", async () => {
  const state = async (results: readonly string[]) => {
    const findings = await look({ tryConfined: refused(results) }, CONFINING);
    return findings.find(({ what }) => what === "confined R")!.state;
  };
  assertEquals(await state(["held", "got out"]), "broken");
  assertEquals(await state([]), "missing");
});

Deno.test("a root that confines R to another user is well", async () => {
  const maybeFile = without("/home/u/.config/rtool/tokens.json");
  const findings = await look({ uid: 0, maybeFile }, CONFINING);
  const user = findings.find(({ what }) => what === "user")!;
  assertEquals([user.state, user.found], ["ok", "root; R runs as rtool-worker"]);
});

Deno.test("an rtool at the port is told by its version, and is no fault", async () => {
  const findings = await look({
    askPort: () => Promise.resolve({ kind: "rtool", software: "rtool 0.0.9" }),
  });
  const port = findings.find(({ what }) => what === "port");
  assertEquals(port?.state, "ok");
  assertStringIncludes(port?.found ?? "", "rtool 0.0.9");
});

Deno.test("under TLS, and with somebody to let in, a server may listen beyond this machine", async () => {
  using whole = new TlsPlace();
  using alone = new TlsPlace();
  const [trusting, plain] = [whole.serverFiles().cert, alone.write("server", SERVER)];
  const port = async (cert: string, hasTokens: boolean) => {
    const tryAccess = () => Promise.resolve({ hasTokens, problem: undefined });
    const file = { hostname: ["0.0.0.0"], "serve.tls_cert": [cert] };
    const findings = await look({ tryAccess, now: Date.now }, file);
    return findings.find(({ what }) => what === "port")!;
  };
  assertEquals((await port(plain, true)).state, "ok");
  assertEquals((await port(trusting, false)).state, "ok");
  const nobody = await port(plain, false);
  assertEquals([nobody.fatal, /rtool token new/.test(nobody.advice)], [true, true]);
});

Deno.test("a broker that takes us is told by its version, and whether it has the queue", async () => {
  const broker = async (isThere: boolean) => {
    const trial = { software: "nats-server 2.9.10", queue: "main", isThere };
    const findings = await look({ tryBroker: () => Promise.resolve(trial) }, {
      "cluster.urls": ["nats://h:4222"],
    });
    return findings.find(({ what }) => what === "broker")!;
  };
  assertEquals((await broker(true)).found, "nats-server 2.9.10 at nats://h:4222, main is there");
  const unmade = await broker(false);
  assertEquals([unmade.state, /main will be made$/.test(unmade.found)], ["ok", true]);
});

Deno.test("a configuration that cannot be used comes first, and the rest is checked all the same", async () => {
  const problem = new RtoolError("bad_config", "Cannot use x.toml: 2 problems\nmore\x1b[31m");
  const findings = await examine(WELL, options({}), { path: "x.toml", problem });
  assertMatch(
    asTable(findings),
    /^rtool serve would not work: configuration: Cannot use x.toml: 2 problems\n/,
  );
  assertEquals(findings.filter(({ state }) => state !== "ok").length, 1);
});

Deno.test("a check that fails itself is a finding, whatever it was that threw", async () => {
  const fail = () => {
    throw new TypeError("out of order\n\x1b[2J");
  };
  const broken = Object.fromEntries(
    Object.keys(WELL).map((name) => [name, name === "os" || name === "uid" ? WELL[name] : fail]),
  ) as unknown as Site;
  const findings = await examine(broken, options({}), { path: "/x", problem: undefined });
  assert(findings.length >= 15);
  const table = asTable(findings);
  // deno-lint-ignore no-control-regex
  assert(!/[\x00-\x09\x0b-\x1f]/.test(table));
  assertStringIncludes(table, "could not be checked");
});

Deno.test("a key that others can read and a certificate that is none are told", () => {
  const key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
  const at = (content: string, mode: number) =>
    checkCertificates({
      ...WELL,
      list: () => ["server.key", "notes.txt"],
      maybeText: () => content,
      maybeFile: () => ({ ...FILE, mode }),
    }, "/tls");
  assertMatch(at(key, 0o644)[0]!.found, /others can read this key/);
  assertEquals(at(key, 0o600)[0]!.state, "ok");
  const nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  assertEquals(at(nonsense, 0o600)[0]!.state, "broken");
});

function options(file: RawValues): Options {
  return new Options(SERVE.options, {}, {}, file);
}

function look(otherwise: Partial<Site>, file: RawValues = {}): Promise<Finding[]> {
  const config = { path: "/home/u/.config/rtool/config.toml", problem: undefined };
  return examine({ ...WELL, ...otherwise }, options(file), config);
}

function said(stdout: string, code = 0, stderr = "") {
  return Promise.resolve({ code, stdout, stderr });
}

/** The limits, some of them otherwise: soft and hard. */
function limits(otherwise: Readonly<Record<string, string>>): string {
  return Object.entries(otherwise).reduce((text, [name, values]) => {
    return text.replace(new RegExp(`(Max ${name} +).*`), `$1${values.replace(" ", "     ")} bytes`);
  }, LIMITS);
}

function refused(results: readonly string[]): Site["tryConfined"] {
  const probes = results.map((result) => ({ name: "mount", result }));
  const problem = new RtoolError("bad_config", "Cannot confine R: there is no bubblewrap", {
    hint: "install it",
  });
  return () => Promise.resolve({ probes, problem });
}

function versions(name: string, version: string): Site["run"] {
  return (program) => program === name ? said(version) : WELL.run(program, []);
}

function without(gone: string): Site["maybeFile"] {
  return (path) => path === gone ? undefined : FILES[path];
}

function shared(name: string, mode: number): Site["maybeFile"] {
  return (path) => path.endsWith(name) ? { ...FILE, mode } : FILES[path];
}

function withoutText(part: string): Site["maybeText"] {
  return (path) => path.includes(part) ? undefined : TEXTS[path];
}

function text(part: string, content: string): Site["maybeText"] {
  return (path) => path.includes(part) ? content : TEXTS[path];
}

function refusing(name: string): Site["run"] {
  return (program) => program === name ? Promise.resolve(undefined) : WELL.run(program, []);
}

Deno.test("a certificate a server would not start with ends the verdict, and one it would has its end", () => {
  using place = new TlsPlace();
  const { cert } = place.serverFiles();
  const served = new Options(SERVE.options, { "tls-cert": [cert] }, {}, {});
  const [good] = checkTls({ ...WELL, now: Date.now }, served);
  assertEquals(good?.state, "ok");
  assertStringIncludes(good!.found, "expires 20");
  const [old] = checkTls({ ...WELL, now: () => Date.now() + 90 * 864e5 }, served);
  assertEquals([old?.state, old?.fatal], ["broken", true]);
  const absent = checkTls(
    { ...WELL, now: Date.now },
    new Options(SERVE.options, { "tls-cert": ["/none.pem"] }, {}, {}),
  );
  assertEquals(absent[0]?.fatal, true);
  assertEquals(checkTls({ ...WELL, now: Date.now }, new Options(SERVE.options, {}, {}, {})), []);
});
