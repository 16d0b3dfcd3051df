/**
 * What the JSON of attach, control and report means: every message comes back as it went, and what
 * is malformed is named.
 */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { RtoolError } from "../core/errors.ts";
import type { JobReport, Report, SessionReport } from "../core/report.ts";
import {
  attachFields,
  controlFields,
  type ControlRequest,
  parseAttach,
  parseControl,
} from "../messages_control.ts";
import { parseReport, reportFields } from "../messages_report.ts";
import { REPORT } from "./fake_port.ts";
import { arbitraryText, SEED, seeded } from "./random.ts";

type Fields = Readonly<Record<string, unknown>>;

Deno.test(`an attach comes back from the wire as it went (seed ${SEED})`, () => {
  const attachment = fc.record({ job: arbitraryWords(), after: fc.maxSafeNat() });
  fc.assert(
    fc.property(attachment, (sent) => {
      assertEquals(parseAttach(overTheWire(attachFields(sent))), sent);
    }),
    seeded(200),
  );
});

Deno.test("parseAttach() names what is wrong", () => {
  const job = "0123456789abcdef0123456789abcdef";
  for (const wrong of [undefined, null, 1, [], "a\0"]) {
    assertNamed("'job'", () => parseAttach(overTheWire({ job: wrong, after: 0 })));
  }
  for (const wrong of [null, "1", -1, 1.5, 2 ** 53]) {
    assertNamed("'after'", () => parseAttach(overTheWire({ job, after: wrong })));
  }
  assertEquals(parseAttach({ job }), { job, after: 0 });
});

Deno.test(`a control comes back from the wire as it went (seed ${SEED})`, () => {
  fc.assert(
    fc.property(arbitraryControl(), (sent) => {
      assertEquals(parseControl(overTheWire(controlFields(sent))), sent);
    }),
    seeded(200),
  );
});

Deno.test("parseControl() names what is wrong, and does nothing it does not know", () => {
  for (const kind of [undefined, null, 1, "", "REPORT", "restart", ["report"]]) {
    assertNamed("'kind'", () => parseControl(overTheWire({ kind, session: "a", job: "b" })));
  }
  for (const kind of ["kill", "interrupt", "reset"]) {
    for (const session of [undefined, null, 1, "a\0"]) {
      assertNamed("'session'", () => parseControl(overTheWire({ kind, session })));
    }
  }
  assertNamed("'job'", () => parseControl({ kind: "cancel", session: "main" }));
});

Deno.test(`parseControl() meets any JSON with a command or bad_request (seed ${SEED})`, () => {
  const names = fc.constantFrom("kind", "session", "job");
  const values = fc.oneof(fc.jsonValue(), fc.constantFrom("report", "kill", "cancel", "main"));
  fc.assert(
    fc.property(fc.dictionary(names, values), (fields) => {
      assertOnlyBadRequest(() => parseControl(fields));
    }),
    seeded(300),
  );
});

Deno.test(`a report comes back from the wire as it went (seed ${SEED})`, () => {
  fc.assert(
    fc.property(arbitraryReport(), (report) => {
      assertEquals(parseReport(overTheWire(reportFields(report))), report);
    }),
    seeded(200),
  );
});

Deno.test("a report's times travel as whole milliseconds", () => {
  const [session] = REPORT.sessions;
  const report = {
    ...REPORT,
    uptimeMs: 0.6,
    sessions: [{ ...session!, jobAgeMs: 1.4, idleMs: 2.5, cpuMs: null }],
  };
  const read = parseReport(overTheWire(reportFields(report)));
  assertEquals([read.uptimeMs, read.sessions[0]!.jobAgeMs, read.sessions[0]!.idleMs], [1, 1, 3]);
});

for (const part of ["", "sessions", "jobs"] as const) {
  Deno.test(`parseReport() is total over damage to ${part || "the report"} (seed ${SEED})`, () => {
    const whole = overTheWire(reportFields(REPORT));
    const target = part === "" ? whole : (whole[part] as Fields[])[0]!;
    const names = fc.constantFrom(...Object.keys(target));
    fc.assert(
      fc.property(names, fc.jsonValue(), (name, value) => {
        const damaged = { ...target, [name]: value };
        const report = part === "" ? damaged : { ...whole, [part]: [damaged] };
        assertOnlyBadRequest(() => parseReport(overTheWire(report)));
      }),
      seeded(300),
    );
  });
}

Deno.test("parseReport() takes a state it does not know for none that it knows", () => {
  const whole = overTheWire(reportFields(REPORT));
  for (const part of ["sessions", "jobs"]) {
    const [first] = whole[part] as Fields[];
    const newer = { ...whole, [part]: [{ ...first, state: "dreaming" }] };
    assertNamed("'state'", () => parseReport(newer));
  }
});

function assertNamed(named: string, parse: () => unknown): void {
  const error = assertThrows(parse, RtoolError);
  assertEquals(error.code, "bad_request");
  assertStringIncludes(error.message, named);
}

function assertOnlyBadRequest(parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    assert(error instanceof RtoolError, `Not our error: ${error}`);
    assertEquals(error.code, "bad_request");
  }
}

/** As the fields arrive: through JSON. */
function overTheWire(fields: unknown): Fields {
  return JSON.parse(JSON.stringify(fields));
}

function arbitraryWords(): fc.Arbitrary<string> {
  return arbitraryText().map((text) => text.toWellFormed());
}

function arbitraryControl(): fc.Arbitrary<ControlRequest> {
  const kind = <K extends string>(...names: K[]) => fc.constantFrom(...names);
  return fc.oneof(
    fc.record({ kind: kind("report", "recycle") }),
    fc.record({ kind: kind("kill", "interrupt", "reset"), session: arbitraryWords() }),
    fc.record({ kind: kind("cancel"), job: arbitraryWords() }),
  );
}

function arbitraryReport(): fc.Arbitrary<Report> {
  const [count, words] = [fc.maxSafeNat(), arbitraryWords()];
  const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
  const session: fc.Arbitrary<SessionReport> = fc.record({
    id: words,
    name: maybe(words),
    principal: words,
    state: fc.constantFrom("busy", "waiting", "idle", "stopping", "empty"),
    job: maybe(words),
    jobAgeMs: maybe(count),
    idleMs: maybe(count),
    queued: count,
    jobsDone: count,
    pid: maybe(count),
    start: fc.constantFrom("fork", "spawn", null),
    cpuMs: maybe(count),
    memoryBytes: maybe(count),
  });
  const job: fc.Arbitrary<JobReport> = fc.record({
    id: words,
    session: maybe(words),
    principal: words,
    state: fc.constantFrom("waiting", "running", "ended"),
    detached: fc.boolean(),
    outcome: maybe(words),
    ageMs: count,
    wallMs: maybe(count),
    codeBytes: count,
  });
  return fc.record({
    software: words,
    rVersion: words,
    uptimeMs: count,
    running: count,
    queued: count,
    jobsMax: count,
    sessions: fc.array(session, { maxLength: 3 }),
    jobs: fc.array(job, { maxLength: 3 }),
  });
}
