import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { pino } from "pino";
import { onRecord, record } from "../../apps/server/src/ledger/record.ts";
import { startSequencer } from "../../apps/server/src/ledger/sequencer.ts";
import { createDatabaseIfMissing, type Database, openDatabase } from "../../apps/server/src/platform/database.ts";
import { migrate } from "../../apps/server/src/platform/migrate.ts";
import { ensurePostgres, stopPostgres } from "../../apps/server/src/platform/postgres/embedded.ts";
import { type Bench, type Figure, figure, median } from "../figure.ts";

/**
 * What it costs that a change is recorded: one business row in a transaction of its own, without and with `record()`, while
 * the sequencer numbers what is recorded. Short runs take turns, so that what else the machine does meets both.
 */
const CLIENTS = 16;
const PAIRS = 15;
const RUN_MS = 1_500;
/** Nine tenths of the commits that there would be without. */
const LEFT_AT_LEAST = 0.9;

export async function measureAudit(bench: Bench): Promise<Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
  const log = pino({ level: "silent" });
  try {
    const postgres = await ensurePostgres({ dir, log });
    const database = openDatabase(await createDatabaseIfMissing(postgres.url, "bench"), { max: CLIENTS + 2 });
    try {
      await migrate(database, join(bench.root, "apps", "server", "migrations"));
      await sql`create table work_done (id bigint generated always as identity primary key, words text not null)`.execute(
        database.db,
      );
      return await pairs(bench, database);
    } finally {
      await database.close();
    }
  } finally {
    await stopPostgres(dir);
    rmSync(dir, { recursive: true, force: true });
  }
}

async function pairs(bench: Bench, database: Database): Promise<Figure[]> {
  const sequencer = startSequencer(database, pino({ level: "silent" }), () => {});
  const off = onRecord(() => sequencer.wake());
  const plain: number[] = [];
  const audited: number[] = [];
  const behind: number[] = [];
  try {
    const ms = bench.quick ? RUN_MS / 3 : RUN_MS;
    // One of each that is not kept: connections are opened, code is compiled.
    for (const isAudited of [false, true]) await run(database, isAudited, ms);
    await untilDrained(database);
    for (let i = 0; i < (bench.quick ? 2 : PAIRS) && !bench.signal.aborted; i++) {
      plain.push(await run(database, false, ms));
      audited.push(await run(database, true, ms));
      behind.push(await untilDrained(database));
    }
  } finally {
    off();
    await sequencer.stop();
  }
  const ratios = plain.map((p, i) => (audited[i] ?? 0) / p);
  bench.say(`audited : unaudited of each pair: ${ratios.map((r) => r.toFixed(2)).join(" ")}`);
  return [
    figure(`audited share of unaudited commits, median of ${ratios.length} pairs`, median(ratios), "", {
      atLeast: LEFT_AT_LEAST,
    }),
    figure(`audited commits, ${CLIENTS} clients`, median(audited), "commits/s", {
      peer: { name: "unaudited", value: median(plain) },
    }),
    figure("entries not yet numbered when the clients end, most", Math.max(...behind), "entries"),
  ];
}

/** Commits a second that so many clients make, each waiting for its own. */
async function run(database: Database, isAudited: boolean, ms: number): Promise<number> {
  let commits = 0;
  const begun = performance.now();
  const client = async () => {
    while (performance.now() - begun < ms) {
      await database.transaction(async (tx) => {
        await sql`insert into work_done (words) values (${"A release was promoted by a person."})`.execute(tx);
        if (isAudited)
          await record(tx, {
            type: "bench.work.done",
            subject: "bench/work",
            project: "main",
            actor: { id: "bench", kind: "system", name: "Bench" },
            data: { words: "A release was promoted by a person." },
          });
      });
      commits += 1;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return (commits / (performance.now() - begun)) * 1000;
}

/** Answers how many were waiting. */
async function untilDrained({ db }: Database): Promise<number> {
  const waiting = async () =>
    Number((await sql<{ n: string }>`select count(*) as n from ledger_outbox`.execute(db)).rows[0]?.n);
  const before = await waiting();
  while ((await waiting()) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  return before;
}
