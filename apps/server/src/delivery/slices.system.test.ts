import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Journey } from "../testing/journey.ts";

let journey: Journey;
beforeAll(async () => {
  journey = await Journey.begin();
  await journey.shipFirst();
});
afterAll(() => journey.end());
const query = async (text: string) => (await journey.installation.database.owner.pool.query(text)).rows;

describe("the looks of a stable release", () => {
  it("are kept in slices of two halves for a quarter of an hour, and tell the canary's judge how they differ", async () => {
    for (let i = 0; i < 2; i++) await journey.gateway.serve({ baseline: { pageErrorRatio: 0.01 } });
    const sum = (of: string) => `(select sum(value::int) from jsonb_each_text(${of}))`;
    const [kept] = await query(`select sum(${sum("latency")})::int as answers, sum(${sum("half_latency")})::int as half,
      (select sum(requests)::int from arm_minute) as counted, (select sum(half_page_errors)::int from arm_minute) as half_pages,
      (select sum(unit_page_errors)::int from arm_minute) as unit_pages from arm_slice`);
    expect(kept).toMatchObject({ answers: kept?.counted, half: kept?.counted / 2, half_pages: kept?.unit_pages / 2 });
    // As if it had gone on like this for two minutes; one slice is of a gateway that doesn't tell halves.
    await query(`insert into arm_slice select service, environment, release_id, gateway, (slice - ago) % 450, slice - ago, latency,
      case when ago <> 30 then half_latency end
      from (select * from arm_slice where environment = 'production' order by slice desc limit 1) newest cross join generate_series(1, 59) ago on conflict do nothing`);

    const canary = await journey.shipCanary();
    const { rows } = await journey.installation.database.owner.pool.query("select policy from rollout where id = $1", [
      canary.id,
    ]);
    // A pair lies six slices apart.
    expect(rows[0]?.policy.variation.pairs).toBeGreaterThanOrEqual(50);
    expect(rows[0]?.policy.variation.pairs).toBeLessThanOrEqual(53);
    await journey.drive(canary.id, { canary: { errorRatio: 0.5 } }, "rolled_back");
    const [{ slow }] = (await query("select count(*)::int as slow from arm_slice where place <> slice % 450")) as [
      { slow: number },
    ];
    expect(slow).toBe(0);
  });
});
