import { randomBytes } from "node:crypto";

/**
 * Type-prefixed UUIDv7 (RFC 9562, section 5.7): `rol_` and 32 hex digits. Ids made by one process sort by the time
 * they were made, within a millisecond too: the 12 bits after the time count up.
 */
export interface IdSource {
  readonly now: () => number;
  /** Eight bytes. */
  readonly random: () => Uint8Array;
}
const RANDOM_BYTES = 8;
/** So many ids' worth is asked for at once: each question to the system's source costs more than the id otherwise. */
const IDS_AT_ONCE = 512;
let pool = Buffer.alloc(0);
let taken = 0;
/** Never the same bytes twice. */
function ownRandom(): Uint8Array {
  if (taken === pool.length) {
    pool = randomBytes(RANDOM_BYTES * IDS_AT_ONCE);
    taken = 0;
  }
  taken += RANDOM_BYTES;
  return pool.subarray(taken - RANDOM_BYTES, taken);
}
const OWN: IdSource = { now: () => Date.now(), random: ownRandom };
let source = OWN;

/** A simulated world makes the ids of a seed the same each time; null gives the real source back. */
export function setIdSource(other: IdSource | null): void {
  source = other ?? OWN;
  lastMs = 0;
}

let lastMs = 0;
let counter = 0;

export function newId(prefix: string): string {
  const now = source.now();
  if (now > lastMs) {
    lastMs = now;
    counter = 0;
  } else {
    // Within a millisecond, and when the clock was set back: go on from the last one.
    counter += 1;
    if (counter > 0xfff) {
      lastMs += 1;
      counter = 0;
    }
  }
  const random = Buffer.from(source.random());
  random[0] = ((random[0] ?? 0) & 0x3f) | 0x80;
  const time = lastMs.toString(16).padStart(12, "0");
  return `${prefix}_${time}7${counter.toString(16).padStart(3, "0")}${random.toString("hex")}`;
}
