import { judge, startJudge } from "@latchkey/core/analysis/judge";
import { looksOf, slicesOf, trafficOf } from "@latchkey/core/analysis/planning/traffic";
import { defaultPolicy } from "@latchkey/core/analysis/policy";
import type { AnalysisPolicy, Look } from "@latchkey/core/analysis/types";
import { type Variation, variationOf } from "@latchkey/core/analysis/variation";
import { SYNTHETIC_SHARE } from "@latchkey/core/delivery/synthetic";
import { seeded, seedOf } from "@latchkey/core/shared/random";
import { type Cell, keyOf } from "./cells.ts";
import { flagger } from "./peers/flagger.ts";
import { guideOnce, guidePeeking } from "./peers/guide.ts";
import { kayenta } from "./peers/kayenta.ts";
import type { Action, Peer } from "./peers/peer.ts";
import { published } from "./peers/published.ts";
import { zTest } from "./peers/z-test.ts";

/** How a run of one rule ended: what it did (null: nothing until the horizon), when, and how many canary requests by then. */
export interface Ending {
  readonly action: Action | null;
  readonly atMs: number;
  readonly canaryRequests: number;
}

/**
 * The judge as it ships, without the 15 s for which it does not look at a new process's latency, and where nothing is known of
 * the stable release's looks before.
 */
export const OURS = "Latchkey";
export const UNSETTLED = "Latchkey, not waiting 15 s";
export const UNMEASURED = "Latchkey, nothing known before";
const judged = (name: string, base: AnalysisPolicy, stopAtPass: boolean, measured = true): Peer => ({
  name,
  start: (before) => {
    const policy = measured ? { ...base, variation: before() } : base;
    let state = startJudge(policy);
    return (look) => {
      const next = judge(state, look, policy);
      state = next.state;
      if (next.report.verdict === "FAIL") return "roll_back";
      return stopAtPass && next.report.verdict === "PASS" ? "promote" : null;
    };
  },
});
const PEERS: readonly Peer[] = [guideOnce, guidePeeking, flagger, zTest, kayenta, published];
export const PEER_NAMES = PEERS.map((p) => p.name);
/** Without those that blame the healthy in most settings: their times would say nothing. */
export const SERIOUS = PEER_NAMES.filter((name) => name !== guidePeeking.name && name !== zTest.name);

/** Everyone who plays in a cell. Without the wait only where latency is what tells. */
export function rulesOf(cell: Cell): Peer[] {
  const slow = cell.model.harm?.latencyFactor !== undefined || cell.model.harm?.tail !== undefined;
  const unsettled = judged(UNSETTLED, { ...defaultPolicy, settleMs: 0 }, cell.stopAtPass);
  return [
    judged(OURS, defaultPolicy, cell.stopAtPass),
    ...(slow && cell.part !== "pass" ? [unsettled, judged(UNMEASURED, defaultPolicy, cell.stopAtPass, false)] : []),
    ...(cell.peers ? PEERS : []),
  ];
}

/** FNV-1a, 32 bits (Fowler, Noll & Vo): a cell's own seeds, whatever else is played. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const unit of text) hash = Math.imul(hash ^ (unit.codePointAt(0) ?? 0), 0x01000193);
  return hash >>> 0;
}
const seedOfRun = (cell: Cell, seed: number, run: number): number => seedOf(hashOf(keyOf(cell)) ^ seed, run);

/** The stable release has answered for ten minutes before. */
const BEFORE_MS = 600_000;

/** Prepares a cell; the answer plays one run of it, all rules on the same looks (the same whoever plays). */
export function preparePlay(cell: Cell, rules: readonly Peer[], seed: number): (run: number) => Map<string, Ending> {
  const { requestsPerSecond: rate } = cell.model;
  const traffic = trafficOf(cell.model);
  // The canary's traffic, and as much of the old release.
  const equal = trafficOf({ ...cell.model, requestsPerSecond: Number(rate) * 2 * cell.canaryShare });
  const missing = Math.max(0, (cell.syntheticTo ?? 0) - Number(rate));
  const own = missing > 0 ? trafficOf({ ...cell.model, requestsPerSecond: missing }) : null;
  return (run) => {
    const at = seedOfRun(cell, seed, run);
    let known: Variation | undefined;
    const before = () => {
      known ??= variationOf(
        slicesOf(cell.model, cell.lookMs, BEFORE_MS / cell.lookMs, seeded(seedOf(at, 2))),
        defaultPolicy.latencyFloorMs,
      );
      return known;
    };
    const looks = (of: typeof traffic, share: number, own: number) =>
      looksOf(of, { canaryShare: share, lookMs: cell.lookMs, horizonMs: cell.horizonMs }, seeded(own));
    return new Map([
      ...follow(
        rules.filter((r) => !r.equalBaseline),
        own
          ? together(looks(own, SYNTHETIC_SHARE, seedOf(at, 1)), looks(traffic, cell.canaryShare, at))
          : looks(traffic, cell.canaryShare, at),
        before,
      ),
      ...follow(
        rules.filter((r) => r.equalBaseline),
        looks(equal, 0.5, ~at >>> 0),
        before,
      ),
    ]);
  };
}

/** Synthetic looks and those of visitors in the order of their times, synthetic ones first, as the controller has them. */
function* together(synthetic: Iterable<Look>, visitors: Iterable<Look>): Generator<Look> {
  const others = synthetic[Symbol.iterator]();
  let next = others.next();
  for (const look of visitors) {
    for (; !next.done && next.value.atMs <= look.atMs; next = others.next()) yield { ...next.value, synthetic: true };
    yield look;
  }
}

function follow(rules: readonly Peer[], looks: Iterable<Look>, before: () => Variation): Map<string, Ending> {
  const endings = new Map<string, Ending>();
  let going = rules.map((rule) => ({ name: rule.name, decide: rule.start(before) }));
  if (going.length === 0) return endings;
  let [atMs, canaryRequests] = [0, 0];
  for (const look of looks) {
    atMs = look.atMs;
    canaryRequests += look.canary.requests;
    going = going.filter(({ name, decide }) => {
      const action = decide(look);
      if (action) endings.set(name, { action, atMs, canaryRequests });
      return action === null;
    });
    if (going.length === 0) return endings;
  }
  for (const { name } of going) endings.set(name, { action: null, atMs, canaryRequests });
  return endings;
}
