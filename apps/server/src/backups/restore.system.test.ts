import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { besides, nameIn } from "../platform/backup/databases.ts";
import { keyOf, SCRYPT } from "../platform/backup/keys.ts";
import { backUp, digestsOf, fileOf, restoreInto } from "../testing/backups.ts";
import { administer, dropDatabasesNamed, testDatabase } from "../testing/database.ts";
import { removeDirectory, temporaryDirectory } from "../testing/directory.ts";
import { Journey } from "../testing/journey.ts";
import { until } from "../testing/until.ts";

let journey: Journey;
let extra: string[] = [];
beforeEach(async () => {
  journey = await Journey.begin();
});
afterEach(async () => {
  await journey.end();
  for (const dir of extra) removeDirectory(dir);
  extra = [];
  await dropDatabasesNamed("latchkey_before_restore_");
});
const folder = () => {
  const dir = temporaryDirectory();
  extra.push(dir);
  return dir;
};
/** What a restore itself changes. */
const CHANGED = [
  "environment",
  "routing_generation",
  "rollout",
  "ledger_outbox",
  "lease",
  "server",
  "idempotent_answer",
  "release_process",
  "deployment",
  "rollout_step",
  "rollout_decision",
  // Whoever restored is written, sealed.
  "data_subject",
];

