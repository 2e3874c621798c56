import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seeded } from "@latchkey/core/shared/random";
import { verifyExport } from "latchkey-verify";
import { MUTATIONS } from "../../packages/verify/src/mutations.testkit.ts";
import { type Bench, type Figure, figure } from "../figure.ts";
import { ledgerGet, type Year } from "./year.ts";

/** Exports that somebody changed: how many of them the verifier finds. */
const CHANGES = 10_000;
/** Enough for a tree of several levels on both sides, and small enough to be checked ten thousand times. */
const ENTRIES = 40;

export async function measureMutations(bench: Bench, year: Year): Promise<Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
  try {
    const file = join(dir, "ledger.export");
    const verdictOn = async (bytes: Buffer, known = {}) => {
      writeFileSync(file, bytes);
      return verifyExport(file, known);
    };
    const part = await exportOf(year, Math.floor(year.entries / 2));
    if (!(await verdictOn(part)).ok) throw new Error("The export is not found good before it is changed.");
    const random = seeded(2026);
    const kinds = Object.entries(MUTATIONS);
    const changes = bench.quick ? CHANGES / 20 : CHANGES;
    let found = 0;
    for (let i = 0; i < changes && !bench.signal.aborted; i++) {
      const [name, mutation] = kinds[i % kinds.length] ?? ["", (bytes: Buffer) => bytes];
      const changed = mutation(part, random);
      if (changed.equals(part)) throw new Error(`"${name}" changed nothing.`);
      if (!(await verdictOn(changed)).ok) found += 1;
      else bench.say(`NOT FOUND: "${name}", change ${i} of seed 2026`);
    }
    return [
      figure(`changed exports found, of ${changes}`, found, "exports", { atLeast: changes }),
      await withoutItsEnd(year, verdictOn),
    ];
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const exportOf = async (year: Year, first: number): Promise<Buffer> =>
  Buffer.from(await (await ledgerGet(year, `export?first=${first}&count=${ENTRIES}`)).arrayBuffer());

/** An older export is good by itself; whoever kept a later checkpoint sees that its end is missing. */
async function withoutItsEnd(
  year: Year,
  verdictOn: (bytes: Buffer, known: { held: string }) => Promise<{ ok: boolean; words: string }>,
): Promise<Figure> {
  const older = Buffer.from(await (await ledgerGet(year, "export?count=0")).arrayBuffer());
  const { client } = year.installation;
  const signed = async () => (await client.getSystem({})).ledger.signedSize;
  const before = await signed();
  await client.createToken({ body: { name: "bench", role: "viewer" } });
  while ((await signed()) <= before) await new Promise((resolve) => setTimeout(resolve, 100));
  const held = await (await ledgerGet(year, "log/checkpoint")).text();
  const verdict = await verdictOn(older, { held });
  return figure("export cut off after a kept checkpoint: found", verdict.ok ? 0 : 1, "of 1", { atLeast: 1 });
}
