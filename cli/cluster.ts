/**
 * `rtool cluster`: who serves a queue and what lies in it; the key that signs jobs.
 */

import { maybeSecret, whileLocked, writeSecret } from "../access/secret_file.ts";
import { generateKeyText, parseKeyText } from "../cluster/claim.ts";
import {
  askHosts,
  type HostReport,
  type QueueReport,
  reportQueue,
} from "../cluster/host_report.ts";
import { countText, sizeText, timeText } from "../core/units.ts";
import { clusterKeyPath } from "./cluster_access.ts";
import type { CommandEnd, Context } from "./context.ts";
import { openQueue } from "./open_queue.ts";
import { printJson, printText } from "./print.ts";
import { findSubcommand, refuseOperands } from "./subcommand.ts";
import { type Column, NOTHING, textTable } from "./text_table.ts";

const WORDS = ["show", "key"] as const;

/** Runs the command. */
export async function cluster(context: Context): Promise<CommandEnd> {
  const { operands } = context;
  const word = findSubcommand("cluster", operands[0], WORDS);
  refuseOperands(context, "cluster", word === "show" ? 1 : 2);
  switch (word) {
    case "show":
      return await show(context);
    case "key":
      return await showKey(operands[1] ?? clusterKeyPath(context.options, context.env), context);
    default:
      return word satisfies never;
  }
}

async function show(context: Context): Promise<CommandEnd> {
  await using opened = await openQueue(context);
  const json = context.options.flag("json");
  const [hosts, queue] = await Promise.all([
    askHosts(opened.queue, json),
    reportQueue(opened.queue),
  ]);
  if (json) return await printJson({ ...queue, hosts });
  return await printText(hostsTable(hosts) + queueLine(queue) + requiredLines(queue));
}

const COLUMNS: readonly Column[] = [
  { title: "HOST" },
  { title: "VERSION" },
  { title: "R" },
  { title: "LABELS" },
  { title: "JOBS", right: true },
  { title: "DONE", right: true },
  { title: "LOAD", right: true },
  { title: "CORES", right: true },
  { title: "FREE", right: true },
  { title: "MEMORY", right: true },
  { title: "PACKAGES", right: true },
  { title: "UP", right: true },
];

function hostsTable(hosts: readonly HostReport[]): string {
  return textTable(
    COLUMNS,
    hosts.map((each) => [
      each.host,
      each.software,
      each.r,
      each.labels.join(",") || NOTHING,
      `${each.running}/${each.places}`,
      String(each.done),
      each.load.toFixed(2),
      String(each.cores),
      sizeText(each.memory_free_bytes),
      sizeText(each.memory_bytes),
      each.packages === null ? NOTHING : String(each.packages),
      timeText(each.uptime_ms),
    ]),
  );
}

function queueLine({ queue, waiting, running, oldest_ms, dead, kept_bytes }: QueueReport): string {
  const oldest = oldest_ms === null ? "" : `; the oldest was sent ${timeText(oldest_ms)} ago`;
  return `queue ${queue}: ${waiting} waiting, ${running} running, ${dead} dead${oldest}; ` +
    `logs of ${sizeText(kept_bytes)}\n`;
}

function requiredLines({ required }: QueueReport): string {
  return required.map(({ require, jobs }) => {
    const [who, verb] = [countText(jobs, "job"), jobs === 1 ? "requires" : "require"];
    return `${who} ${verb} ${require.join(" and ")}\n`;
  }).join("");
}

/** Only the public half goes to stdout: it may be told to everybody. */
async function showKey(path: string, { say }: Context): Promise<CommandEnd> {
  const made = await generateKeyText();
  const text = whileLocked(path, () => {
    const known = maybeSecret(path);
    if (!known) writeSecret(path, made);
    return known?.text ?? made;
  });
  if (text === made) say(`made ${path}: copy it to every host of the cluster`);
  const { publicKey } = await parseKeyText(text, path);
  return await printText(`${publicKey}\n`);
}
