import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { besides, nameIn } from "../platform/backup/databases.ts";
import { backUp, digestsOf, fileOf, restoreInto, untilEnded } from "../testing/backups.ts";
import { BuiltServer } from "../testing/built-server.ts";
import { administer, dropDatabasesNamed } from "../testing/database.ts";
import { until } from "../testing/until.ts";

/** SIGKILL in the middle of a backup and of a restore: nothing half-done is ever taken for whole, and nothing stays. */
const MAIN = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "dist", "main.mjs");
let server: BuiltServer;
beforeAll(async () => {
  server = await BuiltServer.start();
  // Enough rows that there is a middle.
  const many = `insert into arm_counter (gateway, boot, service, environment, generation_n, release_id, arm, route_class, requests, errors, latency, page_views, page_errors, users)
     select 'g', 'b', 's', 'e', i, md5(i::text), 'baseline', 'api', i, 0, '{}', 0, 0, repeat(md5(i::text), 8) from generate_series(1, 12000) i`;
  // Over a connection that ends: a restore is refused while anybody is connected.
  await administer(server.database.ownerUrl, (client) => client.query(many));
});
afterAll(async () => {
  await server.close();
  await dropDatabasesNamed("latchkey_before_restore_");
});

const beside = (purpose: "verify" | "restore") =>
  administer(server.database.ownerUrl, async (client) => {
    const prefix = besides(nameIn(server.database.url), purpose);
    return (await client.query("select 1 from pg_database where starts_with(datname, $1)", [prefix])).rowCount;
  });

/** Starts the restoring program and kills it when it says so; answers how it ended, or what it said when it went on. */
async function killRestoreAt(file: string, words: string): Promise<string> {
  const child = spawn(process.execPath, [MAIN, "restore", file], {
    env: {
      PATH: process.env.PATH ?? "",
      LATCHKEY_DIR: server.dir,
      LATCHKEY_DATABASE_URL: server.database.url,
      LATCHKEY_DATABASE_OWNER_URL: server.database.ownerUrl,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line);
    if (line.includes(words)) child.kill("SIGKILL");
  }
  await exited;
  return child.signalCode ?? said.join("\n");
}

describe("killed in the middle", () => {
  it.each(["Copying the table arm_counter", "Copying the table", "Restoring the table", "Comparing", "Walking"])(
    "of a backup, at “%s”: it failed, nothing of it stays, and the next one is good",
    async (words) => {
      const { id } = await server.owner.createBackup({ body: {} });
      await until("it is there, or over", async () => {
        const seen = await server.owner.getBackup({ params: { backupId: id } });
        return seen.state !== "running" || seen.progress?.words.includes(words);
      });
      await server.kill();
      await server.start();
      const ended = await untilEnded(server, id);
      await until("the scratch database is gone", async () => (await beside("verify")) === 0);
      const files = readdirSync(join(server.dir, "backups")).filter((name) => !name.endsWith(".json"));
      expect(files.includes(`${id}.tar`)).toBe(ended.state === "kept");
      expect(files.filter((name) => name.endsWith(".partial"))).toEqual([]);
      expect(await backUp(server)).toMatchObject({ state: "kept", verification: { state: "verified" } });
    },
  );

  it("of a restore, at each of its stages: the database is as it was, and the next restore is whole", async () => {
    const file = fileOf(server, await backUp(server));
    await server.stop();
    const before = await digestsOf(server.database.ownerUrl);
    for (const words of ["Checking the file", "Restoring the table arm_counter", "Comparing", "Walking", "Raising"]) {
      expect(await killRestoreAt(file, words), words).toBe("SIGKILL");
      expect(await digestsOf(server.database.ownerUrl), words).toEqual(before);
    }
    const restored = await restoreInto(server.dir, server.database, file, { dropOld: true });
    expect(restored.kept).toBeNull();
    expect(await beside("restore")).toBe(0);
    await server.start();
    expect(await server.owner.verifyLedger({})).toMatchObject({ ok: true });
  });
});
