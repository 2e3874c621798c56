import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { record } from "../ledger/index.ts";
import { besides, nameIn } from "../platform/backup/databases.ts";
import { checkContainer } from "../platform/backup/reading.ts";
import { backUp, fileOf, untilEnded } from "../testing/backups.ts";
import { administer } from "../testing/database.ts";
import { Installation } from "../testing/installation.ts";
import { problemOf } from "../testing/problem.ts";
import { until } from "../testing/until.ts";

let installation: Installation;
beforeAll(async () => {
  installation = await Installation.start();
});
afterAll(() => installation.close());

const ledgerOf = async () => (await installation.owner.getSystem({})).ledger;
const happen = (i: number) =>
  installation.database.transaction(async (tx) => {
    await record(tx, {
      type: "test.happened",
      subject: `thing/${i}`,
      project: "main",
      actor: { id: "tester", kind: "system", name: "Tester" },
      data: { i, words: "Größe ☃ \n\\N \t\u2028", padding: randomBytes(300).toString("base64") },
    });
    // Two rows that every consistent view holds alike.
    await sql`insert into lease (name, owner, expires_at, fence) values ('left', 'x', now(), ${i}), ('right', 'x', now(), ${i})
      on conflict (name) do update set fence = excluded.fence`.execute(tx);
  });
const scratchDatabases = () =>
  administer(installation.database.ownerUrl, async (client) => {
    const prefix = besides(nameIn(installation.database.url), "verify");
    return (await client.query("select 1 from pg_database where starts_with(datname, $1)", [prefix])).rowCount;
  });

describe("a backup", () => {
  it("under writes is one moment of all tables, restored for proof, and recorded with who asked", async () => {
    let writing = true;
    let written = 0;
    const writer = (async () => {
      while (writing) await happen(++written);
    })();
    await until("something was written", () => written > 20);
    const backup = await backUp(installation).finally(async () => {
      writing = false;
      await writer;
    });
    expect(backup).toMatchObject({ state: "kept", verification: { state: "verified" }, problem: null });
    const manifest = await checkContainer(fileOf(installation, backup));
    expect(manifest.ledger.size).toBe(backup.contents?.ledger.size);
    expect(statSync(fileOf(installation, backup)).mode & 0o777).toBe(0o600);
    expect(await scratchDatabases()).toBe(0);
    const entries = await until("its end is in the ledger", async () => {
      const { items } = await installation.owner.listLedger({ query: { type: "platform.backup" } });
      return items.some((entry) => entry.type === "platform.backup.taken") && items;
    });
    expect(entries.map((entry) => [entry.type, entry.subject])).toEqual([
      ["platform.backup.taken", `backup/${backup.id}`],
      ["platform.backup.requested", `backup/${backup.id}`],
    ]);
    expect(entries[0]?.actor.kind).not.toBe("system");
  });

  it("says plainly what is not in it, and can be had as a file", async () => {
    const backup = await backUp(installation, { verify: false });
    expect(backup.verification?.state).toBe("skipped");
    expect(backup.contents?.words.join(" ")).toContain("The keys are not in it");
    const answer = await installation.fetch(`/api/v1/backups/${backup.id}/file`);
    const sent = createHash("sha256")
      .update(Buffer.from(await answer.arrayBuffer()))
      .digest("hex");
    expect(sent).toBe(
      createHash("sha256")
        .update(readFileSync(fileOf(installation, backup)))
        .digest("hex"),
    );
    const { secret } = await installation.tokenOf("viewer");
    expect(
      (
        await installation.fetch(`/api/v1/backups/${backup.id}/file`, {
          headers: { authorization: `Bearer ${secret}` },
        })
      ).status,
    ).toBe(403);
    expect((await installation.fetch("/api/v1/backups/bak_none/file")).status).toBe(404);
    expect((await installation.fetch("/api/v1/backups/..%2Fserver.id/file")).status).toBe(404);
  });

  it("is taken one at a time: the second is refused, and the same key again is the same backup", async () => {
    const options = { body: { verify: true }, idempotencyKey: "once" };
    const first = await installation.owner.createBackup(options);
    expect(await problemOf(installation.owner.createBackup({ body: {} }))).toMatchObject({ code: "LK_BUSY" });
    expect((await installation.owner.createBackup(options)).id).toBe(first.id);
    expect((await untilEnded(installation, first.id)).state).toBe("kept");
  });

  it("needs an owner, and bytes where bytes belong", async () => {
    const { secret } = await installation.tokenOf("viewer");
    const viewer = installation.clientWith(secret);
    expect(await problemOf(viewer.createBackup({ body: {} }))).toMatchObject({ code: "LK_FORBIDDEN" });
    expect(await problemOf(viewer.listBackups({}))).toMatchObject({ code: "LK_FORBIDDEN" });
    const bad = await problemOf(installation.owner.createBackup({ body: { keys: { salt: "x", key: "y" } } }));
    expect(bad.fields?.map((field) => field.field)).toContain("keys.salt");
  });

  it("leaves the newest seven", async () => {
    for (let i = 0; i < 8; i++) await backUp(installation, { verify: false });
    const { items, keep } = await installation.owner.listBackups({});
    expect(keep).toBe(7);
    expect(items.filter((backup) => backup.state === "kept")).toHaveLength(7);
    expect(readdirSync(join(installation.dir, "backups")).filter((name) => name.endsWith(".tar"))).toHaveLength(7);
  });

  it("of a ledger that somebody changed fails its proof, says which entry, and is not kept", async () => {
    const { size } = await ledgerOf();
    await administer(installation.database.ownerUrl, async (client) => {
      await client.query("set session_replication_role = replica");
      await client.query(`update ledger_entry set canonical = canonical || ' ' where sequence = ${size - 5}`);
    });
    const { id } = await installation.owner.createBackup({ body: {} });
    const ended = await untilEnded(installation, id);
    expect(ended).toMatchObject({ state: "failed", file: null });
    expect(ended.problem).toContain(`Entry ${size - 5} was changed`);
    expect(readdirSync(join(installation.dir, "backups"))).not.toContain(`${id}.tar`);
    expect(await scratchDatabases()).toBe(0);
  });

  it("cleans up at a start what a killed server left: halves of files, scratch databases, open notes", async () => {
    await installation.stop();
    const prefix = besides(nameIn(installation.database.url), "verify");
    await administer(installation.database.ownerUrl, (client) => client.query(`create database ${prefix}dead`));
    writeFileSync(join(installation.dir, "backups", "bak_dead.tar.partial"), "half");
    await installation.start();
    await until("all is tidy", async () => (await scratchDatabases()) === 0);
    expect(readdirSync(join(installation.dir, "backups")).filter((name) => name.endsWith(".partial"))).toEqual([]);
  });
});
