import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Journey } from "../testing/journey.ts";
import { until } from "../testing/until.ts";

let journey: Journey;
beforeAll(async () => {
  journey = await Journey.begin();
  await journey.shipFirst();
});
afterAll(() => journey.end());
const query = async (text: string) => (await journey.installation.database.owner.pool.query(text)).rows;

describe("failures of visitors who try again", () => {
  it("are kept per minute, measured before the canary, and count once per visitor", async () => {
    const retried = { errorRatio: 0.02, errorsPerVisitor: 4 };
    for (let i = 0; i < 3; i++) await journey.gateway.serve({ baseline: retried });
    const [minutes] = await query(
      "select sum(errors)::int as errors, sum(unit_errors)::int as units, sum(half_errors)::int as half from arm_minute where errors > 0",
    );
    expect(minutes).toMatchObject({ errors: 240, units: 60 });
    expect([80, 160]).toContain(minutes?.half);
    // As if it had gone on like this for ten minutes.
    await query(`insert into arm_minute select service, environment, release_id, minute - ago * interval '1 minute', gateway, requests,
      errors, unit_errors, page_views, page_errors, half_errors, half_unit_errors
      from arm_minute cross join generate_series(1, 9) ago where errors > 0`);

    const canary = await journey.shipCanary();
    const entry = await until("it is numbered", async () => {
      const { items } = await journey.owner.listLedger({
        query: { subject: `rollout/${canary.id}`, type: "delivery.rollout.created" },
      });
      return items[0];
    });
    expect(entry.data).toMatchObject({ policy: { clustering: { unitErrors: 1 } } });
    expect(entry.data.words).toContain("failures come in clusters of about");

    const over = await journey.drive(
      canary.id,
      { baseline: retried, canary: { ...retried, errorRatio: 0.3 } },
      "rolled_back",
    );
    expect(journey.wordsOf(over)).toMatch(/which counts as \d+: one failure per visitor/);
    expect(over.report?.guards).toContainEqual(expect.objectContaining({ guard: "clustered", state: "note" }));
    const explained = await journey.explain(canary.id);
    expect(explained).toMatchObject({ agrees: true, evidenceIntact: true });
    expect(explained.words.join(" ")).toContain("each visitor counts once");
  });
});
