/**
 * Counts distinct visitors in 1 kB: HyperLogLog with p = 10 (1024 registers of one byte), relative standard
 * error 1.04 / sqrt(1024) = 3.25 %. Registers of several gateways merge by maximum, so the union is exact in
 * the same sense. The estimator is the one of O. Ertl, "New cardinality estimation algorithms for HyperLogLog
 * sketches" (arXiv 1702.01284, algorithm 6): no bias tables and no switch between ranges.
 */
const PRECISION = 10;
const REGISTERS = 1 << PRECISION;
const TAIL_BITS = 64 - PRECISION;
const ALPHA_INFINITY = 1 / (2 * Math.LN2);

/** An empty sketch. */
export function emptySketch(): Uint8Array {
  return new Uint8Array(REGISTERS);
}

function finish(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Two independent 32-bit halves of a 64-bit hash (FNV-1a over UTF-16 units, finished as in MurmurHash3). */
function hash64(text: string): readonly [number, number] {
  let a = 0x811c9dc5;
  let b = 0x9e3779b1;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ unit, 0x5bd1e995);
    b ^= b >>> 15;
  }
  return [finish(a), finish(b ^ Math.imul(a, 0x27d4eb2f))];
}

/** Adds an id to a sketch in place; true when that changed it. */
export function addToSketch(sketch: Uint8Array, id: string): boolean {
  const [high, low] = hash64(id);
  const register = high >>> (32 - PRECISION);
  const rest = (high << PRECISION) >>> 0;
  // The first one-bit among the 22 bits left of the high half, then among the 32 of the low half.
  const zeros = rest !== 0 ? Math.clz32(rest) : 32 - PRECISION + Math.clz32(low);
  const rank = zeros + 1;
  if (rank <= (sketch[register] ?? 0)) return false;
  sketch[register] = rank;
  return true;
}

/** The sketch of the union of two sets. */
export function mergeSketches(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = emptySketch();
  for (let i = 0; i < REGISTERS; i++) out[i] = Math.max(a[i] ?? 0, b[i] ?? 0);
  return out;
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The registers in a report's base64 (RFC 4648, section 4), or an empty sketch where it is not one. */
export function decodeSketch(text: string): Uint8Array {
  const out = emptySketch();
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const letter of text.replace(/=+$/, "")) {
    const value = BASE64.indexOf(letter);
    if (value < 0 || at > REGISTERS) return emptySketch();
    held = ((held << 6) | value) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    if (at < REGISTERS) out[at] = (held >>> bits) & 0xff;
    at++;
  }
  return at === REGISTERS ? out : emptySketch();
}

/** The union of sketches as reports carry them. */
export function mergeUsers(encoded: readonly string[]): Uint8Array {
  return encoded.reduce((union, text) => mergeSketches(union, decodeSketch(text)), emptySketch());
}

function sigma(start: number): number {
  if (start === 1) return Number.POSITIVE_INFINITY;
  let x = start;
  let y = 1;
  let z = x;
  for (let before = -1; z !== before; ) {
    before = z;
    x *= x;
    z += x * y;
    y += y;
  }
  return z;
}

function tau(start: number): number {
  if (start === 0 || start === 1) return 0;
  let x = start;
  let y = 1;
  let z = 1 - x;
  for (let before = -1; z !== before; ) {
    before = z;
    x = Math.sqrt(x);
    y *= 0.5;
    z -= (1 - x) ** 2 * y;
  }
  return z / 3;
}

/** Estimated number of distinct ids in a sketch; 0 for an empty one. */
export function estimateDistinct(sketch: Uint8Array): number {
  const counts = new Array<number>(TAIL_BITS + 2).fill(0);
  for (let i = 0; i < REGISTERS; i++) {
    const rank = Math.min(sketch[i] ?? 0, TAIL_BITS + 1);
    counts[rank] = (counts[rank] ?? 0) + 1;
  }
  let z = REGISTERS * tau(1 - (counts[TAIL_BITS + 1] ?? 0) / REGISTERS);
  for (let k = TAIL_BITS; k >= 1; k--) z = 0.5 * (z + (counts[k] ?? 0));
  z += REGISTERS * sigma((counts[0] ?? 0) / REGISTERS);
  return (ALPHA_INFINITY * REGISTERS * REGISTERS) / z;
}
