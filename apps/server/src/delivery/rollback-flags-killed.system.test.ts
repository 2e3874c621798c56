import { afterAll, beforeAll, expect, it } from "vitest";
import { BuiltServer } from "../testing/built-server.ts";
import { FlagDesk } from "../testing/flag-desk.ts";
import { Journey } from "../testing/journey.ts";
import { until } from "../testing/until.ts";

/** A server that is killed while it puts flags back. */
let journey: Journey<BuiltServer>;
let server: BuiltServer;
let desk: FlagDesk;
beforeAll(async () => {
  server = await BuiltServer.start();
  journey = await Journey.beginIn(server, { strategy: { kind: "all_at_once", batch: { when: "off" } } });
  desk = new FlagDesk(journey.owner);
  await journey.shipFirst();
});
afterAll(() => journey.end());

it("has put back none, and gone back nowhere; asked again it does both", async () => {
  const flags = ["a", "b", "c"];
  for (const flag of flags) await desk.put(flag);
  await journey.drive(await journey.rolloutOf(await journey.ship()), {}, "completed");
  for (const flag of flags) await desk.turn(flag, false);
  const rollBack = () =>
    journey.owner.rollBack({
      params: { project: "main", service: journey.workload.name },
      body: { environment: "production", reason: "wrong prices", withFlags: true },
    });

  // The first is written, the second waits for its row: in the middle.
  const holder = await server.database.pool.connect();
  await holder.query("begin");
  await holder.query("select 1 from flag where key = 'b' for update");
  const asked = rollBack().catch(() => null);
  await until("it waits for the second flag", async () => {
    const found = await server.database.pool.query(
      "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like 'insert into flag %' and datname = current_database()",
    );
    return found.rows.length > 0;
  });
  await server.kill();
  await asked;
  await holder.query("rollback");
  holder.release();
  await server.start();
  for (const flag of flags)
    expect(await desk.see(flag)).toMatchObject({ version: 2, environments: [{ isEnabled: false }, {}] });
  expect((await journey.owner.listDeploymentPauses({ params: { project: "main" } })).items).toEqual([]);

  const made = await rollBack();
  expect(made.flags?.putBack.map((one) => one.flag)).toEqual(flags);
  for (const flag of flags) expect(await desk.words(flag)).toBe("Everybody gets on.");
  await journey.drive(await journey.rolloutOf(made.id), {}, "completed");
});
