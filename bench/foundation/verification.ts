import { spawn } from "node:child_process";
import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Verdict } from "latchkey-verify";
import { type Bench, type Figure, figure, median } from "../figure.ts";
import { cpuOf } from "../processes.ts";
import { ledgerGet, type Year } from "./year.ts";

/** A year's ledger checked: from its export by the program that outsiders have, and by the server itself. */
const RUNS = 3;
/** On one core, of any machine that Latchkey is run on. */
const SECONDS = 5;

export async function measureVerification(bench: Bench, year: Year): Promise<Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
  try {
    const file = join(dir, "ledger.export");
    const answer = await ledgerGet(year, "export");
    await pipeline(Readable.fromWeb(answer.body as never), createWriteStream(file));
    const { publicKey } = (await year.installation.client.getSystem({})).ledger;
    const costs: number[] = [];
    for (let i = 0; i < (bench.quick ? 1 : RUNS); i++) costs.push(await checkOnce(bench, file, publicKey, year));
    const server = await serverChecks(year);
    return [
      figure(`export of ${year.entries} entries verified: CPU`, median(costs), "s", { below: SECONDS }),
      figure(`server verifies ${year.entries} entries: CPU of the server`, server.server, "s", { below: SECONDS }),
      figure(`server verifies ${year.entries} entries: CPU of PostgreSQL`, server.postgres, "s"),
      figure(`server verifies ${year.entries} entries: from asking to the answer`, server.seconds, "s"),
    ];
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** In a process of its own, its start among the costs: as a user runs it. */
async function checkOnce(bench: Bench, file: string, key: string, year: Year): Promise<number> {
  const args = [join(bench.root, "bench", "foundation", "verify-once.mjs"), file, key, year.keptCheckpoint];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const printed: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => printed.push(chunk));
  await new Promise((done) => child.once("close", done));
  const { verdict, cpuS } = JSON.parse(Buffer.concat(printed).toString("utf8")) as { verdict: Verdict; cpuS: number };
  if (!verdict.ok || verdict.entries !== year.entries)
    throw new Error(`The export of ${year.entries} entries was not found good: ${verdict.words}`);
  return cpuS;
}

async function serverChecks({ installation, entries }: Year) {
  const dir = installation.own?.dir ?? "";
  const before = cpuOf(dir);
  const begun = performance.now();
  const verdict = await installation.client.verifyLedger({ params: { project: "main" } });
  const seconds = (performance.now() - begun) / 1000;
  const after = cpuOf(dir);
  if (!verdict.ok || verdict.size !== entries)
    throw new Error(`The server does not find its ledger good: ${verdict.words}`);
  return { seconds, server: after.server - before.server, postgres: after.postgres - before.postgres };
}
