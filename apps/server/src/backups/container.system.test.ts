import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MANIFEST } from "../platform/backup/manifest.ts";
import { checkContainer } from "../platform/backup/reading.ts";
import { backUp, fileOf, fileWith, restoreInto } from "../testing/backups.ts";
import { testDatabase } from "../testing/database.ts";
import { Journey } from "../testing/journey.ts";

/** The file as it comes back from a disk or a friend: changed in any way, it is refused with the part's name. */
let journey: Journey;
let file = "";
let bytes: Buffer;
beforeAll(async () => {
  journey = await Journey.begin();
  await journey.shipFirst();
  file = fileOf(journey.installation, await backUp(journey.installation, { verify: false }));
  bytes = readFileSync(file);
});
afterAll(() => journey.end());

const changed = async (name: string, content: Buffer): Promise<string> => {
  const there = fileWith(journey.installation.dir, name, content);
  return checkContainer(there).then(
    () => "good",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
};

/**
 * Never a byte of a part's header, of what fills its last block up, or of the list of the parts, which are refused in
 * other words; where parts are small, the list is the largest of all.
 */
function insideOfLargestPart(): number {
  let [largest, middle] = [0, 0];
  // A header of 512 bytes, which holds the size in octal at 124, and then the content, in blocks of 512 (POSIX.1, ustar).
  for (let at = 0; at + 512 <= bytes.length; ) {
    const size = Number.parseInt(bytes.toString("latin1", at + 124, at + 135), 8) || 0;
    const isList = bytes.toString("latin1", at, at + MANIFEST.length + 1) === `${MANIFEST}\0`;
    if (size > largest && !isList) [largest, middle] = [size, at + 512 + Math.floor(size / 2)];
    at += 512 + 512 * Math.ceil(size / 512);
  }
  return middle;
}

describe("a backup's file", () => {
  it("is good as it was written, and holds the artifact that is served", async () => {
    const manifest = await checkContainer(file);
    expect(manifest.artifacts).toHaveLength(1);
    expect(manifest.notIncluded).toEqual([`${journey.workload.name}_production`]);
  });

  it("with any byte changed is refused with a sentence that names the part", async () => {
    const touched = Buffer.from(bytes);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        touched[at] = (touched[at] ?? 0) ^ flip;
        const words = await changed("flipped.tar", touched);
        touched[at] = bytes[at] ?? 0;
        expect(words).toMatch(/part |its beginning/);
      }),
      { numRuns: 250 },
    );
  });

  it("with any byte of its last blocks changed is refused: signature, padding and end", async () => {
    const touched = Buffer.from(bytes);
    for (let at = bytes.length - 2_048; at < bytes.length; at += 7) {
      touched[at] = (touched[at] ?? 0) ^ 1;
      expect(await changed("flipped.tar", touched), `byte ${at}`).toMatch(/part SIGNATURE/);
      touched[at] = bytes[at] ?? 0;
    }
  });

  it("cut short or lengthened anywhere is refused", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), async (length) => {
        const cut = fileWith(journey.installation.dir, "cut.tar", bytes);
        truncateSync(cut, length);
        await expect(checkContainer(cut)).rejects.toThrow(/cut short|part SIGNATURE/);
      }),
      { numRuns: 60 },
    );
    expect(await changed("longer.tar", Buffer.concat([bytes, Buffer.alloc(512)]))).toMatch(/part SIGNATURE/);
  });

  it("that was changed leaves the folder and the database as they were", async () => {
    const database = await testDatabase("empty");
    const touched = Buffer.from(bytes);
    const at = insideOfLargestPart();
    touched[at] = (touched[at] ?? 0) ^ 4;
    const dir = join(journey.installation.dir, "elsewhere");
    writeFileSync(join(journey.installation.dir, "flipped.tar"), touched);
    await expect(
      restoreInto(dir, database, join(journey.installation.dir, "flipped.tar"), { newKey: true }),
    ).rejects.toThrow(/The part /);
    const tables = await database.pool.query(
      "select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace where nspname = 'public'",
    );
    expect(tables.rowCount).toBe(0);
    await database.drop();
  });
});
