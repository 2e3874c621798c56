/**
 * MurmurHash3 x86 32 over UTF-8 bytes, seed 0 (Austin Appleby, public domain). Bytes are made while hashing: nothing is
 * allocated. A lone surrogate counts as U+FFFD, as `TextEncoder` has it.
 */

/** What has been hashed so far, so that a flag's salt is hashed once and not for each user. */
export interface HashPrefix {
  readonly hash: number;
  /** Bytes that do not make a block of four yet, and how many bits they are. */
  readonly rest: number;
  readonly bits: number;
  /** Bytes in all. */
  readonly length: number;
}

export const EMPTY_PREFIX: HashPrefix = { hash: 0, rest: 0, bits: 0, length: 0 };

function mixed(hash: number, block: number): number {
  let k = Math.imul(block, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  const h = hash ^ k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

function finished(hash: number, rest: number, length: number): number {
  let h = hash;
  if (rest !== 0) {
    const k = Math.imul(rest, 0xcc9e2d51);
    h ^= Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  }
  h ^= length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The code point at a place, U+FFFD for half a pair. */
function pointAt(text: string, at: number): number {
  const point = text.codePointAt(at) ?? 0xfffd;
  return point >= 0xd800 && point <= 0xdfff ? 0xfffd : point;
}

/** The prefix with this text behind it. */
export function prefixOf(text: string, before: HashPrefix = EMPTY_PREFIX): HashPrefix {
  let { hash, rest, bits, length } = before;
  const push = (byte: number) => {
    rest |= byte << bits;
    length++;
    bits += 8;
    if (bits < 32) return;
    hash = mixed(hash, rest);
    rest = 0;
    bits = 0;
  };
  for (let i = 0; i < text.length; i++) {
    const point = pointAt(text, i);
    if (point > 0xffff) i++;
    if (point < 0x80) push(point);
    else if (point < 0x800) {
      push(0xc0 | (point >> 6));
      push(0x80 | (point & 0x3f));
    } else {
      if (point > 0xffff) {
        push(0xf0 | (point >> 18));
        push(0x80 | ((point >> 12) & 0x3f));
      } else push(0xe0 | (point >> 12));
      push(0x80 | ((point >> 6) & 0x3f));
      push(0x80 | (point & 0x3f));
    }
  }
  return { hash, rest, bits, length };
}

/** The hash, from 0 to 2^32 - 1, of the text behind a prefix. */
export function murmur3(text: string, before: HashPrefix = EMPTY_PREFIX): number {
  let { hash, rest, bits } = before;
  const size = text.length;
  for (let i = 0; i < size; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) {
      const all = prefixOf(text.slice(i), { hash, rest, bits, length: before.length + i });
      return finished(all.hash, all.rest, all.length);
    }
    rest |= code << bits;
    if (bits === 24) {
      hash = mixed(hash, rest);
      rest = 0;
      bits = 0;
    } else bits += 8;
  }
  return finished(hash, rest, before.length + size);
}
