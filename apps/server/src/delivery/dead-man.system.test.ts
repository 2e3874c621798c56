import { afterAll, beforeAll, expect, it } from "vitest";
import { Journey } from "../testing/journey.ts";

/** No server was there while a canary was on its way up: by the database's clock, whatever a server's own says. */
let journey: Journey;
beforeAll(async () => {
  journey = await Journey.begin();
  await journey.shipFirst();
});
afterAll(() => journey?.end());

const away = async (minutes: number) => {
  const { installation } = journey;
  await installation.stop();
  await installation.database.pool.query("update lease set expires_at = now() - make_interval(mins => $1)", [minutes]);
  await installation.start();
  journey.gateway = journey.gatewayAgain();
};

it("after a few minutes without a server a canary goes on; after more than five it is taken back, and says why", async () => {
  const canary = await journey.shipCanary({ page: "welcome, again" });
  await away(2);
  expect((await journey.rollout(canary.id)).state).toBe("progressing");
  await away(6);
  const over = await journey.drive(canary.id, {}, "rolled_back");
  expect(journey.wordsOf(over)).toMatch(/Nobody watched it for 36\d s: no server looked after it\./);
  // Whoever comes next looks after what is there, and takes nothing back for it.
  const next = await journey.shipCanary({ page: "welcome, once more" });
  expect(next.state).toBe("progressing");
});
