/**
 * What the server's own process uses, under the names every Prometheus client has for it.
 */

import process from "node:process";
import type { Page } from "./page.ts";

/** Writes down what the system tells; what it does not tell is left out. */
export function tellProcess(page: Page): void {
  const { user, system } = process.cpuUsage();
  page.set("process_cpu_seconds_total", (user + system) / 1e6, {});
  page.set("process_resident_memory_bytes", Deno.memoryUsage().rss, {});
  page.set("process_start_time_seconds", Math.round(performance.timeOrigin) / 1000, {});
  page.set("process_open_fds", maybeOpenFiles(), {});
}

/** Where there is no /proc, nobody tells. */
function maybeOpenFiles(): number | undefined {
  try {
    // The look itself has one open.
    return Array.from(Deno.readDirSync("/proc/self/fd")).length - 1;
  } catch {
    return undefined;
  }
}
