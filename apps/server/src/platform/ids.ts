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
const OWN: IdSource = { now: () => Date.now(), random: () => randomBytes(8) };
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
