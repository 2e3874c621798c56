import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { leafHash, nodeHash } from "@latchkey/core/shared/merkle";
import { seeded } from "@latchkey/core/shared/random";
import { parseTile, tilePath } from "@latchkey/core/shared/tiles";
import fc from "fast-check";
import { verifyExport } from "latchkey-verify";
import { mutate } from "latchkey-verify/mutations.testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation } from "../testing/installation.ts";
import { until } from "../testing/until.ts";
import { record } from "./record.ts";
import { sha256 } from "./sha256.ts";

/** The ledger as outsiders check it: with the export and a program that knows nothing of this server. */
let installation: Installation;
let scratch = 0;
const ENTRIES = 300;

async function get(path: string): Promise<{ status: number; body: Buffer }> {
  const answer = await installation.fetch(path);
  return { status: answer.status, body: Buffer.from(await answer.arrayBuffer()) };
}
const standing = async () => (await installation.owner.getSystem({})).ledger;
async function write(count: number): Promise<void> {
  await installation.database.transaction(async (tx) => {
    for (let i = 0; i < count; i++)
      await record(tx, {
        type: "test.thing.happened",
        subject: `thing/${i}`,
        project: "main",
        actor: { id: "tester", kind: "system", name: "Tester" },
        data: { i, words: "Größe ☃ \n\u2028" },
      });
  });
}
async function signedEntries(atLeast: number): Promise<number> {
  return until("the entries are signed", async () => {
    const { signedSize } = await standing();
    return signedSize >= atLeast && signedSize;
  });
}
function fileOf(bytes: Buffer): string {
  scratch += 1;
  const file = join(installation.dir, `${scratch % 20}.export`);
  writeFileSync(file, bytes);
  return file;
}
const verdictOn = (bytes: Buffer, known: { key?: string; held?: string } = {}) => verifyExport(fileOf(bytes), known);

beforeAll(async () => {
  installation = await Installation.start();
  await write(ENTRIES);
  await signedEntries(ENTRIES);
});
afterAll(() => installation.close());

describe("an export", () => {
  it("of the whole ledger is found good, with the key and with checkpoints kept at any earlier time", async () => {
    const { publicKey: key } = await standing();
    const held = (await get("/api/v1/ledger/log/checkpoint")).body.toString("utf8");
    await write(7);
    await signedEntries(ENTRIES + 7);
    const { body } = await get("/api/v1/ledger/export");
    expect(await verdictOn(body, { key, held })).toMatchObject({ ok: true, first: 0 });
  });

  it("of any part is found good", async () => {
    const size = await signedEntries(ENTRIES);
    await fc.assert(
      fc.asyncProperty(fc.nat(size), fc.nat(size), async (first, count) => {
        const { body } = await get(`/api/v1/ledger/export?first=${first}&count=${count}`);
        expect(await verdictOn(body)).toMatchObject({ ok: true, first, entries: Math.min(count, size - first) });
      }),
      { numRuns: 40 },
    );
  });

  it("that was touched in any way is found out", async () => {
    const { body } = await get("/api/v1/ledger/export?first=40&count=30");
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const { name, bytes } = mutate(body, seeded(seed));
        expect(await verdictOn(bytes), name).toMatchObject({ ok: false });
      }),
      { numRuns: 400 },
    );
  });

  it("of another key, or without its end since a kept checkpoint, is found out", async () => {
    const { body } = await get("/api/v1/ledger/export");
    const key = Buffer.alloc(32, 7).toString("base64");
    expect(await verdictOn(body, { key })).toMatchObject({ ok: false });
    const held = await (async () => {
      const { size } = await standing();
      await write(3);
      await signedEntries(size + 3);
      return (await get("/api/v1/ledger/log/checkpoint")).body.toString("utf8");
    })();
    const verdict = await verdictOn(body, { held });
    expect(verdict).toMatchObject({ ok: false });
    expect(verdict.words).toContain("its end is missing");
  });

  it("needs a credential, and numbers", async () => {
    expect((await fetch(`${installation.url}/api/v1/ledger/export`)).status).toBe(401);
    expect((await get("/api/v1/ledger/export?first=x")).status).toBe(400);
    expect((await get("/api/v1/ledger/export?first=999999")).status).toBe(400);
  });
});

describe("tiles", () => {
  it("hold the hashes of the bundled entries, and the roots of full tiles above them", async () => {
    const bundle = (await get("/api/v1/ledger/log/tile/entries/000")).body;
    const hashes = (await get("/api/v1/ledger/log/tile/0/000")).body;
    const leaves: Buffer[] = [];
    for (let at = 0; at < bundle.length; ) {
      const length = bundle.readUInt16BE(at);
      leaves.push(Buffer.from(leafHash(sha256, bundle.subarray(at + 2, at + 2 + length))));
      at += 2 + length;
    }
    expect(leaves).toHaveLength(256);
    expect(Buffer.concat(leaves).equals(hashes)).toBe(true);
    let level: Uint8Array[] = leaves;
    while (level.length > 1)
      level = level.flatMap((hash, i) =>
        i % 2 === 0 ? [nodeHash(sha256, hash, level[i + 1] ?? new Uint8Array())] : [],
      );
    const above = (await get("/api/v1/ledger/log/tile/1/000.p/1")).body;
    expect(above.equals(Buffer.from(level[0] ?? []))).toBe(true);
  });

  it("that are not there yet, or have no such address, are not found", async () => {
    for (const path of ["0/000.p/0", "0/999", "1/000", "entries/001.p/255", "..%2f..%2fhealthz", "7/000"])
      expect((await get(`/api/v1/ledger/log/tile/${path}`)).status, path).toBe(404);
    expect(parseTile(tilePath({ level: 0, index: 1, width: 40 }))).not.toBeNull();
    expect((await get("/api/v1/ledger/log/tile/0/001.p/40")).body).toHaveLength(40 * 32);
  });

  it("lead from the entries to the signed root by the plain definition of RFC 6962", async () => {
    const note = (await get("/api/v1/ledger/log/checkpoint")).body.toString("utf8").split("\n");
    const size = Number(note[1]);
    const { body } = await get(`/api/v1/ledger/export?count=${size}`);
    const entries = body
      .toString("utf8")
      .split("\n")
      .slice(2, 2 + size);
    const plain = (...parts: Uint8Array[]) => createHash("sha256").update(Buffer.concat(parts)).digest();
    const tree = (list: readonly string[]): Buffer => {
      if (list.length === 1) return plain(Buffer.from([0]), Buffer.from(list[0] ?? "", "utf8"));
      let k = 1;
      while (k * 2 < list.length) k *= 2;
      return plain(Buffer.from([1]), tree(list.slice(0, k)), tree(list.slice(k)));
    };
    expect(tree(entries).toString("base64")).toBe(note[2]);
  });
});