describe("a restore", () => {
  it("into an empty database on another machine brings back every row, the artifacts and the keys", async () => {
    await journey.shipFirst();
    const { installation } = journey;
    const salt = Buffer.alloc(16, 7);
    const key = await keyOf("correct horse", salt, SCRYPT);
    const keys = { salt: salt.toString("base64"), key: key.toString("base64") };
    const backup = await backUp(installation, { keys });
    const file = fileOf(installation, backup);
    const dir = folder();
    const target = await testDatabase("empty");
    try {
      await expect(restoreInto(dir, target, file, { passphrase: "wrong" })).rejects.toThrow("does not open the keys");
      await expect(restoreInto(dir, target, file)).rejects.toThrow("--passphrase-file");
      const restored = await restoreInto(dir, target, file, { passphrase: "correct horse" });
      expect(restored).toMatchObject({ kept: null, backupId: backup.id });
      expect(readFileSync(join(dir, "ledger.key"))).toEqual(readFileSync(join(installation.dir, "ledger.key")));
      expect(readFileSync(join(dir, "webhooks.key"))).toEqual(readFileSync(join(installation.dir, "webhooks.key")));
      const there = await digestsOf(target.url);
      const here = await digestsOf(installation.database.ownerUrl);
      expect([...there.keys()]).toEqual([...here.keys()]);
      for (const table of ["service", "release", "access_token", "gateway", "schema_migration"])
        expect(there.get(table), table).toBe(here.get(table));
      const { rows } = await target.pool.query<{ digest: string }>("select digest from release");
      for (const { digest } of rows) expect(existsSync(join(dir, "artifacts", digest))).toBe(true);
    } finally {
      await target.drop();
    }
  });

  it("brings back every table as it was but for what it must change", async () => {
    const { deploymentId } = await journey.shipFirst();
    const { installation } = journey;
    // Figures follow the ledger: nothing of the deployment is still to be told.
    await until("the deployment is in the figures as it ended", async () => {
      const { items } = await journey.owner.listInsightDeployments({ params: { project: "main" }, query: {} });
      return items.some(({ key, outcome }) => key === deploymentId && outcome === "succeeded");
    });
    const backup = await backUp(installation);
    await installation.stop();
    const before = await digestsOf(installation.database.ownerUrl);
    await restoreInto(installation.dir, installation.database, fileOf(installation, backup));
    const after = await digestsOf(installation.database.ownerUrl);
    // The request, its end and the checkpoints since the snapshot are not in it, and the places of messages and figures move along with them.
    const since = [
      "ledger_entry",
      "ledger_node",
      "ledger_tree",
      "ledger_checkpoint",
      "access_token",
      "arm_counter",
      "notification_cursor",
      "insight_cursor",
    ];
    for (const [table, digest] of before)
      if (![...CHANGED, ...since].includes(table)) expect(after.get(table), table).toBe(digest);
  });

  it("of an older state wins over a gateway that is ahead, with nothing that was under way promoted", async () => {
    await journey.shipFirst({ page: "welcome, one" });
    const canary = await journey.shipCanary({ page: "welcome, two" });
    const { installation } = journey;
    const backup = await backUp(installation);
    // Afterwards it turned out bad and was taken back; then a third one was promoted.
    await journey.act(canary.id, "roll_back", "it is bad");
    await journey.drive(canary.id, {}, "rolled_back");
    const ahead = { ...journey.gateway.applied };
    const size = (await installation.owner.getSystem({})).ledger.size;
    await installation.stop();
    const restored = await restoreInto(installation.dir, installation.database, fileOf(installation, backup));
    expect(restored.epoch).toBeGreaterThan(ahead.epoch);
    expect(restored.ledger.size).toBeLessThan(size);
    expect(restored.words.join(" ")).toContain("The ledger forks");
    await installation.start();
    // The gateway still serves by the generation that the database has forgotten.
    journey.gateway = journey.gatewayAgain();
    journey.gateway.applied = ahead;
    const ended = await journey.drive(canary.id, {}, "rolled_back", "aborted");
    expect(journey.kindsOf(ended)).not.toContain("promoted");
    expect(journey.gateway.applied.epoch).toBe(restored.epoch);
    const arms = await until("the release of before is brought up again", async () => {
      await journey.gateway.acknowledge();
      return journey.gateway.table?.services.find((one) => one.service === journey.workload.name)?.arms;
    });
    expect(arms.map((arm) => [arm.releaseId, arm.weightPercent])).toEqual([[canary.baseline?.id, 100]]);
    expect((await journey.explain(canary.id)).agrees).toBe(true);
    const entry = await until(
      "the restore is in the ledger",
      async () => (await installation.owner.listLedger({ query: { type: "platform.restored" } })).items[0],
    );
    expect(entry.data).toMatchObject({ ledger: { lost: { from: restored.ledger.size } }, epoch: restored.epoch });
    expect(await installation.owner.verifyLedger({})).toMatchObject({ ok: true });
    // And life goes on.
    const next = await journey.shipCanary({ page: "welcome, three" });
    expect(journey.kindsOf(await journey.drive(next.id, { requests: 2_000 }, "holdback"))).toContain("promoted");
  });

  it("ends what was being built: it does not go out by itself from another working tree", async () => {
    await journey.shipFirst();
    const { installation, workload } = journey;
    workload.stay();
    const id = await journey.ship({ gate: "wait" });
    await journey.untilDeployment(id, "gating");
    const backup = await backUp(installation, { verify: false });
    await installation.stop();
    workload.go();
    await restoreInto(installation.dir, installation.database, fileOf(installation, backup));
    await installation.start();
    const seen = await journey.deployment(id);
    expect(seen).toMatchObject({ status: "aborted", rolloutId: null });
  });

  it("is refused while a server or anybody else is in the database, and leaves all as it was", async () => {
    const { installation } = journey;
    const backup = await backUp(installation, { verify: false });
    const file = fileOf(installation, backup);
    await expect(restoreInto(installation.dir, installation.database, file)).rejects.toThrow("Stop it first");
    await expect(restoreInto(folder(), installation.database, file, { newKey: true })).rejects.toThrow(
      "Somebody is connected to the database",
    );
    await installation.stop();
    const another = await Journey.begin();
    try {
      await another.installation.stop();
      await expect(restoreInto(another.installation.dir, installation.database, file)).rejects.toThrow(
        "of another installation",
      );
    } finally {
      await another.end();
    }
    await installation.start();
    expect(await installation.owner.verifyLedger({})).toMatchObject({ ok: true });
  });

  it("that fails half-way leaves the database as it was, and no other", async () => {
    const { installation } = journey;
    const backup = await backUp(installation, { verify: false });
    await installation.stop();
    const before = await digestsOf(installation.database.ownerUrl);
    await expect(
      restoreInto(installation.dir, installation.database, fileOf(installation, backup), {
        say: (words) => {
          if (words === "Raising the epoch") throw new Error("power cut");
        },
      }),
    ).rejects.toThrow("power cut");
    expect(await digestsOf(installation.database.ownerUrl)).toEqual(before);
    // Other suites restore on the same server meanwhile.
    const own = besides(nameIn(installation.database.ownerUrl), "restore");
    const left = await administer(installation.database.ownerUrl, (client) =>
      client.query("select 1 from pg_database where starts_with(datname, $1)", [own]),
    );
    expect(left.rowCount).toBe(0);
    await sql`select 1`.execute(installation.database.db);
  });
});
