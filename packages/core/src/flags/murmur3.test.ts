import fc from "fast-check";
import { describe, it } from "vitest";
import { murmur3 } from "./murmur3.ts";

/** Another murmur3: block by block as the reference has it, over `TextEncoder`'s bytes, with whole numbers of any size. */
function oracle(text: string): number {
  const bytes = new TextEncoder().encode(text);
  const word = (n: bigint) => n & 0xffffffffn;
  const turned = (n: bigint, by: bigint) => word(n << by) | (n >> (32n - by));
  const scrambled = (k: bigint) => word(turned(word(k * 0xcc9e2d51n), 15n) * 0x1b873593n);
  const block = (from: number, to: number) => {
    let k = 0n;
    for (let i = to - 1; i >= from; i--) k = (k << 8n) | BigInt(bytes[i] ?? 0);
    return k;
  };
  let h = 0n;
  const blocks = bytes.length - (bytes.length % 4);
  for (let i = 0; i < blocks; i += 4) h = word(turned(h ^ scrambled(block(i, i + 4)), 13n) * 5n + 0xe6546b64n);
  h ^= scrambled(block(blocks, bytes.length));
  h ^= BigInt(bytes.length);
  h = word((h ^ (h >> 16n)) * 0x85ebca6bn);
  h = word((h ^ (h >> 13n)) * 0xc2b2ae35n);
  return Number(h ^ (h >> 16n));
}

/** With lone surrogates. */
const halves = fc.array(fc.integer({ min: 0, max: 0xffff })).map((codes) => String.fromCharCode(...codes));
const anyText = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), fc.string(), halves);

describe("murmur3", () => {
  it("is murmur3 over UTF-8 in any script, lone surrogates and all, wherever the prefix ends", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), anyText, (salt, id) => murmur3(salt)(id) === oracle(salt + id)),
      { numRuns: 5_000 },
    );
  });
});
