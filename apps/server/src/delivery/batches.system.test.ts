import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Journey } from "../testing/journey.ts";
import { problemOf } from "../testing/problem.ts";
import { until } from "../testing/until.ts";

let journey: Journey;
let n = 0;
const git = (...args: string[]) =>
  execFileSync("git", ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", ...args], {
    cwd: journey.workload.root,
  })
    .toString()
    .trim();

/** Commits another version, ships it, and waits until it is in the queue, or its rollout takes traffic. */
async function change(message: string, ifBusy: "batch" | "queue" | "refuse" = "batch"): Promise<string> {
  n += 1;
  journey.workload.will({ version: `change ${n}` });
  git("add", "-A");
  git("commit", "-q", "-m", message);
  const id = await journey.shipAgain({ ifBusy });
  await journey.untilDeployment(id, "queued", "starting", "rolling_out");
  return id;
}
/** The entries of a subject, once the ledger has numbered them. */
const entriesOf = (type: string, subject: string) =>
  until(`${type} of ${subject}`, async () => {
    const { items } = await journey.owner.listLedger({ params: { project: "main" }, query: { type, subject } });
    return items.length > 0 && items;
  });
const split = (deploymentId: string) =>
  journey.owner.splitDeployment({ params: { project: "main", deploymentId }, body: { reason: "which one?" } });
const BAD = { canary: { errorRatio: 0.5 } };

/** Ships one and, while it is under way, the changes; then ends it, and answers the rollout of the last of them. */
async function together(messages: readonly string[]) {
  const first = await change("First", "refuse");
  const under = await journey.untilRollout(await journey.rolloutOf(first), "progressing");
  const ids: string[] = [];
  for (const message of messages) ids.push(await change(message));
  await journey.act(under.id, "abort", "make way");
  await journey.drive(under.id, {}, "aborted");
  const rollout = await journey.untilRollout(await journey.rolloutOf(ids.at(-1) ?? ""), "progressing");
  return { ids, rollout };
}

beforeAll(async () => {
  journey = await Journey.begin({ strategy: { batch: { when: "always", maximumChanges: 4 } } });
  writeFileSync(join(journey.workload.root, ".gitignore"), "builds.log\ngo\n");
  git("init", "-q", "-b", "main");
  const first = await change("The shop", "refuse");
  await journey.drive(await journey.rolloutOf(first), {}, "completed");
});
afterAll(() => journey.end());

describe("changes that come while a rollout is under way", () => {
  it("go out in one rollout, whose release has them all, and are delivered with it", async () => {
    const { ids, rollout } = await together(["Wider form", "Shorter text", "New colours"]);
    const [a, b, carrier] = ids as [string, string, string];
    expect(rollout.deploymentId).toBe(carrier);
    expect(rollout.carries).toMatchObject([
      { deploymentId: a, message: "Wider form", author: "Ada", createdBy: "root", standing: null },
      { deploymentId: b, message: "Shorter text" },
      { deploymentId: carrier, message: "New colours", releaseId: rollout.canary.id },
    ]);
    for (const id of [a, b])
      expect(await journey.deployment(id)).toMatchObject({
        rolloutId: rollout.id,
        carrierId: carrier,
        finishedAt: null,
        carries: ids.map((deploymentId) => ({ deploymentId })),
      });
    const [joined] = await entriesOf("delivery.deployment.joined", `deployment/${a}`);
    expect(joined?.data).toMatchObject({ carrierId: carrier, rolloutId: rollout.id });
    const [created] = await entriesOf("delivery.rollout.created", `rollout/${rollout.id}`);
    expect(created?.data).toMatchObject({ carries: ids.map((deploymentId) => ({ deploymentId })) });

    await journey.act(rollout.id, "promote", "it is urgent");
    await journey.drive(rollout.id, {}, "holdback");
    for (const id of ids) expect((await journey.deployment(id)).status).toBe("holdback");
    await journey.act(rollout.id, "promote", "seen enough");
    await journey.drive(rollout.id, {}, "completed");
    for (const id of ids) {
      const seen = await journey.deployment(id);
      expect(seen.status).toBe("succeeded");
      expect(seen.finishedAt).not.toBeNull();
      const [ended, ...more] = await entriesOf("delivery.deployment.ended", `deployment/${id}`);
      expect(ended?.data).toMatchObject({ outcome: "succeeded", rolloutId: rollout.id });
      expect(more).toEqual([]);
    }
    const explained = await journey.explain(rollout.id);
    expect(explained.agrees).toBe(true);
    expect(explained.words.join(" ")).toContain("carries 3 changes");
  });

  it("stay one by one where the newer does not contain the older, or a rehearsal is between", async () => {
    const first = await change("Under way", "refuse");
    const under = await journey.untilRollout(await journey.rolloutOf(first), "progressing");
    git("checkout", "-q", "-b", "other");
    const onBranch = await change("On a branch");
    git("checkout", "-q", "main");
    const onMain = await change("On the trunk");
    const rehearsal = await journey.ship({}, { ifBusy: "batch", fault: "none" });
    await journey.untilDeployment(rehearsal, "queued");
    git("checkout", "-q", "--", ".");
    const after = await change("After the rehearsal");
    await journey.act(under.id, "abort", "make way");
    await journey.drive(under.id, {}, "aborted");
    for (const id of [onBranch, onMain, rehearsal, after]) {
      const rollout = await journey.untilRollout(await journey.rolloutOf(id), "progressing");
      expect(rollout.deploymentId).toBe(id);
      expect(rollout.carries.map((c) => c.deploymentId)).toEqual([id]);
      await journey.act(rollout.id, "abort", "next");
      await journey.drive(rollout.id, {}, "aborted");
    }
  });
});

