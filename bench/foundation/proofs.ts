import { Agent, get } from "node:http";
import { join } from "node:path";
import { seeded } from "@latchkey/core/shared/random";
import { openSigner } from "../../apps/server/src/ledger/checkpoints.ts";
import { viewConsistency, viewProof } from "../../apps/server/src/ledger/proofs.view.ts";
import { type Database, openDatabase } from "../../apps/server/src/platform/database.ts";
import { type Bench, type Figure, figure, quantile } from "../figure.ts";
import { addressOf } from "./history.ts";
import { authorisationOf, type Year } from "./year.ts";

/** Proofs about random entries of a year's ledger: made in this process from the database, and asked for over HTTP. */
const PROOFS = 1_000;
const GOAL_MS = 2;
/** Before anything is kept: connections are made, and what runs often is compiled. */
const WARM_UP = 200;

export async function measureProofs(bench: Bench, year: Year): Promise<Figure[]> {
  const database = openDatabase(await addressOf(year.installation));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const count = bench.quick ? PROOFS / 10 : PROOFS;
    const inProcess = await timesOf(count, year.entries, makers(database, year));
    const http = await timesOf(count, year.entries, askers(agent, year));
    const told = (kind: "inclusion" | "consistency") => [
      figure(`${kind} proof in process: p99 of ${count}`, quantile(inProcess[kind], 0.99), "ms", { below: GOAL_MS }),
      figure(`${kind} proof in process: p50`, quantile(inProcess[kind], 0.5), "ms"),
      figure(`${kind} proof over HTTP: p99 of ${count}`, quantile(http[kind], 0.99), "ms"),
      figure(`${kind} proof over HTTP: p50`, quantile(http[kind], 0.5), "ms"),
    ];
    return [...told("inclusion"), ...told("consistency")];
  } finally {
    agent.destroy();
    await database.close();
  }
}

const dirOf = ({ installation }: Year): string => installation.own?.dir ?? "";

/** Makes a proof about the entry, or the size, of that number; false when there was none. */
interface Makers {
  readonly inclusion: (n: number) => Promise<boolean>;
  readonly consistency: (n: number) => Promise<boolean>;
}

/** What the server does for a request, in this process; each proof is checked against the signed root there, too. */
function makers({ db }: Database, year: Year): Makers {
  const signer = openSigner(join(dirOf(year), "ledger.key"));
  return {
    inclusion: async (n) => (await viewProof(db, signer, n)) !== null,
    consistency: async (n) => (await viewConsistency(db, signer, n + 1, undefined)) !== null,
  };
}

function askers(agent: Agent, { installation }: Year): Makers {
  const headers = authorisationOf(installation);
  const ask = (path: string) =>
    new Promise<boolean>((done, fail) => {
      get(`${installation.url}/api/v1/projects/main/ledger/${path}`, { agent, headers }, (answer) => {
        answer.resume().once("end", () => done(answer.statusCode === 200));
      }).once("error", fail);
    });
  return { inclusion: (n) => ask(`entries/${n}/proof`), consistency: (n) => ask(`consistency?from=${n + 1}`) };
}

async function timesOf(count: number, entries: number, make: Makers) {
  const random = seeded(17);
  const times = { inclusion: [] as number[], consistency: [] as number[] };
  for (let i = -WARM_UP; i < count; i++)
    for (const kind of ["inclusion", "consistency"] as const) {
      const n = Math.floor(random() * entries);
      const begun = performance.now();
      if (!(await make[kind](n))) throw new Error(`There is no ${kind} proof of ${n}.`);
      if (i >= 0) times[kind].push(performance.now() - begun);
    }
  return times;
}
