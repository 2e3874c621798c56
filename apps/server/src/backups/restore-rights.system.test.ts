import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDatabase } from "../platform/database.ts";
import { protectionOf, serverRoleUrl } from "../platform/database-roles.ts";
import { backUp, fileOf, restoreInto } from "../testing/backups.ts";
import { administer, dropDatabasesNamed, testDatabase } from "../testing/database.ts";
import { removeDirectory, temporaryDirectory } from "../testing/directory.ts";
import { Installation } from "../testing/installation.ts";
import { until } from "../testing/until.ts";

let installation: Installation;
let dir: string;
beforeEach(async () => {
  installation = await Installation.start();
  dir = temporaryDirectory();
});
afterEach(async () => {
  await installation.close();
  removeDirectory(dir);
  await dropDatabasesNamed("latchkey_before_restore_");
});
const project = { project: "main" };
const subjectNamed = async (name: string) =>
  (await installation.owner.listSubjects({ params: project })).items.find((one) => one.name === name);

describe("who may do what, after a restore", () => {
  it("is as it was: the ledger protected by roles, erased persons erased, revoked tokens revoked", async () => {
    const body = { name: "Ada Quillfeather", role: "viewer" as const };
    const { token, secret } = await installation.owner.createToken({ body });
    const kept = await installation.tokenOf("viewer");
    const backup = await backUp(installation);
    const person = await subjectNamed("Ada Quillfeather");
    await installation.owner.revokeToken({ params: { ...project, tokenId: token.id } });
    await installation.owner.eraseSubject({ params: { ...project, subjectId: person?.id ?? "" } });
    const before = (await installation.owner.getSystem({})).ledger.protectedByRoles;
    await installation.stop();
    const restored = await restoreInto(installation.dir, installation.database, fileOf(installation, backup));
    expect(restored.words.join(" ")).toContain("1 persons erased");
    // Also with no start in between: whoever serves it with the server's role can't change the ledger.
    const { db } = installation.database;
    expect(await protectionOf(db)).toMatchObject({ byRoles: before });
    await installation.start();
    expect((await installation.owner.getSystem({})).ledger.protectedByRoles).toBe(before);
    await expect(installation.clientWith(secret).getSystem({})).rejects.toThrow();
    await expect(installation.clientWith(kept.secret).getSystem({})).resolves.toBeDefined();
    expect(await subjectNamed("Ada Quillfeather")).toBeUndefined();
    const entry = await until(
      "the restore is in the ledger",
      async () => (await installation.owner.listLedger({ query: { type: "platform.restored" } })).items[0],
    );
    expect(entry.actor.name).toBe("tester");
    expect(entry.data).toMatchObject({ erasedAgain: [person?.id], revokedAgain: expect.arrayContaining([token.id]) });
    const raw = await sql<{ text: string }>`select canonical as text from ledger_entry
      where canonical like '%platform.restored%'`.execute(db);
    expect(raw.rows[0]?.text).not.toContain('"tester"');
    expect(await installation.owner.verifyLedger({})).toMatchObject({ ok: true });
  });

  it("is given to the role that the owner's address makes, in an empty database and in one that is replaced", async () => {
    const backup = await backUp(installation, { verify: false });
    const target = await testDatabase("empty");
    const address = new URL(target.ownerUrl);
    // Where the PostgreSQL of the tests trusts everybody, any password will do.
    address.password ||= "trusted";
    const place = { url: address.toString(), ownerUrl: address.toString() };
    const role = serverRoleUrl(place.ownerUrl) ?? "";
    for (const name of ["ledger.key", "subjects.key"])
      expect(existsSync(join(installation.dir, name)), name).toBe(true);
    try {
      for (const replaced of [false, true]) {
        const restored = await restoreInto(dir, place, fileOf(installation, backup), { newKey: true });
        expect(restored.kept !== null).toBe(replaced);
        const served = openDatabase(role, { max: 1 });
        try {
          expect(await protectionOf(served.db)).toMatchObject({ byRoles: true });
          await sql`update lease set fence = fence`.execute(served.db);
          await expect(sql`delete from ledger_entry`.execute(served.db)).rejects.toThrow("permission denied");
        } finally {
          await served.close();
        }
      }
    } finally {
      await target.drop();
      await dropDatabasesNamed("latchkey_before_restore_");
      await administer(installation.database.ownerUrl, (client) =>
        client.query(`drop role if exists "${new URL(role).username}"`),
      );
    }
  });
});

describe("the keys of a restored ledger", () => {
  it("are asked for by name; without them the server goes on with new ones when it is told so, on the record", async () => {
    const backup = await backUp(installation, { verify: false });
    const file = fileOf(installation, backup);
    await installation.stop();
    rmSync(join(installation.dir, "subjects.key"));
    await expect(restoreInto(installation.dir, installation.database, file)).rejects.toThrow(
      /subjects\.key is missing .*Put it there.*unreadable for ever/,
    );
    rmSync(join(installation.dir, "ledger.key"));
    await expect(restoreInto(installation.dir, installation.database, file)).rejects.toThrow("ledger.key is missing");
    const restored = await restoreInto(installation.dir, installation.database, file, { newKey: true });
    const replaceKey = /--replace-key ([0-9a-f,]+)/.exec(restored.words.at(-1) ?? "")?.[1] ?? "";
    await expect(installation.start()).rejects.toThrow("--replace-key");
    await installation.start({ replaceKey });
    expect(await installation.owner.verifyLedger({})).toMatchObject({ ok: true });
    const changes = await until("both changes are in the ledger", async () => {
      const { items } = await installation.owner.listLedger({ query: {} });
      const types = items.map((entry) => entry.type);
      return ["ledger.key.changed", "ledger.subjects_key.changed"].every((type) => types.includes(type)) && types;
    });
    expect(changes).toContain("platform.restored");
    // And a backup after that is proved with both keys, the old one and the new.
    expect((await backUp(installation)).verification?.state).toBe("verified");
  });

  it("that were replaced since the backup are told from another installation's by what the sentence offers", async () => {
    const backup = await backUp(installation, { verify: false });
    const file = fileOf(installation, backup);
    await installation.stop();
    const short = readFileSync(join(installation.dir, "ledger.key"));
    rmSync(join(installation.dir, "ledger.key"));
    const refused = await installation.start().catch((error: Error) => error.message);
    const replaceKey = /--replace-key ([0-9a-f]{16})/.exec(refused ?? "")?.[1] ?? "";
    await installation.start({ replaceKey });
    await installation.stop();
    expect(readFileSync(join(installation.dir, "ledger.key"))).not.toEqual(short);
    await expect(restoreInto(installation.dir, installation.database, file)).rejects.toThrow("or the key was replaced");
    const restored = await restoreInto(installation.dir, installation.database, file, { newKey: true });
    expect(restored.words.at(-1)).toContain(`--replace-key ${replaceKey}`);
    await installation.start({ replaceKey });
    expect(await installation.owner.verifyLedger({})).toMatchObject({ ok: true });
  });
});
