import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seeded } from "@latchkey/core/shared/random";
import type { Sealed } from "@latchkey/core/shared/sealed";
import { sql } from "kysely";
import { pino } from "pino";
import { storeDeliveries } from "../../apps/server/src/delivery/github.store.ts";
import { DeliveriesController } from "../../apps/server/src/delivery/github-deliveries.controller.ts";
import { createDatabaseIfMissing, type Database, openDatabase } from "../../apps/server/src/platform/database.ts";
import { migrate } from "../../apps/server/src/platform/migrate.ts";
import { ensurePostgres, stopPostgres } from "../../apps/server/src/platform/postgres/embedded.ts";
import { type Bench, type Figure, figure } from "../figure.ts";
import { type Delivery, historyOf } from "./deliveries.ts";

/** A history as it happened, and the same shuffled, with every delivery doubled and a part of it late, on two real databases. */
const DELIVERIES = 10_000;
const DELIVERIES_QUICK = 1_000;
const REPOSITORY = "acme/shop";
/** So many pieces: between them, what came is taken in, so that the rest is late. */
const PIECES = 7;
const AT_ONCE = 200;

export async function measureOrder(bench: Bench): Promise<Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
  try {
    const { url } = await ensurePostgres({ dir, log: pino({ level: "silent" }) });
    const history = historyOf(REPOSITORY, bench.quick ? DELIVERIES_QUICK : DELIVERIES);
    bench.say(`Taking in ${history.length} deliveries as they happened ...`);
    const ordered = await takeIn(bench, url, "ordered", [history]);
    bench.say("Taking in the same, shuffled, doubled and late ...");
    const doubled = [...history, ...history, ...history.map((d) => ({ ...d, id: `${d.id}-again` }))];
    const shuffled = shuffle(doubled, bench.seed);
    const size = Math.ceil(shuffled.length / PIECES);
    const pieces = Array.from({ length: PIECES }, (_, i) => shuffled.slice(i * size, (i + 1) * size));
    const other = await takeIn(bench, url, "shuffled", pieces);
    const names = new Set([...ordered.rows.keys(), ...other.rows.keys()]);
    const different = [...names].filter((name) => ordered.rows.get(name) !== other.rows.get(name)).length;
    return [
      figure(
        `of ${names.size} rows after ${history.length} deliveries: different when shuffled, doubled and late`,
        different,
        "rows",
        { atMost: 0 },
      ),
      figure("rows that there are, so that equal means something", names.size, "rows", {
        atLeast: history.length / 20,
      }),
      figure("deliveries taken in a second", other.perSecond, "1/s"),
    ];
  } finally {
    await stopPostgres(dir);
    rmSync(dir, { recursive: true, force: true });
  }
}

function shuffle(list: readonly Delivery[], seed: number): Delivery[] {
  const random = seeded(seed);
  const out = [...list];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [out[i], out[j]] = [out[j] as Delivery, out[i] as Delivery];
  }
  return out;
}

async function takeIn(bench: Bench, url: string, name: string, pieces: readonly (readonly Delivery[])[]) {
  const database = openDatabase(await createDatabaseIfMissing(url, `bench_${name}`));
  try {
    await migrate(database, join(bench.root, "apps", "server", "migrations"));
    const config = { github: { repository: REPOSITORY, branch: "main" }, environments: ["production"] };
    await sql`insert into service (project, name, config, config_digest, root) values ('main', 'shop', ${JSON.stringify(config)}::jsonb, '', '/')`.execute(
      database.db,
    );
    const controller = new DeliveriesController({
      database,
      lease: { fence: () => 1, guards: async () => true },
      // One text for one name, as the sealing of names is.
      subjects: { sealName: async (of) => `sealed ${of}` as Sealed },
      onTaken: () => {},
    });
    // The connection comes first: a change is of a service that is connected.
    await controller.tick();
    let ms = 0;
    for (const piece of pieces) {
      for (let i = 0; i < piece.length; i += AT_ONCE)
        await storeDeliveries(
          database.db,
          piece.slice(i, i + AT_ONCE).map((d) => ({ ...d, body: Buffer.from(d.body) })),
        );
      const begun = performance.now();
      while (await controller.tick());
      ms += performance.now() - begun;
    }
    const taken = Number(
      (
        await sql<{ n: string }>`select count(*) as n from github_delivery where taken_at is not null`.execute(
          database.db,
        )
      ).rows[0]?.n,
    );
    return { rows: await rowsOf(database), perSecond: (taken / ms) * 1_000 };
  } finally {
    await database.close();
  }
}

/** What is known in the end, without the moments at which it was written. */
async function rowsOf({ db }: Database): Promise<Map<string, string>> {
  const found = await sql<{ name: string; what: string }>`
    select 'state ' || repository || ' ' || kind || ' ' || key as name, fields::text as what from github_state
    union all
    select 'change ' || key, (to_jsonb(change) - 'updated_at')::text from change`.execute(db);
  return new Map(found.rows.map((row) => [row.name, row.what]));
}
