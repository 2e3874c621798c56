import { execFileSync } from "node:child_process";
import { rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "@latchkey/api/client";
import { sql } from "kysely";
import { verifyExport } from "latchkey-verify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EventStream } from "../testing/event-stream.ts";
import { Journey } from "../testing/journey.ts";
import { problemOf } from "../testing/problem.ts";
import { until } from "../testing/until.ts";

/** A person works with the product, and is then erased: nothing of the person is left, and everything still holds. */
const NAME = 'Ada "Größe" Quillfeather';
const REASON = "Quillfeather's own reason";
let journey: Journey;
let ada: Client;
let deployment: string;
let rollout: string;

const project = { project: "main" };
const git = (...args: string[]) =>
  execFileSync("git", ["-c", `user.name=${NAME}`, "-c", "user.email=a@example.org", ...args], {
    cwd: journey.workload.root,
  });
const commit = () => {
  git("add", "-A");
  git("commit", "-q", "-m", "Change the page");
};
async function subjectNamed(name: string): Promise<string> {
  const { items } = await journey.owner.listSubjects({ params: project });
  return items.find((s) => s.name === name)?.id ?? "";
}
/** Every row of every table as text, as a dump has it. */
async function dump(): Promise<string> {
  const { db } = journey.installation.database.owner;
  const tables = await sql<{
    name: string;
  }>`select tablename as name from pg_tables where schemaname = 'public'`.execute(db);
  const parts = await Promise.all(
    tables.rows.map(({ name }) => sql<{ row: string }>`select t::text as row from ${sql.id(name)} t`.execute(db)),
  );
  return parts.flatMap((part) => part.rows.map((r) => r.row)).join("\n");
}
function expectNothingPersonalIn(text: string): void {
  for (const word of ["Quillfeather"])
    for (const form of [
      word,
      Buffer.from(word).toString("hex"),
      // Each of the three ways in which its bytes can lie in base64, without what depends on the neighbours.
      ...[0, 1, 2].map((i) =>
        Buffer.from("x".repeat(i) + word)
          .toString("base64")
          .slice(2 + i, -4),
      ),
    ])
      expect(text.includes(form), form).toBe(false);
}
async function allAreSigned(): Promise<void> {
  await until("all entries are signed", async () => {
    const { items } = await journey.owner.listLedger({ params: project, query: { limit: 1 } });
    const { ledger } = await journey.owner.getSystem({});
    return ledger.signedSize === ledger.size && ledger.size > (items[0]?.sequence ?? 0);
  });
}

beforeAll(async () => {
  journey = await Journey.begin({ strategy: { kind: "blue_green", holdbackMs: 3_600_000 } });
  git("init", "-q");
  commit();
  await journey.shipFirst();
  const made = await journey.owner.createToken({ params: project, body: { name: NAME, role: "owner" } });
  expect(made.token.name).toBe(NAME);
  ada = journey.installation.clientWith(made.secret);
  journey.workload.will({ version: "by ada" });
  commit();
  deployment = (await ada.ship({ params: { ...project, service: journey.workload.name }, body: { reason: REASON } }))
    .id;
  rollout = await journey.rolloutOf(deployment);
  await journey.drive(rollout, {}, "holdback");
  await ada.actOnRollout({ params: { ...project, rolloutId: rollout }, body: { action: "promote", reason: REASON } });
  await journey.drive(rollout, {}, "completed");
  await allAreSigned();
});
afterAll(() => journey.end());

/** All that the API tells of the deployment and its entries, as text. */
async function told(): Promise<string> {
  await allAreSigned();
  const { owner } = journey;
  const { signedSize } = (await owner.getSystem({})).ledger;
  const entries = await owner.listLedger({ params: project, query: { limit: 200 } });
  return JSON.stringify([
    await journey.deployment(deployment),
    await journey.rollout(rollout),
    await journey.explain(rollout),
    await owner.listTokens({ params: project }),
    await owner.listReleases({ params: { ...project, service: journey.workload.name } }),
    await owner.listSubjects({ params: project }),
    entries,
    await Promise.all(
      entries.items
        .filter((e) => e.sequence < signedSize)
        .map((e) => owner.getLedgerProof({ params: { ...project, sequence: String(e.sequence) } })),
    ),
  ]);
}
async function streamed(): Promise<string> {
  const headers = { authorization: `Bearer ${journey.installation.secretIn("cli.token")}`, "last-event-id": "0" };
  const stream = await new EventStream(`${journey.installation.url}/api/v1/stream`, headers).opened();
  const { items } = await journey.owner.listLedger({ params: project, query: { limit: 1 } });
  await until("all came", () => stream.sequences.at(-1) === items[0]?.sequence);
  stream.close();
  return JSON.stringify(stream.events);
}
async function exportHolds(): Promise<string> {
  const bytes = Buffer.from(await (await journey.installation.fetch("/api/v1/ledger/export")).arrayBuffer());
  const file = join(journey.installation.dir, "subjects.export");
  writeFileSync(file, bytes);
  expect(await verifyExport(file)).toMatchObject({ ok: true });
  rmSync(file);
  return bytes.toString("utf8");
}

describe("a person in the records", () => {
  it("is shown by name to those who may read, and stands nowhere in clear", async () => {
    const { createdBy, reason, release } = await journey.deployment(deployment);
    expect([createdBy, reason, release?.author]).toEqual([NAME, REASON, NAME]);
    const seen = await journey.rollout(rollout);
    expect(journey.wordsOf(seen)).toContain(`${NAME} ended the holdback: ${REASON}`);
    expect(await journey.explain(rollout)).toMatchObject({ agrees: true, evidenceIntact: true });
    expect(await streamed()).toContain("Quillfeather");
    expect((await ada.me({})).principal.name).toBe(NAME);
    expectNothingPersonalIn(await dump());
    expectNothingPersonalIn(await exportHolds());
    expect(statSync(join(journey.installation.dir, "subjects.key")).mode & 0o777).toBe(0o600);
  });

  it("is one person, however many credentials and commits have the name", async () => {
    const { items } = await journey.owner.listSubjects({ params: project });
    expect(items.filter((s) => s.name === NAME)).toHaveLength(1);
  });

  it("is erased by nobody but an owner, and by an id that exists", async () => {
    const subjectId = await subjectNamed(NAME);
    const viewer = journey.installation.clientWith((await journey.installation.tokenOf("viewer")).secret);
    expect(await problemOf(viewer.eraseSubject({ params: { ...project, subjectId } }))).toMatchObject({ status: 403 });
    expect(await problemOf(viewer.listSubjects({ params: project }))).toMatchObject({ status: 403 });
    const unknown = journey.owner.eraseSubject({ params: { ...project, subjectId: `sub_${"0".repeat(32)}` } });
    expect(await problemOf(unknown)).toMatchObject({ status: 404, code: "LK_NOT_FOUND" });
    expect(await told()).toContain("Quillfeather");
  });
});

describe("an erased person", () => {
  it("is gone from all that is stored and told; every proof, export and replay still holds", async () => {
    const subjectId = await subjectNamed(NAME);
    const erased = await journey.owner.eraseSubject({ params: { ...project, subjectId } });
    expect(erased).toMatchObject({ id: subjectId, name: "erased", erasedAt: expect.any(String) });
    await allAreSigned();
    expectNothingPersonalIn(await told());
    expectNothingPersonalIn(await streamed());
    expectNothingPersonalIn(await dump());
    expectNothingPersonalIn(await exportHolds());
    expect(journey.wordsOf(await journey.rollout(rollout))).toContain("erased ended the holdback: erased");
    expect(await journey.explain(rollout)).toMatchObject({ agrees: true, evidenceIntact: true });
    expect(await journey.owner.verifyLedger({ params: project })).toMatchObject({ ok: true });
    const keys = await sql`select 1 from data_subject where id = ${subjectId} and wrapped_key is null
      and name_hash is null and sealed_name is null`.execute(journey.installation.database.db);
    expect(keys.rows).toHaveLength(1);
    const { items } = await journey.owner.listLedger({ params: project, query: { type: "ledger.subject.erased" } });
    expect(items.map((e) => [e.subject, e.actor.kind])).toEqual([[`subject/${subjectId}`, "person"]]);
  });

  it("may be erased twice, which records nothing more", async () => {
    const { items } = await journey.owner.listSubjects({ params: project });
    const subjectId = items.find((s) => s.erasedAt !== null)?.id ?? "";
    const again = await journey.owner.eraseSubject({ params: { ...project, subjectId } });
    expect(again.erasedAt).toBe(items.find((s) => s.id === subjectId)?.erasedAt);
    const entries = await journey.owner.listLedger({ params: project, query: { type: "ledger.subject.erased" } });
    expect(entries.items).toHaveLength(1);
  });

  it("whose credential still works leaves no words behind, and under the same name comes back as somebody new", async () => {
    expect((await ada.me({})).principal.name).toBe("erased");
    const asked = { params: { ...project, service: journey.workload.name }, body: { reason: REASON } };
    expect((await ada.ship(asked)).reason).toBe("erased");
    await journey.owner.createToken({ params: project, body: { name: NAME, role: "viewer" } });
    expect(await subjectNamed(NAME)).not.toBe("");
    expectNothingPersonalIn(await dump());
    expect((await journey.deployment(deployment)).createdBy).toBe("erased");
  });
});

describe("names that an earlier version wrote in clear", () => {
  it("on credentials are sealed by the next start, and shown as before", async () => {
    const { database } = journey.installation;
    await sql`update access_token set name = 'Quillfeather of old' where kind = 'token'`.execute(database.db);
    await journey.installation.stop();
    await journey.installation.start();
    expectNothingPersonalIn(await dump());
    const { items } = await journey.owner.listTokens({ params: project });
    expect(items.filter((t) => t.name === "Quillfeather of old").length).toBeGreaterThan(1);
  });
});
