import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFINITION_WORDS, DEFINITIONS, KEYS } from "./definitions.ts";
import { keysOf } from "./keys.ts";
import type { DeploymentRecord, IncidentRecord, LeadRecord } from "./records.ts";
import { addDeployment, addIncident, addLead, emptyTally } from "./tally.ts";
import {
  anyDeployment,
  anyIncident,
  anyLead,
  deploymentRecord,
  incidentRecord,
  leadRecord,
} from "./testing/records.ts";

const HOUR = 3_600_000;
const WEEK = { fromMs: 0, toMs: 7 * 24 * HOUR };
interface History {
  readonly deployments?: readonly DeploymentRecord[];
  readonly leads?: readonly LeadRecord[];
  readonly incidents?: readonly IncidentRecord[];
}
function tallyOf({ deployments = [], leads = [], incidents = [] }: History) {
  const tally = emptyTally(Number.POSITIVE_INFINITY);
  for (const record of deployments) addDeployment(tally, record);
  for (const record of leads) addLead(tally, record);
  for (const record of incidents) addIncident(tally, record);
  return tally;
}
const keys = (history: History, definition: (typeof DEFINITIONS)[number] = "dora-2025") =>
  keysOf(tallyOf(history), WEEK, definition);

const FAILED = deploymentRecord({
  ...{ key: "bad", outcome: "rolled_back", failure: "rolled_back", failedAtMs: HOUR, recoveredAtMs: 3 * HOUR },
});
const HISTORY: History = {
  deployments: [
    ...Array.from({ length: 16 }, (_, i) => deploymentRecord({ key: `d${i}` })),
    FAILED,
    deploymentRecord({ key: "mends", kind: "hotfix", isRework: true }),
    deploymentRecord({ key: "back", kind: "rollback", isRework: true }),
    deploymentRecord({ key: "soaks", outcome: "soaking", isSettled: false }),
    deploymentRecord({ key: "open", outcome: "failed", failure: "failed", failedAtMs: 5 * HOUR }),
  ],
  leads: [...[2, 4, 6].map((h) => leadRecord({ leadMs: h * HOUR, openedLeadMs: (h * HOUR) / 2 })), leadRecord()],
  incidents: [
    incidentRecord({ atMs: HOUR, detectedAtMs: 2 * HOUR, resolvedAtMs: 3 * HOUR, deployment: "bad", by: "verdict" }),
    incidentRecord({ key: "power", atMs: 0, detectedAtMs: HOUR, resolvedAtMs: 7 * HOUR }),
    incidentRecord({ key: "still" }),
  ],
};

