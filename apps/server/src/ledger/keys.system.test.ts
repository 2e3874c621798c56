import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seeded } from "@latchkey/core/shared/random";
import fc from "fast-check";
import { sql } from "kysely";
import { verifyExport } from "latchkey-verify";
import { mutate } from "latchkey-verify/mutations.testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type TestDatabase, testDatabase } from "../testing/database.ts";
import { removeDirectory, temporaryDirectory } from "../testing/directory.ts";
import { Installation } from "../testing/installation.ts";
import { until } from "../testing/until.ts";
import { checkpoint } from "./checkpoints.ts";
import { openLedgerKeys } from "./keys.ts";
import { newestCheckpoint } from "./ledger.store.ts";
import { record } from "./record.ts";
import { drainOnce } from "./sequencer.ts";
import { openSubjects } from "./subjects.ts";
import { verifyLedger } from "./verification.view.ts";

let database: TestDatabase;
let one: string;
let two: string;
beforeEach(async () => {
  database = await testDatabase();
  one = temporaryDirectory();
  two = temporaryDirectory();
});
afterEach(async () => {
  await database.drop();
  removeDirectory(one);
  removeDirectory(two);
});
const open = (dir: string, ...replaced: string[]) => openLedgerKeys({ database, dir, replaced });
const refusalIn = async (dir: string, ...replaced: string[]) => {
  const error = await open(dir, ...replaced).then(
    () => null,
    (reason: unknown) => reason as Error,
  );
  return error?.message ?? "it was not refused";
};
const shortName = (words: string) => /--replace-key ([0-9a-f]{16})/.exec(words)?.[1] ?? "";
async function happen(signed: Awaited<ReturnType<typeof open>>): Promise<void> {
  await database.transaction((tx) =>
    record(tx, {
      type: "test.thing.happened",
      subject: "thing/1",
      project: "main",
      actor: { id: "system", kind: "system", name: "system" },
      data: {},
    }),
  );
  while ((await drainOnce(database)) > 0);
  await checkpoint(database, signed.signer);
}

describe("the keys of a database's ledger", () => {
  it("are made at the first start, and are the same at every later one", async () => {
    const first = await open(one);
    const again = await open(one);
    expect(again.signer.publicKey).toBe(first.signer.publicKey);
    expect(again.keyEncryptionKey).toEqual(first.keyEncryptionKey);
  });

  it.each(["ledger.key", "subjects.key"])("refuse a server without the %s, and leave nothing behind", async (name) => {
    await open(one);
    for (const file of ["ledger.key", "subjects.key"])
      if (file !== name) copyFileSync(join(one, file), join(two, file));
    const words = await refusalIn(two);
    expect(words).toContain(`Copy ${name} from the folder of a server that has it`);
    expect(existsSync(join(two, name))).toBe(false);
    copyFileSync(join(one, name), join(two, name));
    expect((await open(two)).signer.publicKey).toBe((await open(one)).signer.publicKey);
  });

  it("of two first starts at once are those of one; the other is told", async () => {
    const settled = await Promise.allSettled([open(one), open(two)]);
    const good = settled.filter((s) => s.status === "fulfilled");
    expect(good).toHaveLength(1);
    const bad = settled.find((s) => s.status === "rejected");
    expect(String(bad?.reason)).toMatch(/Copy (ledger|subjects)\.key/);
  });

  it("are refused when they are another database's", async () => {
    const other = await testDatabase();
    await openLedgerKeys({ database: other, dir: two, replaced: [] });
    await other.drop();
    await open(one);
    expect(await refusalIn(two)).toContain("is another key");
    writeFileSync(join(one, "subjects.key"), "short");
    expect(await refusalIn(one)).toContain("does not hold a key");
  });
});

