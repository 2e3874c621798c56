import { afterEach, expect, it } from "vitest";
import { Journey } from "../testing/journey.ts";
import { until } from "../testing/until.ts";

const AT_ONCE = { strategy: { kind: "all_at_once", batch: { when: "off" } } } as const;
let journey: Journey;
afterEach(() => journey.end());

const params = () => ({ project: "main", service: journey.workload.name });
async function pidOf(releaseId: string): Promise<number | null> {
  const { rows } = await journey.installation.database.pool.query<{ pid: number }>(
    "select pid from release_process where release_id = $1 and retire_at is null",
    [releaseId],
  );
  return rows[0]?.pid ?? null;
}
async function shipOne(): Promise<string> {
  const rollout = await journey.rolloutOf(await journey.ship());
  return (await journey.drive(rollout, {}, "completed")).canary.id;
}
const untilEnded = (releaseId: string) =>
  until("its process is ended", async () => {
    await journey.gateway.acknowledge();
    return (await pidOf(releaseId)) === null;
  });
async function goBack(): Promise<string> {
  const made = await journey.owner.rollBack({
    params: params(),
    body: { environment: "production", reason: "customers report wrong prices" },
  });
  const ended = await journey.drive(await journey.rolloutOf(made.id), {}, "completed");
  return ended.canary.id;
}

it("going back within the window starts no process, and what was left is not kept for anybody", async () => {
  journey = await Journey.begin(AT_ONCE);
  const [first, second] = [await shipOne(), await shipOne()];
  const warm = await pidOf(second);
  const third = await shipOne();
  // By then whatever should end has had its turn.
  await untilEnded(first);
  expect(await pidOf(second)).toBe(warm);
  expect(await goBack()).toBe(second);
  expect(await pidOf(second)).toBe(warm);
  await untilEnded(third);
});

it("going back after it starts one", async () => {
  journey = await Journey.begin({ ...AT_ONCE, rollback: { keepWarmMs: 0 } });
  const first = await shipOne();
  const before = await pidOf(first);
  await shipOne();
  await untilEnded(first);
  expect(await goBack()).toBe(first);
  const now = await pidOf(first);
  expect(now).not.toBeNull();
  expect(now).not.toBe(before);
});
