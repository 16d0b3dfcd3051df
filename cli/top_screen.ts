/**
 * What `rtool top` shows: reports as lines of text that fit a terminal.
 *
 * Knows reports. Must not know terminals.
 */

import type { Report, SessionReport } from "../core/report.ts";
import { reportLine, sessionsTable } from "./report_tables.ts";
import { NOTHING } from "./text_table.ts";

/** The order of the table: who works, who wants to, who rests. */
const STATES = ["busy", "stopping", "waiting", "idle", "empty"];

/** Turns reports into screens; remembers the last one to tell how much processor is used now. */
export class TopScreen {
  #before: Report | undefined;

  /** The lines for a report, cut to the terminal. */
  lines(report: Report, columns: number, rows: number): string[] {
    const before = this.#before;
    this.#before = report;
    const sessions = report.sessions.toSorted((a, b) => {
      return STATES.indexOf(a.state) - STATES.indexOf(b.state) ||
        (b.cpuMs ?? 0) - (a.cpuMs ?? 0);
    });
    const table = sessionsTable(sessions, (session) => cpuText(session, report, before));
    const lines = [reportLine(report), "", ...table.trimEnd().split("\n")];
    const shown = lines.slice(0, rows - 2);
    if (shown.length < lines.length) shown[shown.length - 1] = "...";
    return [...shown, "", "q leaves"].map((line) => line.slice(0, columns));
  }
}

/** Share of one processor since the report before. */
function cpuText(session: SessionReport, report: Report, before: Report | undefined): string {
  const last = before?.sessions.find(({ id, pid }) => id === session.id && pid === session.pid);
  const lastCpuMs = last?.cpuMs ?? null;
  const elapsedMs = report.uptimeMs - (before?.uptimeMs ?? 0);
  if (lastCpuMs === null || session.cpuMs === null || elapsedMs <= 0) return NOTHING;
  const share = Math.max(0, session.cpuMs - lastCpuMs) / elapsedMs;
  return `${Math.round(100 * share)} %`;
}
