import { readFileSync } from "node:fs";
import { join } from "node:path";
import { measureRollback } from "../delivery/rollback.ts";
import type { Bench } from "../figure.ts";
import { type Installation, startOwn } from "../installation.ts";
import { makeHistory } from "./history.ts";

/** An installation of the bench's own with a year behind it: what most parts of the foundation are measured on. */
export interface Year {
  readonly installation: Installation;
  /** Of the whole ledger. */
  readonly entries: number;
  readonly deployments: number;
  /** Signed before the year was put behind it: the ledger must still begin with it. */
  readonly keptCheckpoint: string;
}

const ENTRIES = 1_000_000;
const ENTRIES_QUICK = 20_000;
const SERVICES = 10;
const SIGNED_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 200;

const tokenOf = ({ own }: Installation): string => readFileSync(join(own?.dir ?? "", "cli.token"), "utf8").trim();
export const authorisationOf = (installation: Installation) => ({ authorization: `Bearer ${tokenOf(installation)}` });

/** What the ledger answers outside of the contract: `export`, `log/checkpoint` and so on. */
export async function ledgerGet({ installation }: Pick<Year, "installation">, path: string): Promise<Response> {
  const answer = await fetch(`${installation.url}/api/v1/ledger/${path}`, { headers: authorisationOf(installation) });
  if (!answer.ok) throw new Error(`${path} of the ledger: ${answer.status} ${await answer.text()}`);
  return answer;
}

/** The history needs a release that was rolled back; the rollback's own figures are another part's. */
export async function makeYear(bench: Bench, installation: Installation): Promise<Year> {
  const { items } = await installation.client.listDeployments({ params: { project: "main" } });
  if (!items.some((d) => d.status === "rolled_back"))
    await measureRollback({ ...bench, quick: true }, installation, 100);
  const keptCheckpoint = await (await ledgerGet({ installation }, "log/checkpoint")).text();
  const entries = bench.quick ? ENTRIES_QUICK : ENTRIES;
  bench.say(`Putting a year of ${entries} ledger entries behind it ...`);
  const history = await makeHistory(bench, installation, { entries, services: SERVICES });
  await untilSigned(installation, history.entries);
  return { installation, keptCheckpoint, ...history };
}

async function untilSigned({ client }: Installation, entries: number): Promise<void> {
  for (const deadline = performance.now() + SIGNED_WITHIN_MS; performance.now() < deadline; ) {
    if ((await client.getSystem({})).ledger.signedSize >= entries) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  throw new Error(`No checkpoint of ${entries} entries was signed.`);
}

/** Runs `work` with an installation of the bench's own, and ends that. */
export async function withOwn<T>(bench: Bench, work: (installation: Installation) => Promise<T>): Promise<T> {
  bench.say("Starting a Latchkey of its own ...");
  const installation = await startOwn(bench.root, bench.signal);
  try {
    return await work(installation);
  } finally {
    await installation.stop();
  }
}
