/**
 * `deno task bench:tls`: rtool in plain text and under TLS, without and with a client's
 * certificate, in one run. Rounds take turns.
 */

import type { ClientTls } from "../client_dial.ts";
import { makeAuthority, makeClient, makeServer } from "../cli/make_certificates.ts";
import { compare, type Comparison } from "./compare.ts";
import { describeMachine } from "./machine.ts";
import { Rtool } from "./peers/rtool.ts";
import { formatReports } from "./report.ts";
import { expectBytes, milliseconds, repeat, timeCommand } from "./timing.ts";

const ROUNDS = 5;
const CONNECTS = 40;
const PROCESSES = 3;

/** Just below what one job may print, in pieces a pipe holds. */
const STREAM_BYTES = 64 * 10 ** 6;
const STREAM_CODE = "local({ x <- strrep('x', 64000L); for (i in 1:1000) cat(x) })";

/** One way to the same server, or to its twin under TLS. */
interface Way {
  readonly name: string;
  readonly rtool: Rtool;
  readonly tls?: ClientTls;
  /** Options of `rtool send`. */
  readonly options: readonly string[];
}

if (import.meta.main) await main();

async function main(): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "rtool-bench-tls-" });
  const validity = { from: Date.now() - 6e4, to: Date.now() + 864e5 };
  const authority = await makeAuthority("bench", validity);
  const server = await makeServer(authority, ["127.0.0.1"], validity);
  const client = await makeClient(authority, "bench", validity);
  for (const [name, { cert, key }] of Object.entries({ ca: authority, server, client })) {
    await Deno.writeTextFile(`${dir}/${name}.pem`, cert, { mode: 0o600 });
    await Deno.writeTextFile(`${dir}/${name}.key`, key, { mode: 0o600 });
  }
  await Deno.writeTextFile(`${dir}/config.toml`, '[certificate.bench]\nprofile = "default"\n');
  const files = ["--tls-cert", `${dir}/server.pem`, "--config", `${dir}/config.toml`];
  await using plain = await Rtool.start();
  await using secured = await Rtool.start("rtool, TLS", files);
  const authorities = [authority.cert];
  const trust = ["--tls-ca", `${dir}/ca.pem`];
  const shown = [...trust, "--tls-cert", `${dir}/client.pem`];
  const ways: readonly Way[] = [
    { name: "plain", rtool: plain, options: [] },
    { name: "TLS", rtool: secured, tls: { authorities, identity: undefined }, options: trust },
    { name: "certificate", rtool: secured, tls: { authorities, identity: client }, options: shown },
  ];
  const reports = [];
  for (const comparison of comparisons(ways)) reports.push(await compare(comparison));
  console.log(formatReports(reports, "markdown"));
  console.log(`\n${await describeMachine(plain.origin)}.`);
  await Deno.remove(dir, { recursive: true });
}

function comparisons(ways: readonly Way[]): Comparison[] {
  const each = (sample: (way: Way) => Promise<readonly number[]>) => {
    return ways.map((way) => ({ name: way.name, sample: () => sample(way) }));
  };
  const shared = { rounds: ROUNDS, budget: undefined };
  return [
    {
      ...shared,
      id: "connect",
      title: "connect + eval + close",
      unit: "ms",
      contenders: each((way) => repeat(CONNECTS, () => visit(way))),
    },
    {
      ...shared,
      id: "process",
      title: "rtool send, whole process",
      unit: "ms",
      contenders: each(async ({ rtool, options }) => {
        const command = rtool.sendCommand("1+1", options);
        const samples: number[] = [];
        for (let i = 0; i < PROCESSES; i++) samples.push(await timeCommand(command, "[1] 2\n"));
        return samples;
      }),
    },
    {
      ...shared,
      id: "output",
      title: "64 MB of cat() to the client",
      unit: "MB/s",
      contenders: each(async (way) => {
        using line = await way.rtool.connect(way.tls);
        const ms = await milliseconds(() => expectBytes(line, STREAM_CODE, STREAM_BYTES));
        return [STREAM_BYTES / ms / 1000];
      }),
    },
  ];
}

async function visit({ rtool, tls }: Way): Promise<void> {
  using line = await rtool.connect(tls);
  await expectBytes(line, "1+1", "[1] 2\n".length);
}
