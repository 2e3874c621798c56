import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { record } from "../../apps/server/src/ledger/record.ts";
import { type Database, openDatabase } from "../../apps/server/src/platform/database.ts";
import { type Bench, type Figure, figure, quantile, sleep } from "../figure.ts";
import type { Installation } from "../installation.ts";
import { addressOf } from "./history.ts";

/**
 * From a commit to those who watch: entries are written to the server's database, whose sequencer numbers them and whose
 * stream brings them to clients in another process. Of the clients a few note every entry's time, the others just read.
 */
const PER_SECOND = 500;
const CLIENTS = 200;
const LISTEN_CLOSELY = 10;
const GOAL_MS = 250;
const SECONDS = 10;
/** Every entry has come within this, or it is missing. */
const LAST_WITHIN_MS = 20_000;
const LAST_WITHIN_QUICK_MS = 3_000;
/** Entries are written in bursts this far apart, whether or not the ones before are committed. */
const TICK_MS = 10;

const now = (): number => performance.timeOrigin + performance.now();

export async function measureStream(bench: Bench, installation: Installation): Promise<Figure[]> {
  const database = openDatabase(await addressOf(installation), { max: 8 });
  const token = readFileSync(join(installation.own?.dir ?? "", "cli.token"), "utf8").trim();
  const child = spawn(
    process.execPath,
    [
      join(bench.root, "bench", "foundation", "stream-clients.mjs"),
      `${installation.url}/api/v1/stream?project=main`,
      String(CLIENTS),
      String(LISTEN_CLOSELY),
    ],
    { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, LATCHKEY_TOKEN: token } },
  );
  try {
    const came = new Map<string, number[]>();
    let open = () => {};
    const opened = new Promise<void>((done) => (open = done));
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line === "open") return open();
      const [id = "", at] = line.split(" ");
      came.set(id, [...(came.get(id) ?? []), Number(at)]);
    });
    await Promise.race([
      opened,
      new Promise((_, fail) => child.once("exit", () => fail(new Error("No client came in.")))),
    ]);
    // The sequencer looks by itself once a second, and then goes on while there is something: not what is measured.
    await write(database, bench.quick ? 1 : 2);
    const committed = await write(database, bench.quick ? 1 : SECONDS);
    return await figures(committed, came, bench.quick ? LAST_WITHIN_QUICK_MS : LAST_WITHIN_MS);
  } finally {
    child.stdin.end();
    await database.close();
  }
}

/** Writes at the rate, each entry in a transaction of its own; answers when each was committed. */
async function write(database: Database, seconds: number): Promise<Map<string, number>> {
  const committed = new Map<string, number>();
  const under: Promise<void>[] = [];
  const one = async (n: number) => {
    const id = await database.transaction((tx) =>
      record(tx, {
        type: "bench.work.done",
        subject: `bench/${n}`,
        project: "main",
        actor: { id: "bench", kind: "system", name: "Bench" },
        data: { n },
      }),
    );
    committed.set(id, now());
  };
  const begun = performance.now();
  for (let n = 0; n < PER_SECOND * seconds; ) {
    for (; n < ((performance.now() - begun) / 1000) * PER_SECOND; n++) under.push(one(n));
    await sleep(TICK_MS);
  }
  await Promise.all(under);
  return committed;
}

async function figures(
  committed: ReadonlyMap<string, number>,
  came: ReadonlyMap<string, number[]>,
  withinMs: number,
): Promise<Figure[]> {
  const missing = () => [...committed.keys()].filter((id) => (came.get(id)?.length ?? 0) < LISTEN_CLOSELY).length;
  for (const end = performance.now() + withinMs; missing() > 0 && performance.now() < end; ) await sleep(50);
  const times = [...committed].flatMap(([id, at]) => (came.get(id) ?? []).map((arrived) => arrived - at));
  const rate = `${PER_SECOND} entries/s, ${CLIENTS} clients`;
  return [
    figure(`${rate}: commit to stream, p99`, quantile(times, 0.99), "ms", { below: GOAL_MS }),
    figure(`${rate}: commit to stream, p50`, quantile(times, 0.5), "ms"),
    figure(`${rate}: entries that did not come to all in ${withinMs / 1000} s`, missing(), "entries", {
      below: 1,
    }),
  ];
}