describe("the five keys", () => {
  it("divide by whole days: the first minute of a service is no rate", () => {
    const day = 24 * HOUR;
    const window = { fromMs: 0, toMs: 90 * day + HOUR };
    const { frequency } = keysOf(
      tallyOf({ deployments: [deploymentRecord()] }),
      window,
      "dora-2025",
      90 * day + HOUR / 2,
    );
    expect(frequency).toMatchObject({ value: 1, n: 1 });
  });

  it("of DORA 2025 count what deployments cause, and nothing else", () => {
    const { frequency, leadTime, failRate, recovery, rework } = keys(HISTORY);
    // 20 of 21 deliver: going back is none.
    expect(frequency).toMatchObject({ value: 20 / 7, n: 20 });
    expect(frequency.words).toBe("20 deployments reached visitors of production in 7 days: 2.9 a day.");
    expect(leadTime).toMatchObject({ value: 4 * HOUR, n: 3, p90: 5.6 * HOUR, interval: null });
    expect(leadTime.words).toBe(
      "Half of 3 took less than 4 h, nine of ten less than 5.6 h. Of 1 further change it is not known when it was begun.",
    );
    expect(failRate).toMatchObject({ value: 2 / 19, n: 19, censored: { soaking: 1 } });
    expect(failRate.words).toMatch(/^2 of 19 deployments needed an intervention: 10.5 %\. How 1 further one/);
    expect(recovery).toMatchObject({ value: 2 * HOUR, n: 1, censored: { open: 1 } });
    expect(recovery.words).toBe("The only one took 2 h. 1 failed deployment is not over yet and not in this.");
    expect(rework).toMatchObject({ value: 2 / 21, n: 21 });
  });
  it("of DORA 2021 count every incident and every deployment, and know no rework", () => {
    const { frequency, leadTime, failRate, recovery, rework } = keys(HISTORY, "dora-2021");
    expect(frequency).toMatchObject({ value: 3, n: 21 });
    expect(leadTime.value).toBe(4 * HOUR);
    expect(failRate).toMatchObject({ value: 2 / 20, n: 20 });
    expect(recovery).toMatchObject({ value: 4.5 * HOUR, n: 2, censored: { open: 1 } });
    expect(rework).toMatchObject({ value: null, words: "DORA 2021 has no such key." });
  });
  it("of the guide begin with the pull request, and take only what was rolled back for a failure", () => {
    const { leadTime, failRate, recovery } = keys(HISTORY, "guide");
    expect(leadTime.value).toBe(2 * HOUR);
    expect(failRate).toMatchObject({ value: 1 / 21, n: 21 });
    expect(recovery).toMatchObject({ value: 3.5 * HOUR, n: 2 });
  });
  it("are not 0 where there is no data", () => {
    for (const definition of DEFINITIONS)
      for (const name of KEYS) expect(keys({}, definition)[name]).toMatchObject({ value: null, interval: null });
    expect(keys({}).recovery.words).toBe("There was no failed deployment.");
    expect(keys({ deployments: [{ ...FAILED, recoveredAtMs: null }] }).recovery).toMatchObject({
      ...{ value: null, censored: { open: 1 } },
      words: "No failed deployment has an end that is known. 1 failed deployment is not over yet and not in this.",
    });
  });
  it("are 0 deployments a day where there was something to deploy, and not divided by days before it", () => {
    const of = (history: History, since: number | null) =>
      keysOf(tallyOf(history), WEEK, "dora-2025", since).frequency.value;
    expect(of({}, 0)).toBe(0);
    expect(of({}, WEEK.toMs)).toBeNull();
    expect(of({ deployments: [deploymentRecord(), deploymentRecord()] }, 3 * 24 * HOUR)).toBe(0.5);
    expect(of({ deployments: [deploymentRecord()] }, -HOUR)).toBe(1 / 7);
  });
  it("explain themselves: every key that a definition has, and how it differs", () => {
    for (const definition of DEFINITIONS) {
      const { difference, keys: said } = DEFINITION_WORDS[definition];
      expect(difference).toMatch(/^[A-Z].*\.$/);
      for (const name of KEYS) {
        const { words } = keys(HISTORY, definition)[name];
        expect(words.endsWith(".")).toBe(true);
        expect(said[name] === null).toBe(/has no such key/.test(words));
      }
    }
  });
});

describe("whatever the history", () => {
  const history = fc.record({
    deployments: fc.array(anyDeployment),
    leads: fc.array(anyLead),
    incidents: fc.array(anyIncident),
  });
  it("an incident that no deployment caused changes no key of DORA 2025", () => {
    fc.assert(
      fc.property(history, anyIncident, (happened, incident) => {
        const more = [...happened.incidents, { ...incident, deployment: null, by: null }];
        expect(keys({ ...happened, incidents: more })).toEqual(keys(happened));
      }),
    );
  });
  it("a share lies in its interval and in 0 to 1, and nothing is negative", () => {
    fc.assert(
      fc.property(history, fc.constantFrom(...DEFINITIONS), (happened, definition) => {
        for (const { unit, value, interval, n, p90 } of Object.values(keys(happened, definition))) {
          expect(n === 0 ? value : 0).toBe(n === 0 ? null : 0);
          if (value === null) continue;
          expect(value).toBeGreaterThanOrEqual(0);
          expect(unit === "share" ? value : 0).toBeLessThanOrEqual(1);
          expect(p90 ?? value).toBeGreaterThanOrEqual(value);
          expect(interval?.low ?? value).toBeLessThanOrEqual(value);
          expect(interval?.high ?? value).toBeGreaterThanOrEqual(value);
        }
      }),
    );
  });
});
