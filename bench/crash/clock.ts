import { existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Product } from "../../apps/supervisor/src/product.testkit.ts";
import type { Blow } from "./crashes.ts";

/** Stands between a program and its C library's clock: Debian's libfaketime. */
const LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
/** Seconds a machine's clock is found to be off: an hour by a wrong zone, and what NTP corrects at once. */
const STEPS_S = [-3_600, -600, -60, -5, 5, 600];

export const canFakeTime = (): boolean => existsSync(LIBRARY);

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

/** The clock that all read, PostgreSQL too, is set back, mostly, or forth. */
export function clockSet(): Blow {
  let offsetS = 0;
  return {
    name: "clock set",
    unexplained: (failures) => failures,
    strike: async ({ product, random }) => {
      offsetS += STEPS_S[Math.floor(random() * STEPS_S.length)] ?? 0;
      setOffset(clockFileOf(product), offsetS);
    },
  };
}
