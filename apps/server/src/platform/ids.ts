import { randomBytes } from "node:crypto";

/**
 * Type-prefixed UUIDv7 (RFC 9562, section 5.7): `rol_` and 32 hex digits. Ids made by one process sort by the time
 * they were made, within a millisecond too: the 12 bits after the time count up.
 */
let lastMs = 0;
let counter = 0;

export function newId(prefix: string): string {
  const now = Date.now();
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
  const random = randomBytes(8);
  random[0] = ((random[0] ?? 0) & 0x3f) | 0x80;
  const time = lastMs.toString(16).padStart(12, "0");
  return `${prefix}_${time}7${counter.toString(16).padStart(3, "0")}${random.toString("hex")}`;
}
