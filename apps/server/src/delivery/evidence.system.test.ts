import { DECIDER_VERSION } from "@latchkey/core/analysis/judge";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Journey } from "../testing/journey.ts";
import { until } from "../testing/until.ts";

let journey: Journey;
let rollout: string;
beforeAll(async () => {
  journey = await Journey.begin();
  await journey.shipFirst();
  const canary = await journey.shipCanary();
  rollout = canary.id;
  await journey.drive(rollout, { canary: { errorRatio: 0.05 } }, "rolled_back");
});
afterAll(() => journey.end());
const query = (text: string, values: unknown[] = []) => journey.installation.database.owner.pool.query(text, values);

describe("explaining a rollout", () => {
  it("replays its looks to the decisions that are recorded, and says why", async () => {
    const explained = await journey.explain(rollout);
    expect(explained).toMatchObject({ agrees: true, evidenceIntact: true });
    expect(explained.looks).toBeGreaterThan(0);
    expect(explained.words[0]).toContain("canary requests failed");
    expect(explained.report?.verdict).toBe("FAIL");
    expect(explained.decisions.map((d) => d.kind)).toEqual(["exposed", "roll_back_begun", "rolled_back"]);
  });

  it("leads from the ledger's entry to the evidence: the entry holds the hash of what was seen by then", async () => {
    const explained = await journey.explain(rollout);
    const subject = { query: { subject: `rollout/${rollout}`, type: "delivery.rollout.rolled_back" } };
    const entry = await until("it is numbered", async () => (await journey.owner.listLedger(subject)).items[0]);
    expect(entry.data.evidence).toMatchObject({ sha256: explained.evidenceSha256 });
  });

  it("tells in the rollout and in the ledger whom the release reached and what it broke", async () => {
    const { blastRadius, arms } = await journey.rollout(rollout);
    const canary = arms.find((arm) => arm.arm === "canary");
    expect(blastRadius).toMatchObject({ requests: canary?.requests, failedRequests: canary?.errors });
    expect(blastRadius?.failedBecauseOfIt).toBeGreaterThan(0);
    expect(blastRadius?.exposedMs).toBeGreaterThan(0);
    expect(blastRadius?.words).toContain("because of it");
    const subject = { query: { subject: `rollout/${rollout}`, type: "delivery.rollout.rolled_back" } };
    const entry = await until("it is numbered", async () => (await journey.owner.listLedger(subject)).items[0]);
    expect(entry.data.blastRadius).toMatchObject({ requests: canary?.requests, failedRequests: canary?.errors });
  });

  /** Changes one recorded step, asks, and puts it back. */
  async function explainedWith(change: string): Promise<Awaited<ReturnType<Journey["explain"]>>> {
    await query("create table kept_step as table rollout_step");
    await query("create table kept_decision as table rollout_decision");
    try {
      expect((await query(change)).rowCount).toBeGreaterThan(0);
      return await journey.explain(rollout);
    } finally {
      await query("delete from rollout_step");
      await query("insert into rollout_step table kept_step");
      await query("delete from rollout_decision");
      await query("insert into rollout_decision table kept_decision");
      await query("drop table kept_step, kept_decision");
    }
  }

  it("finds counts that were made better than they were", async () => {
    const explained = await explainedWith(
      `update rollout_step set recorded = regexp_replace(recorded, '"errors":[0-9]+', '"errors":0', 'g') where summary is not null`,
    );
    expect(explained.evidenceIntact).toBe(false);
    expect(explained.agrees).toBe(false);
    expect(explained.words.join(" ")).toContain("it was changed");
  });

  it("finds a look that was taken out", async () => {
    const explained = await explainedWith(
      `delete from rollout_step where n = (select max(n) from rollout_step where summary is not null)`,
    );
    expect(explained.evidenceIntact).toBe(false);
  });

  it("finds a decision that was changed", async () => {
    const explained = await explainedWith(
      `update rollout_decision set decision = jsonb_set(decision, '{words}', '"all was well"') where n = 1`,
    );
    expect(explained).toMatchObject({ agrees: false, evidenceIntact: true });
  });

  it("says that it can't replay what another version of the decider decided", async () => {
    await query("update rollout set decider_version = 'judge-0' where id = $1", [rollout]);
    const explained = await journey.explain(rollout);
    await query("update rollout set decider_version = $2 where id = $1", [rollout, DECIDER_VERSION]);
    expect(explained.agrees).toBe(false);
    expect(explained.words.join(" ")).toContain(`version judge-0 of the decider; this server has ${DECIDER_VERSION}`);
  });
});

describe("a server that is upgraded to another judge in the middle of a rollout", () => {
  it("begins its evidence anew, says so, and can still be replayed", async () => {
    const { id } = await journey.shipCanary();
    const looksOf = async () =>
      Number(
        (await query("select count(*) n from rollout_step where rollout_id = $1 and summary is not null", [id])).rows[0]
          .n,
      );
    await until("some looks were taken", async () => {
      await journey.gateway.serve({});
      return (await looksOf()) >= 3 || null;
    });
    await query("update rollout set decider_version = 'judge-0' where id = $1", [id]);
    const ended = await journey.drive(id, { canary: { errorRatio: 0.3 } }, "rolled_back");
    const explained = await journey.explain(id);
    expect(explained).toMatchObject({ agrees: true, evidenceIntact: true, deciderVersion: DECIDER_VERSION });
    expect(explained.words.join(" ")).toMatch(/upgraded under way: \d+ looks were judged by an earlier version/);
    expect(ended.report?.canaryRequests).toBeLessThan(ended.arms.find((arm) => arm.arm === "canary")?.requests ?? 0);
  });
});

describe("the looks of a rollout", () => {
  it("are there for charts, after a moment too", async () => {
    const params = { project: "main", rolloutId: rollout };
    const all = (await journey.owner.listLooks({ params })).items;
    expect(all.length).toBeGreaterThan(0);
    expect(all.at(-1)?.verdict).toBe("FAIL");
    const later = await journey.owner.listLooks({ params, query: { afterMs: all[0]?.atMs ?? 0 } });
    expect(later.items).toEqual(all.slice(1));
  });
});

describe("another project", () => {
  it("sees nothing of it by knowing its ids", async () => {
    await query("update access_token set project = 'other' where id = $1", [
      (await journey.installation.tokenOf("owner")).id,
    ]);
    const made = await journey.installation.tokenOf("owner");
    await query("update access_token set project = 'other' where id = $1", [made.id]);
    const theirs = journey.installation.clientWith(made.secret, "other");
    const { deploymentId, canary } = await journey.rollout(rollout);
    const project = "other";
    const calls = [
      () => theirs.getRollout({ params: { project, rolloutId: rollout } }),
      () => theirs.listLooks({ params: { project, rolloutId: rollout } }),
      () => theirs.explainRollout({ params: { project, rolloutId: rollout } }),
      () => theirs.actOnRollout({ params: { project, rolloutId: rollout }, body: { action: "abort", reason: "x" } }),
      () => theirs.getDeployment({ params: { project, deploymentId } }),
      () => theirs.getRelease({ params: { project, releaseId: canary.id } }),
      () => theirs.getService({ params: { project, service: journey.workload.name } }),
      () => theirs.ship({ params: { project, service: journey.workload.name }, body: {} }),
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject({ problem: { code: "LK_NOT_FOUND" } });
    expect((await theirs.listDeployments({})).items).toEqual([]);
    expect((await theirs.listServices({})).items).toEqual([]);
  });
});
