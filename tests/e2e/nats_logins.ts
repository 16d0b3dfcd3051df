/**
 * Ways into a broker, the right one and a wrong one of each, with the broker's configuration.
 */

import { nkeys } from "@nats-io/nats-core";

type KeyPair = ReturnType<typeof nkeys.createUser>;

/** A way in, as options of rtool. */
export interface Way {
  readonly right: readonly string[];
  readonly wrong: readonly (readonly [login: readonly string[], why: RegExp])[];
}

/** A broker's configuration, and the ways into it. */
export interface Entrance {
  readonly config: string;
  readonly ways: readonly Way[];
  /** What nobody may come to see. */
  readonly secrets: readonly string[];
}

/** Writes a secret as rtool wants it; its path. */
export function secretFile(dir: string, name: string, text: string): string {
  const path = `${dir}/${name}`;
  Deno.writeTextFileSync(path, text, { mode: 0o600 });
  return path;
}

/** Users with passwords and with nkeys; one of them may not ask anything of JetStream. */
export function userEntrance(dir: string): Entrance {
  const [known, unknown] = [nkeys.createUser(), nkeys.createUser()];
  const seeds = [known, unknown].map(seedOf) as [string, string];
  const right = secretFile(dir, "password", "right-secret\n");
  const wrong = secretFile(dir, "wrong-password", "wrong-secret\n");
  const named = (user: string, file: string) => {
    return ["--nats-user", user, "--nats-password-file", file];
  };
  const seed = (name: string, text: string) => ["--nats-nkey-file", secretFile(dir, name, text)];
  return {
    config: `authorization { users: [
      { user: ann, password: "right-secret" }
      { user: bob, password: "right-secret", permissions: { publish: "rtool.>" } }
      { nkey: ${known.getPublicKey()} }
    ] }`,
    ways: [
      {
        right: named("ann", right),
        wrong: [
          [named("ann", wrong), /refuses user 'ann' or the password/],
          [[], /wants to know who we are/],
          [named("bob", right), /does not let us publish to \$JS\.API\./],
        ],
      },
      {
        right: seed("seed", seeds[0]),
        wrong: [[seed("wrong-seed", seeds[1]), /refuses our nkey/]],
      },
    ],
    secrets: ["right-secret", "wrong-secret", ...seeds],
  };
}

/** A token that all share. */
export function tokenEntrance(dir: string): Entrance {
  const file = (name: string, token: string) => {
    return ["--nats-token-file", secretFile(dir, name, `${token}\n`)];
  };
  return {
    config: 'authorization { token: "right-secret" }',
    ways: [{
      right: file("token", "right-secret"),
      wrong: [[file("wrong-token", "wrong-secret"), /refuses our token/]],
    }],
    secrets: ["right-secret", "wrong-secret"],
  };
}

const UNLIMITED = { subs: -1, data: -1, payload: -1 };
const ACCOUNT_LIMITS = {
  ...UNLIMITED,
  ...{ imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 },
};
const STREAM_LIMITS = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };

/** Credentials: an operator has signed an account, and that its users. */
export function credentialsEntrance(dir: string): Entrance {
  const operator = nkeys.createOperator();
  // The broker's own is that of JetStream itself.
  const [account, own, other] = Array.from({ length: 3 }, () => nkeys.createAccount()) as [
    ...[KeyPair, KeyPair, KeyPair],
  ];
  const user = (name: string, by: KeyPair, more: object = {}) => {
    const pair = nkeys.createUser();
    const nats = { ...UNLIMITED, type: "user", version: 2, pub: {}, sub: {} };
    const jwt = signed(by, pair, { ...more, nats });
    const text = credentialsText(jwt, seedOf(pair));
    return { file: ["--nats-credentials", secretFile(dir, name, text)], seed: seedOf(pair) };
  };
  const granted = user("creds", account);
  const expired = user("expired.creds", account, { exp: Math.floor(Date.now() / 1000) - 60 });
  const foreign = user("foreign.creds", other);
  const preloaded = [[account, STREAM_LIMITS], [own, {}]] as const;
  const accounts = preloaded.map(([pair, more]) => {
    const nats = { limits: { ...ACCOUNT_LIMITS, ...more }, type: "account", version: 2 };
    return `${pair.getPublicKey()}: ${signed(operator, pair, { nats })}`;
  });
  return {
    config: `operator: ${signed(operator, operator, { nats: { type: "operator", version: 2 } })}
      system_account: ${own.getPublicKey()}
      resolver: MEMORY
      resolver_preload: { ${accounts.join("\n")} }`,
    ways: [{
      right: granted.file,
      wrong: [
        [expired.file, /our credentials expired at \d{4}-/],
        [foreign.file, /refuses our credentials/],
      ],
    }],
    secrets: [granted.seed, expired.seed, foreign.seed],
  };
}

function seedOf(pair: KeyPair): string {
  return new TextDecoder().decode(pair.getSeed());
}

/** A JWT as NATS has them: Ed25519, in its own header. */
function signed(by: KeyPair, subject: KeyPair, claims: object): string {
  const base64 = (bytes: Uint8Array) => {
    return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
  };
  const part = (value: object) => base64(new TextEncoder().encode(JSON.stringify(value)));
  const head = part({ typ: "JWT", alg: "ed25519-nkey" });
  const body = part({
    ...{ jti: crypto.randomUUID(), iat: Math.floor(Date.now() / 1000) - 120, name: "test" },
    ...{ iss: by.getPublicKey(), sub: subject.getPublicKey() },
    ...claims,
  });
  return `${head}.${body}.${base64(by.sign(new TextEncoder().encode(`${head}.${body}`)))}`;
}

/** As `nsc generate creds` words it. */
function credentialsText(jwt: string, seed: string): string {
  return `-----BEGIN NATS USER JWT-----
${jwt}
------END NATS USER JWT------

************************* IMPORTANT *************************
NKEY Seed printed below can be used to sign and prove identity.
NKEYs are sensitive and should be treated as secrets.

-----BEGIN USER NKEY SEED-----
${seed}
------END USER NKEY SEED------

*************************************************************
`;
}
