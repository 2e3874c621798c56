import { compileFlags } from "@latchkey/core/flags/compile";
import { flagdFlag } from "@latchkey/core/flags/flagd-write";
import { murmur3 } from "@latchkey/core/flags/murmur3";
import { context, flagOf, instant, rules, sourceOf, variant } from "@latchkey/core/flags/testing/arbitraries";
import { FlagdCore } from "@openfeature/flagd-core";
import fc from "fast-check";
import { type Bench, type Figure, figure } from "../figure.ts";

/** That a bucket is the one that others reckon: of ids in every script, and of random flags beside flagd's own evaluator. */
export function measureAgreement(bench: Bench): Figure[] {
  return [hashes(bench), pairs(bench)];
}

/** MurmurHash3 as its reference has it (SMHasher), word by word over bytes that the platform made. */
function reference(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const scrambled = (k: number) => {
    const a = Math.imul(k, 0xcc9e2d51);
    return Math.imul((a << 15) | (a >>> 17), 0x1b873593);
  };
  let h = 0;
  const whole = bytes.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    h ^= scrambled(view.getUint32(i, true));
    h = (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let i = bytes.length - 1; i >= whole; i--) tail = (tail << 8) | (bytes[i] ?? 0);
  h ^= scrambled(tail);
  h ^= bytes.length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** First letters of scripts: Latin, accents, Greek, Cyrillic, Hebrew, Arabic, Devanagari, kana, Han, Hangul, emoji. */
const SCRIPTS = [0x61, 0xe0, 0x3b1, 0x430, 0x5d0, 0x628, 0x905, 0x3042, 0x4e00, 0xac00, 0x1f600] as const;
function hashes(bench: Bench): Figure {
  const times = bench.quick ? 50_000 : 1_000_000;
  bench.say(`${times} ids in ${SCRIPTS.length} scripts`);
  const ours = murmur3("new-lead-form");
  const encoder = new TextEncoder();
  let state = bench.seed | 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 8) % below;
  };
  let wrong = 0;
  for (let i = 0; i < times; i++) {
    let id = "";
    const letters = 1 + random(20);
    for (let n = 0; n < letters; n++)
      id += String.fromCodePoint((SCRIPTS[random(3) === 0 ? random(SCRIPTS.length) : 0] ?? 0x61) + random(24));
    if (ours(id) !== reference(encoder.encode(`new-lead-form${id}`))) wrong += 1;
  }
  return figure(`other buckets than murmur3 over UTF-8 gives, of ${times} ids`, wrong, "ids", { atMost: 0 });
}

const USERS = 250;
function pairs(bench: Bench): Figure {
  const flags = bench.quick ? 4 : 400;
  bench.say(`${flags} random flags for ${USERS} users each`);
  const seed = bench.seed;
  const drawn = fc.sample(fc.record({ a: rules, b: rules, needed: variant, at: instant }), {
    seed,
    numRuns: flags / 2,
  });
  const users = fc.sample(context, { seed, numRuns: USERS });
  const clock = Date.now;
  let [asked, wrong] = [0, 0];
  try {
    for (const { a, b, needed, at } of drawn) {
      const nowMs = Date.parse(at);
      // flagd's evaluator looks at the clock itself.
      Date.now = () => nowMs;
      const basis = flagOf("basis", a);
      const all = [basis, flagOf("flag", { ...b, prerequisites: [{ flag: "basis", variants: [needed] }] })];
      const ours = compileFlags(sourceOf(...all));
      for (const flag of all) {
        const written = flagdFlag(flag, sourceOf(...all));
        if (!written.ok) throw new Error(`${written.error.path}: ${written.error.message}`);
        const core = new FlagdCore(undefined, { debug() {}, info() {}, warn() {}, error() {} });
        core.setConfigurations(JSON.stringify({ flags: { [flag.key]: written.value } }));
        for (const user of users) {
          asked += 1;
          const theirs = core.resolveBooleanEvaluation(flag.key, false, user).variant ?? null;
          if (theirs !== ours.evaluate(flag.key, user, nowMs).variant) wrong += 1;
        }
      }
    }
  } finally {
    Date.now = clock;
  }
  return figure(`other variants than flagd-core gives, of ${asked} flags and users`, wrong, "pairs", { atMost: 0 });
}