describe("a batch whose rollout a server of an older version ends", () => {
  it("ends in all its deployments once this one is there", async () => {
    const { ids, rollout } = await together(["Before", "During"]);
    // What a server that knows no batches writes is the rollout and its own deployment.
    await sql`update rollout set carries = '[]' where id = ${rollout.id}`.execute(journey.installation.database.db);
    await journey.act(rollout.id, "abort", "the older one");
    await journey.drive(rollout.id, {}, "aborted");
    const joined = await journey.untilDeployment(ids[0] ?? "", "aborted");
    expect(joined.words).toContain(ids[1]);
    await entriesOf("delivery.deployment.ended", `deployment/${ids[0]}`);
  });
});

describe("a batch that was rolled back", () => {
  it("is split until the change that does harm is known, and what contains it is not shipped again", async () => {
    const { ids, rollout } = await together(["Prices", "Basket", "Broken checkout", "Footer"]);
    await journey.drive(rollout.id, BAD, "rolled_back");
    const [, basket, broken] = ids as [string, string, string, string];
    for (const id of ids) expect((await journey.deployment(id)).status).toBe("rolled_back");
    const seen = await journey.rollout(rollout.id);
    expect(seen.carries.map((c) => c.standing)).toEqual(Array(4).fill("suspected"));
    expect(seen.split).toMatchObject({ canSplit: true, trials: [] });

    // From any of them: the first half is good, what comes after is not.
    const [half, rest] = (await split(basket)).items.map((d) => d.id) as [string, string];
    expect(await problemOf(split(basket))).toMatchObject({ code: "LK_BUSY" });
    const first = await journey.untilRollout(await journey.rolloutOf(half), "progressing");
    expect(first.carries.map((c) => c.message)).toEqual(["Prices", "Basket"]);
    expect((await journey.deployment(rest)).rolloutId).toBeNull();
    await journey.act(first.id, "promote", "seen enough");
    // What follows ends the holdback at once: it may be over before anybody looks.
    await journey.drive(first.id, {}, "holdback", "completed");
    const restRollout = await journey.rolloutOf(rest);
    await journey.drive(restRollout, BAD, "rolled_back");
    expect((await journey.rollout(rollout.id)).carries.map((c) => c.standing)).toEqual([
      "cleared",
      "cleared",
      "suspected",
      "suspected",
    ]);

    // Half of the rest is the one: what comes after contains it.
    const [third, fourth] = (await split(rest)).items.map((d) => d.id) as [string, string];
    const one = await journey.rolloutOf(third);
    await journey.drive(one, BAD, "rolled_back");
    expect((await journey.untilDeployment(fourth, "aborted")).words).toContain(third);
    const known = await journey.rollout(rollout.id);
    expect(known.carries.map((c) => c.standing)).toEqual(["cleared", "cleared", "suspected", "unknown"]);
    expect(known.carries[2]?.deploymentId).toBe(broken);
    expect(known.split?.canSplit).toBe(false);
    expect(known.split?.words).toContain("hange 3 does harm");
    expect(await problemOf(split(rest))).toMatchObject({ code: "LK_NOTHING_TO_SPLIT" });
  });
});

describe("a configuration of batches", () => {
  it("that is off refuses who asks for one", async () => {
    await journey.workload.apply({ strategy: { batch: { when: "off" } } });
    const problem = await problemOf(journey.shipAgain({ ifBusy: "batch" }));
    expect(problem).toMatchObject({ code: "LK_INVALID", fields: [{ field: "ifBusy" }] });
  });

  it("with a value out of range names the field", async () => {
    const problem = await problemOf(journey.workload.apply({ strategy: { batch: { maximumChanges: 1 } } }));
    expect(problem.fields?.map((f) => f.field)).toEqual(["config.strategy.batch.maximumChanges"]);
  });
});
