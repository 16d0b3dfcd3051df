/**
 * Where the figures come from: machine, versions, and the server's memory. Linux only where it
 * says so; elsewhere that part is left out.
 */

/** One line for the foot of the report. */
export async function describeMachine(origin: string): Promise<string> {
  const cores = navigator.hardwareConcurrency;
  return [
    `${cores} cores${await maybeCpuModel()}`,
    await firstLine(["R", "--version"]),
    `Deno ${Deno.version.deno}`,
    `rtool is ${origin}`,
  ].join("; ");
}

/** Resident memory of a process now and at its highest, in MiB; `undefined` where unknown. */
export async function maybeMemory(pid: number): Promise<{ now: number; peak: number } | undefined> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
  const kib = (field: string) => Number(status.match(`${field}:\\s+(\\d+) kB`)?.[1]);
  const [now, peak] = [kib("VmRSS") / 1024, kib("VmHWM") / 1024];
  return Number.isNaN(now + peak) ? undefined : { now, peak };
}

async function maybeCpuModel(): Promise<string> {
  const text = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  const model = text.match(/^model name\s*:\s*(.+)$/m)?.[1];
  return model === undefined ? "" : ` (${model})`;
}

async function firstLine([file, ...args]: readonly [string, ...string[]]): Promise<string> {
  const { stdout } = await new Deno.Command(file, { args, stderr: "null" }).output();
  return new TextDecoder().decode(stdout).split(/ --|\n/, 1)[0]!;
}
