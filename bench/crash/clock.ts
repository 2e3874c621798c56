import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { type Product, until } from "../../apps/supervisor/src/product.testkit.ts";
import type { Blow } from "./crashes.ts";

/** Stands between a program and its C library's clock: Debian's libfaketime. */
const LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
/** Seconds a machine's clock is found to be off: an hour by a wrong zone, and what NTP corrects at once. */
const STEPS_S = [-3_600, -600, -60, -5, 5, 600];

/** What makes a program read its time from the file: this machine's, plus as many seconds as it says. */
export function fakedTime(file: string): Record<string, string> {
  setOffset(file, 0);
  return {
    LD_PRELOAD: LIBRARY,
    FAKETIME_TIMESTAMP_FILE: file,
    // Read again each second; intervals are measured by a clock that nobody sets.
    FAKETIME_CACHE_DURATION: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
    NO_FAKE_STAT: "1",
  };
}
export const clockFileOf = (product: Product): string => join(product.home, "clock");

function setOffset(file: string, seconds: number): void {
  writeFileSync(`${file}.new`, `${seconds < 0 ? "" : "+"}${seconds}`, { mode: 0o644 });
  // It is read at any moment, by another user too.
  renameSync(`${file}.new`, file);
}

/** Seconds that a clock may differ from what it was set to: HTTP's has no fractions, and the answer takes a moment. */
const NEAR_S = 3;
/** The file is read again within a second. */
const TAKEN_WITHIN_MS = 10_000;

/** Until the server and PostgreSQL tell that time: a clock that nobody reads would be no trial. */
async function untilTaken(product: Product, databaseUrl: string, offsetS: number): Promise<void> {
  const isThere = (seconds: number) => Math.abs(seconds - offsetS - Date.now() / 1_000) < NEAR_S;
  const server = async () => {
    const answer = await fetch(`http://127.0.0.1:${product.port}/readyz`);
    await answer.arrayBuffer();
    return isThere(Date.parse(answer.headers.get("date") ?? "") / 1_000) || null;
  };
  await until("the server's clock is the one that was set", server, TAKEN_WITHIN_MS);
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const database = async () => {
    const found = await client.query<{ now: number }>("select extract(epoch from clock_timestamp())::float8 as now");
    return isThere(found.rows[0]?.now ?? 0) || null;
  };
  try {
    await until("PostgreSQL's clock is the one that was set", database, TAKEN_WITHIN_MS);
  } finally {
    await client.end();
  }
}

/** The clock that all read, PostgreSQL too, is set back, mostly, or forth. */
export function clockSet(databaseUrl: string): Blow {
  let offsetS = 0;
  return {
    name: "clock set",
    unexplained: (failures) => failures,
    strike: async ({ product, random }) => {
      offsetS += STEPS_S[Math.floor(random() * STEPS_S.length)] ?? 0;
      setOffset(clockFileOf(product), offsetS);
      await untilTaken(product, databaseUrl, offsetS);
    },
  };
}
