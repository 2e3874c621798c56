import { utf8 } from "./murmur3.ts";

/**
 * CBOR (RFC 8949) with the core deterministic encoding of section 4.2.1: the shortest form of every number, members of maps
 * in the order of their encoded names. A whole number is one whatever it was written as: JavaScript knows no difference.
 * Throws a RangeError for what JSON has not.
 */
export function cbor(value: unknown): number[] {
  const bytes: number[] = [];
  write(value, bytes);
  return bytes;
}

const MAJOR = { unsigned: 0, negative: 1, text: 3, array: 4, map: 5 } as const;
const [FALSE, TRUE, NULL, HALF, SINGLE, DOUBLE] = [0xf4, 0xf5, 0xf6, 0xf9, 0xfa, 0xfb];

function write(value: unknown, to: number[]): void {
  if (value === null) to.push(NULL);
  else if (typeof value === "boolean") to.push(value ? TRUE : FALSE);
  else if (typeof value === "number") writeNumber(value, to);
  else if (typeof value === "string") {
    const bytes = utf8(value);
    head(MAJOR.text, bytes.length, to);
    for (const byte of bytes) to.push(byte);
  } else if (Array.isArray(value)) {
    head(MAJOR.array, value.length, to);
    for (const item of value) write(item, to);
  } else if (typeof value === "object") {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([name, member]) => ({ name: cbor(name), member }))
      .sort((a, b) => byBytes(a.name, b.name));
    head(MAJOR.map, members.length, to);
    for (const { name, member } of members) {
      for (const byte of name) to.push(byte);
      write(member, to);
    }
  } else throw new RangeError(`${typeof value} is no value of JSON`);
}

function byBytes(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** The kind and its argument, in as few bytes as it needs. */
function head(major: number, n: number, to: number[]): void {
  const kind = major << 5;
  if (n < 24) to.push(kind | n);
  else if (n < 0x100) to.push(kind | 24, n);
  else if (n < 0x10000) to.push(kind | 25, n >> 8, n & 0xff);
  else if (n < 2 ** 32) to.push(kind | 26, ...big32(n));
  else to.push(kind | 27, ...big32(Math.floor(n / 2 ** 32)), ...big32(n % 2 ** 32));
}
const big32 = (n: number): number[] => [(n >>> 24) & 0xff, (n >>> 16) & 0xff, (n >>> 8) & 0xff, n & 0xff];

/** Up to here a double knows every whole number. */
const WHOLE_MAX = 2 ** 53;
const view = new DataView(new ArrayBuffer(8));
function writeNumber(n: number, to: number[]): void {
  if (Number.isInteger(n) && Math.abs(n) <= WHOLE_MAX) {
    if (n >= 0) head(MAJOR.unsigned, n, to);
    else head(MAJOR.negative, -1 - n, to);
    return;
  }
  const half = halfOf(n);
  if (half !== null) to.push(HALF, half >> 8, half & 0xff);
  else if (Math.fround(n) === n) {
    view.setFloat32(0, n);
    to.push(SINGLE, ...big32(view.getUint32(0)));
  } else {
    view.setFloat64(0, n);
    to.push(DOUBLE, ...big32(view.getUint32(0)), ...big32(view.getUint32(4)));
  }
}

/** The sixteen bits of a number (IEEE 754 binary16); null when it needs more. */
function halfOf(n: number): number | null {
  if (Number.isNaN(n)) return 0x7e00;
  view.setFloat32(0, n);
  const bits = view.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  if (n === Number.POSITIVE_INFINITY || n === Number.NEGATIVE_INFINITY) return sign | 0x7c00;
  if (Math.fround(n) !== n) return null;
  const exponent = ((bits >>> 23) & 0xff) - 127;
  const fraction = bits & 0x7fffff;
  if (exponent >= -14 && exponent <= 15)
    return (fraction & 0x1fff) === 0 ? sign | ((exponent + 15) << 10) | (fraction >> 13) : null;
  if (exponent < -24 || exponent > 15) return null;
  // Below the smallest normal number the leading one is written out.
  const shift = -1 - exponent;
  const whole = fraction | 0x800000;
  return (whole & ((1 << shift) - 1)) === 0 ? sign | (whole >> shift) : null;
}