describe("a signing key that is lost", () => {
  it("is replaced when told so by its short name; earlier checkpoints hold by the earlier key, and it is said", async () => {
    const before = await open(one);
    await happen(before);
    const oldNote = (await newestCheckpoint(database.db))?.note ?? "";
    rmSync(join(one, "ledger.key"));
    const words = await refusalIn(one);
    expect(await refusalIn(one, "0123456789abcdef")).toContain("--replace-key");
    const after = await open(one, shortName(words));
    expect(after.signer.publicKey).not.toBe(before.signer.publicKey);
    // What it was started with once does nothing at the next start.
    expect((await open(one, shortName(words))).signer.publicKey).toBe(after.signer.publicKey);
    await happen(after);
    const verdict = await verifyLedger(database);
    expect(verdict).toMatchObject({ ok: true, size: 3 });
    expect(verdict.words).toContain(before.signer.publicKey);
    expect(oldNote).not.toBe("");
  });

  it("signs nothing more, though a server with it still runs", async () => {
    const before = await open(one);
    await happen(before);
    copyFileSync(join(one, "subjects.key"), join(two, "subjects.key"));
    const after = await open(two, shortName(await refusalIn(two)));
    await expect(happen(before)).rejects.toThrow("replaced while this server ran");
    await happen(after);
    expect(await verifyLedger(database)).toMatchObject({ ok: true });
  });

  it("is not accepted for a later checkpoint", async () => {
    const before = await open(one);
    await happen(before);
    copyFileSync(join(one, "subjects.key"), join(two, "subjects.key"));
    await open(two, shortName(await refusalIn(two)));
    await database.owner.transaction(async (tx) => {
      await sql`set local session_replication_role = replica`.execute(tx);
      const newest = await newestCheckpoint(tx);
      const forged = before.signer.sign(newest?.size ?? 0, newest?.root_hash ?? Buffer.alloc(32));
      await sql`update ledger_checkpoint set note = ${forged} where size = ${newest?.size ?? 0}`.execute(tx);
    });
    expect(await verifyLedger(database)).toMatchObject({ ok: false });
  });
});

describe("a key of persons' keys that is lost", () => {
  it("leaves nobody readable once it is replaced, and the ledger whole", async () => {
    const before = await open(one);
    const sealed = await openSubjects(database, before.keyEncryptionKey).sealName("Ada");
    rmSync(join(one, "subjects.key"));
    const after = await open(one, shortName(await refusalIn(one)));
    const subjects = openSubjects(database, after.keyEncryptionKey);
    expect(await subjects.open(JSON.stringify(sealed))).toBe('"erased"');
    expect(await subjects.open(JSON.stringify(await subjects.sealName("Ada")))).toBe('"Ada"');
    await happen(after);
    expect(await verifyLedger(database)).toMatchObject({ ok: true, size: 2 });
  });
});

describe("an export over a change of key, with an erased person in it", () => {
  it("is found good by the new key, with checkpoints kept of the old one, and found out when touched", async () => {
    const installation = await Installation.start();
    const file = join(installation.dir, "whole.export");
    const exported = async () => {
      await until("all is signed", async () => {
        const { ledger } = await installation.owner.getSystem({});
        return ledger.size > 0 && ledger.size === ledger.signedSize;
      });
      return Buffer.from(await (await installation.fetch("/api/v1/ledger/export")).arrayBuffer());
    };
    const project = { project: "main" };
    await installation.owner.createToken({ params: project, body: { name: "Ada", role: "viewer" } });
    await exported();
    const held = await (await installation.fetch("/api/v1/ledger/log/checkpoint")).text();
    const oldKey = (await installation.owner.getSystem({})).ledger.publicKey;
    await installation.stop();
    rmSync(join(installation.dir, "ledger.key"));
    const refused = await installation.start().catch((error: unknown) => String(error));
    await installation.start({ replaceKey: shortName(String(refused)) });
    const { items } = await installation.owner.listSubjects({ params: project });
    const subjectId = items.find((s) => s.name === "Ada")?.id ?? "";
    await installation.owner.eraseSubject({ params: { ...project, subjectId } });
    const body = await exported();
    writeFileSync(file, body);
    const key = (await installation.owner.getSystem({})).ledger.publicKey;
    const verdict = await verifyExport(file, { key, held });
    expect(verdict).toMatchObject({ ok: true });
    expect(verdict.words).toContain(`the ledger's earlier key ${oldKey}`);
    const byOldKey = await verifyExport(file, { key: oldKey });
    expect(byOldKey).toMatchObject({ ok: false });
    expect(byOldKey.words).toContain("was replaced at entry");
    // A checkpoint that the old key signed of another history.
    const [origin, size] = held.split("\n");
    const note = held.replace(/\n[^\n]{44}\n/, `\n${Buffer.alloc(32, 1).toString("base64")}\n`);
    expect(note.startsWith(`${origin}\n${size}\n`)).toBe(true);
    expect(await verifyExport(file, { held: note })).toMatchObject({ ok: false });
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const { name, bytes } = mutate(body, seeded(seed));
        writeFileSync(file, bytes);
        expect(await verifyExport(file, { held }), name).toMatchObject({ ok: false });
      }),
      { numRuns: 150 },
    );
    expect(readFileSync(join(installation.dir, "ledger.key"), "utf8")).toContain("PRIVATE KEY");
    await installation.close();
  });
});
