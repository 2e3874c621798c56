import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Journey } from "../testing/journey.ts";
import { problemOf } from "../testing/problem.ts";
import { until } from "../testing/until.ts";

/** A path of environments on a real server: what serves one goes to the next as it is, and no other way. */
let journey: Journey;
const main = { project: "main" };

beforeAll(async () => {
  journey = await Journey.begin({
    environments: ["staging", "production"],
    promotions: [{ from: "staging", to: "production", soakMs: 0 }],
    gates: [
      { name: "size", kind: "size", limits: [{ files: "**", maximumBytes: 50_000_000 }] },
      { name: "command", command: ["node", "gate.mjs"] },
    ],
    strategy: { kind: "all_at_once", holdbackMs: 0 },
  });
});
afterAll(() => journey?.end());

const params = () => ({ ...main, service: journey.workload.name });
const path = async () => (await journey.owner.listPromotions({ params: params() })).items[0];
const deployment = (deploymentId: string) => journey.owner.getDeployment({ params: { ...main, deploymentId } });
async function toStaging(page: string): Promise<string> {
  journey.workload.will({ page });
  const { id } = await journey.owner.ship({ params: params(), body: { environment: "staging" } });
  await journey.drive(await journey.rolloutOf(id), {}, "completed");
  return (await deployment(id)).release?.id ?? "";
}
const envOf = async (releaseId: string) => {
  const { rows } = await journey.installation.database.pool.query<{ environment: string; port: number }>(
    "select environment, port from release_process where release_id = $1 and retire_at is null order by environment",
    [releaseId],
  );
  return rows;
};

describe("a path of environments", () => {
  it("lets nothing into production that has not served staging", async () => {
    expect(await path()).toMatchObject({ state: "nothing", from: "staging", to: "production" });
    const refused = await problemOf(journey.owner.ship({ params: params(), body: { environment: "production" } }));
    expect(refused).toMatchObject({ code: "LK_INVALID" });
    expect(refused.detail).toBe("production is reached from staging: what is built now has not served there.");
    const nothing = journey.owner.promote({ params: params(), body: { to: "production", reason: "eager" } });
    expect(await problemOf(nothing)).toMatchObject({
      code: "LK_INVALID",
      detail: expect.stringContaining("serves nothing"),
    });
    const nowhere = journey.owner.promote({ params: params(), body: { to: "staging", reason: "eager" } });
    expect((await problemOf(nowhere)).detail).toMatch(
      /^Nothing is promoted to staging; .* has staging to production\.$/,
    );
  });

  it("promotes the very artifact, with what its gates found, as a process of its own", async () => {
    const releaseId = await toStaging("welcome, one");
    expect(await path()).toMatchObject({ state: "ready", release: { id: releaseId }, serving: null });
    const made = await journey.owner.promote({ params: params(), body: { to: "production", reason: "looked at" } });
    expect(made).toMatchObject({ release: { id: releaseId }, promotedFrom: "staging", environment: "production" });
    await journey.drive(await journey.rolloutOf(made.id), {}, "completed");
    const { gates } = await deployment(made.id);
    // What was found of the artifact stands; a command may depend on where it runs.
    const staged = await deployment((await journey.owner.listDeployments({ params: main })).items[1]?.id ?? "");
    expect(gates[0]?.finishedAt).toBe(staged.gates[0]?.finishedAt);
    expect(gates[1]?.finishedAt).not.toBe(staged.gates[1]?.finishedAt);
    expect(await path()).toMatchObject({ state: "same", apart: 0 });
    // It serves both, each as a process of its own with its own environment.
    const runs = await envOf(releaseId);
    expect(runs.map(({ environment }) => environment)).toEqual(["production", "staging"]);
    expect(new Set(runs.map(({ port }) => port)).size).toBe(2);
    // Whoever visits the service by its own name meets production.
    const hostsOf = (environment: string) =>
      journey.gateway.table?.services.find((s) => s.service === journey.workload.name && s.environment === environment)
        ?.hosts;
    expect(hostsOf("production")).toContain(`${journey.workload.name}.localhost`);
    expect(hostsOf("staging")).toEqual([`staging.${journey.workload.name}.localhost`]);
    const { items } = await journey.owner.listLedger({
      query: { type: "delivery.deployment.requested", subject: `deployment/${made.id}`, limit: 1 },
    });
    expect(items[0]?.data).toMatchObject({ promotedFrom: { environment: "staging" } });
  });

  it("lets an owner go past it with a reason, and a rollback need none", async () => {
    journey.workload.will({ page: "welcome, urgent" });
    const { id } = await journey.owner.ship({
      params: params(),
      body: { environment: "production", overridePath: "production is down", strategy: "all_at_once" },
    });
    await journey.drive(await journey.rolloutOf(id), {}, "completed");
    expect(await path()).toMatchObject({ state: "blocked", words: expect.stringContaining("which is newer") });
    const back = await journey.owner.rollBack({
      params: params(),
      body: { environment: "production", reason: "it did not help" },
    });
    await journey.drive(await journey.rolloutOf(back.id), {}, "completed");
    await journey.owner.resumeDeployments({ params: params(), body: { environment: "production", reason: "done" } });
  });

  it("goes on by itself where a step is automatic, once, whatever becomes of it", async () => {
    await journey.workload.apply({
      environments: ["staging", "production"],
      promotions: [{ from: "staging", to: "production", automatic: true, soakMs: 0 }],
      strategy: { kind: "all_at_once", holdbackMs: 0 },
    });
    const releaseId = await toStaging("welcome, two");
    const made = await until("it goes on", async () =>
      (await journey.owner.listDeployments({ params: main })).items.find(
        (d) => d.environment === "production" && d.release?.id === releaseId,
      ),
    );
    expect(made).toMatchObject({ createdBy: "Path of environments", promotedFrom: "staging" });
    await journey.drive(await journey.rolloutOf(made.id), {}, "completed");
    const again = (await journey.owner.listDeployments({ params: main })).items.filter(
      (d) => d.environment === "production" && d.release?.id === releaseId,
    );
    expect(again).toHaveLength(1);
  });

  it("says that production was taken back from what staging serves, until another release comes along", async () => {
    const place = { params: params(), body: { environment: "production", reason: "wrong prices" } };
    const back = await journey.owner.rollBack(place);
    await journey.drive(await journey.rolloutOf(back.id), {}, "completed");
    const words = /was taken back in production \(wrong prices\): it does not go again by itself/;
    expect(await path()).toMatchObject({ state: "tried", isTakenBack: true, words: expect.stringMatching(words) });
    await journey.owner.resumeDeployments(place);
    // The pause is over, and the release is still the one that did harm.
    expect(await path()).toMatchObject({ state: "tried", isTakenBack: true });
    await toStaging("welcome, three");
    expect(await path()).toMatchObject({ isTakenBack: false });
  });
});
