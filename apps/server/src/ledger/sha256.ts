import { createHash, hash as oneShot } from "node:crypto";
import type { Sha256 } from "@latchkey/core/shared/merkle";

/** One node of the tree is 65 bytes, most entries are below 2 kB; what is longer is hashed in parts. */
const SHORT_MAX = 4096;
const joined = Buffer.alloc(SHORT_MAX);

const inParts: Sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** Where Node has it (20.12): a quarter of the time, by way of a string, which costs less than a Buffer of its own. */
const atOnce: Sha256 = (...parts) => {
  let length = 0;
  for (const part of parts) {
    if (length + part.length > SHORT_MAX) return inParts(...parts);
    joined.set(part, length);
    length += part.length;
  }
  return Buffer.from(oneShot("sha256", joined.subarray(0, length), "binary"), "latin1");
};

export const sha256: Sha256 = typeof oneShot === "function" ? atOnce : inParts;
