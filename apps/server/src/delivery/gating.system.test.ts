import { GateConfig, type GateKind } from "@latchkey/api/gates";
import { ServiceConfig } from "@latchkey/api/models";
import fc from "fast-check";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findService, saveService } from "../catalog/services.store.ts";
import { systemClock } from "../platform/clock.ts";
import { newId } from "../platform/ids.ts";
import { keepLease, type Lease } from "../platform/leases.ts";
import { type TestDatabase, testDatabase } from "../testing/database.ts";
import { findDeployment, insertDeployment } from "./deployments.store.ts";
import { type GateOutcome, type GateRunner, UNAVAILABLE, waitingRow } from "./gate-runner.ts";
import { Gating } from "./gating.ts";
import { workingTree } from "./sources.ts";

let database: TestDatabase;
let lease: Lease;
beforeAll(async () => {
  database = await testDatabase();
  lease = await keepLease(database, pino({ level: "silent" }), "delivery", "here");
});
afterAll(async () => {
  await lease.release();
  await database.drop();
});

type Final = "passed" | "failed" | "timed_out" | "could_not_run";
/** What a gate does each time it is asked, and who waives it. */
interface Story {
  readonly kind: "command" | "size";
  readonly required: boolean;
  readonly before: readonly ("pending" | "crash")[];
  readonly final: Final;
  readonly waiver: "none" | "plain" | "although unchecked";
}
const story: fc.Arbitrary<Story> = fc.record({
  kind: fc.constantFrom("command", "size"),
  required: fc.boolean(),
  before: fc.array(fc.constantFrom("pending", "crash"), { maxLength: 2 }),
  final: fc.constantFrom("passed", "passed", "passed", "failed", "timed_out", "could_not_run"),
  waiver: fc.constantFrom("none", "none", "plain", "although unchecked"),
});
/** Written from the rule, not from the code. */
const letsThrough = ({ required, final, waiver }: Story): boolean => {
  if (!required || final === "passed") return true;
  return final === "failed" ? waiver !== "none" : waiver === "although unchecked";
};

const NAME = "shop";
const service = async (stories: readonly Story[]) => {
  const gates = stories.map(({ kind, required }, i) =>
    GateConfig.parse({
      ...{ name: `gate ${i}`, kind, required },
      ...(kind === "command" ? { command: ["check"] } : { limits: [{ files: "*", maximumBytes: 1 }] }),
    }),
  );
  const config = ServiceConfig.parse({ name: NAME, source: ".", build: ["build"], gates });
  await database.transaction((tx) =>
    saveService(tx, { project: "main", name: NAME, config, config_digest: "", root: "/" }),
  );
  const row = await findService(database.db, "main", NAME);
  if (!row) throw new Error("the service is not there");
  return row;
};

/** Each question has its answer, over all crashes; the last one is given again. */
function runnersOf(stories: readonly Story[], asked: number[]): Record<GateKind, GateRunner> {
  const run: GateRunner["run"] = async ({ name }): Promise<GateOutcome> => {
    const i = Number(name.split(" ")[1]);
    const { before, final } = stories[i] as Story;
    const turn = before[asked[i] ?? 0];
    asked[i] = (asked[i] ?? 0) + 1;
    if (turn === "crash") throw new Error("killed");
    if (turn === "pending") return { status: "pending", words: "It waits.", askAgainMs: 0 };
    return { status: final, words: "", figures: [], details: [] };
  };
  // A kind of the moment among the others: its questions come last.
  return { ...UNAVAILABLE, command: { run }, size: { run, isOfTheMoment: true } };
}

/** Goes through the gates as a server does that is killed now and then; answers what became of the deployment. */
async function outcomeOf(stories: readonly Story[]) {
  const row = await service(stories);
  const id = newId("dep");
  await insertDeployment(database.db, {
    ...{ id, project: "main", service: NAME, environment: "production", status: "gating", words: "", reason: "" },
    ...{ created_by: { id: "p", kind: "person", name: "root" }, fault: null, strategy: null, if_busy: "queue" },
    ...{ release_id: null, gates: row.config.gates.map(waitingRow) },
  });
  const asked: number[] = [];
  const begin = () =>
    new Gating({
      ...{ database, lease, clock: systemClock, runners: runnersOf(stories, asked), onChanged: () => {} },
      sourcesOf: workingTree,
      waiverOf: async (_, gate, couldNotRun) => {
        const { waiver } = stories[Number(gate.split(" ")[1])] as Story;
        if (waiver === "none" || (couldNotRun && waiver === "plain")) return null;
        return { id: "wai_1", by: "root", reason: "why", until: "2100-01-01T00:00:00.000Z" };
      },
    });
  let gating = begin();
  for (let round = 0; round < 40; round++) {
    const now = await findDeployment(database.db, id);
    if (now?.status !== "gating") return { now, asked };
    try {
      await gating.go(now, row, lease.fence() ?? -1, () => false);
    } catch {
      gating = begin();
    }
  }
  throw new Error("the gates never came to an end");
}

describe("the gates of a deployment", () => {
  it("let it go on exactly when each required one has passed or is waived, whatever is pending and whenever a server dies", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(story, { maxLength: 5 }), async (stories) => {
        const { now } = await outcomeOf(stories);
        expect(now?.status).toBe(stories.every(letsThrough) ? "queued" : "failed_gate");
        for (const [i, row] of (now?.gates ?? []).entries())
          if (row.status === "passed") expect(stories[i]?.final).toBe("passed");
      }),
      { numRuns: 60 },
    );
  });

  it("are not asked again once they have ended, after a crash either", async () => {
    const passes = { kind: "command", required: true, before: [], final: "passed", waiver: "none" } as const;
    const { asked } = await outcomeOf([passes, { ...passes, before: ["crash", "pending", "crash"] }]);
    expect(asked).toEqual([1, 4]);
  });

  it("of the moment are asked when all others have passed, and again together while one of them waits", async () => {
    const passes = { kind: "command", required: true, before: ["pending"], final: "passed", waiver: "none" } as const;
    const { asked } = await outcomeOf([
      { ...passes, kind: "size", before: [] },
      passes,
      { ...passes, kind: "size", before: ["pending"] },
    ]);
    // The first is asked twice: what it said before the other one waited holds no more.
    expect(asked).toEqual([2, 2, 2]);
  });
});
