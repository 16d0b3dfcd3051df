/**
 * `rtool sessions`: which sessions there are, and what can be done to one.
 */

import { RtoolError } from "../core/errors.ts";
import type { ControlCommand } from "../core/report.ts";
import { sessionFields } from "../messages_report.ts";
import { connectToJobs } from "./connection.ts";
import type { CommandEnd, Context } from "./context.ts";
import { printJson, printText } from "./print.ts";
import { hostedTable, sessionsTable } from "./report_tables.ts";
import { findSubcommand, refuseOperands } from "./subcommand.ts";

const WORDS = ["list", "kill", "interrupt", "reset", "recycle"] as const;

/** Runs the command. */
export async function sessions(context: Context): Promise<CommandEnd> {
  const { options } = context;
  const command = readCommand(context);
  const json = options.flag("json");
  if (options.list("nats").length === 0 && options.maybeText("queue") !== undefined) {
    throw new RtoolError("usage", "--queue needs --nats URL: a server tells of its own sessions");
  }
  await using client = await connectToJobs(context);
  if (command) {
    const message = await client.control(command);
    return await (json ? printJson({ message }) : printText(`${message}\n`));
  }
  if (client.sessions) {
    const hosted = await client.sessions();
    const fields = hosted.map((each) => ({ host: each.host, ...sessionFields(each) }));
    return await (json ? printJson(fields) : printText(hostedTable(hosted)));
  }
  const { sessions } = await client.report();
  return await (json ? printJson(sessions.map(sessionFields)) : printText(sessionsTable(sessions)));
}

/** What is to be done; `undefined` when the sessions are to be listed. */
function readCommand(context: Context): ControlCommand | undefined {
  const [given, session] = context.operands;
  const kind = findSubcommand("sessions", given, WORDS);
  switch (kind) {
    case "list":
    case "recycle":
      refuseOperands(context, "sessions", 1);
      return kind === "list" ? undefined : { kind };
    case "kill":
    case "interrupt":
    case "reset":
      refuseOperands(context, "sessions", 2);
      if (session !== undefined) return { kind, session };
      throw new RtoolError("usage", `Which session is it to ${kind}?`, {
        hint: `rtool sessions ${kind} NAME; see: rtool sessions`,
      });
    default:
      return kind satisfies never;
  }
}
