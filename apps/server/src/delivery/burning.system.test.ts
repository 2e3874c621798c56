import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation } from "../testing/installation.ts";
import { Journey } from "../testing/journey.ts";
import { problemOf } from "../testing/problem.ts";
import { hasPrometheus, PrometheusServer } from "../testing/prometheus.ts";
import { until } from "../testing/until.ts";

describe.runIf(hasPrometheus)("a service that burns its error budget, by a real Prometheus", () => {
  let prometheus: PrometheusServer;
  let journey: Journey;
  const rollback = { unhealthyMs: 4_000, whenBurning: { query: 'shop_burn{service="{{service}}"}', above: 14.4 } };
  const params = () => ({ project: "main", service: journey.workload.name });
  const cautions = async () =>
    (await journey.owner.planRollback({ params: params(), query: { environment: "production" } })).cautions.join(" ");
  const burn = (rate: number) => prometheus.exporter.set(`shop_burn{service="${journey.workload.name}"}`, rate);
  const isSeen = (text: string) => until(`the plan says: ${text}`, async () => (await cautions()).includes(text));

  beforeAll(async () => {
    prometheus = await PrometheusServer.start();
    const installation = await Installation.start({ prometheusUrl: prometheus.url });
    journey = await Journey.beginIn(installation, {
      rollback,
      strategy: { kind: "all_at_once", batch: { when: "off" } },
    });
    await journey.shipFirst();
  });
  afterAll(async () => {
    await journey?.end();
    await prometheus?.stop();
  });

  it("is refused with a word that nothing is filled in for", async () => {
    const wrong = { ...rollback, whenBurning: { query: "x{release='{{release}}'}", above: 1 } };
    const problem = await problemOf(journey.workload.apply({ rollback: wrong }));
    expect(JSON.stringify(problem)).toMatch(/whenBurning.*only \{\{service\}\} and \{\{environment\}\}/);
  });

  it("is left for the release before, although its health endpoint answers, and not watched is never well", async () => {
    const second = await journey.drive(await journey.rolloutOf(await journey.ship()), {}, "completed");
    expect(await cautions()).toContain("is not watched: the query of rollback.whenBurning finds no series");
    burn(1);
    await until("it is watched", async () => !(await cautions()).includes("not watched"));
    burn(20);
    const back = await until("it goes back", async () => {
      const { items } = await journey.owner.listDeployments({ params: { project: "main" }, query: {} });
      return items[0]?.rollback && items[0];
    });
    expect(back).toMatchObject({ createdBy: "Latchkey", rollback: { automatic: true } });
    const told = await until("its entry has its number", async () => {
      const query = { type: "delivery.rollback.begun" };
      return (await journey.owner.listLedger({ params: { project: "main" }, query })).items[0];
    });
    expect(told.data).toMatchObject({
      automatic: true,
      fromReleaseId: second.canary.id,
      evidence: { whenBurning: rollback.whenBurning, words: "the burn rate is 20, above 14.4" },
    });
    expect(told.data.reason).toMatch(/^it burned its error budget for \d+ s: the burn rate is 20, above 14\.4/);
    await journey.drive(await journey.rolloutOf(back.id), {}, "completed");
  });

  it("that burned before a release was asked for keeps it: it may mend it", async () => {
    await isSeen("burns its error budget");
    const fix = await journey.drive(await journey.rolloutOf(await journey.ship()), {}, "completed");
    // The release after it comes out later than it would have been left.
    const next = await journey.drive(await journey.rolloutOf(await journey.ship()), {}, "completed");
    expect(next.baseline?.id).toBe(fix.canary.id);
  });
});
