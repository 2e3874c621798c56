import { compareGenerations, type Generation } from "@latchkey/core/delivery/generation";
import { isTerminal } from "@latchkey/core/delivery/rollout";
import { append, leafHash, rootOf } from "@latchkey/core/shared/merkle";
import { sha256 } from "../apps/server/src/ledger/sha256.ts";
import { guardsEnd, guardsHold, guardsTell } from "./guard-invariants.ts";
import type { Entry, Era, SeenRollout } from "./oracle.ts";
import { unwatchedGoesBack, watchedIsNotUnwatched } from "./watch.ts";

/** What must hold of every world, whatever its faults. Each gives a sentence for each breach, and says where it is enforced. */
type Invariant = (era: Era) => Iterable<string>;

const generationOf = (entry: Entry): Generation => entry.data.generation as Generation;
const name = ({ row }: SeenRollout): string => `Rollout ${row.id} (${row.machine.state})`;
const entriesOf = (era: Era, r: SeenRollout): Entry[] =>
  era.entries.filter((e) => e.subject === `rollout/${r.row.id}` && e.type !== "delivery.rollout.created");

/** Nothing acknowledged is lost or done twice. Enforced: platform/idempotency.ts, `remember` in the transaction that does it. */
const wishesAreDoneOnce: Invariant = function* ({ wishes, entries, deployments }) {
  for (const { asked, answer } of wishes) {
    const own = entries.filter((e) => e.actor.id === asked.actor.id);
    const effects = own.filter((e) =>
      asked.kind === "ship" || asked.kind === "split"
        ? e.type === "delivery.deployment.requested"
        : e.type.startsWith("delivery.rollout."),
    );
    // A batch is split into two halves at once.
    if (effects.length > (asked.kind === "split" ? 2 : 1))
      yield `Done ${effects.length} times: ${asked.actor.id} asked once to ${asked.kind}.`;
    if (answer?.kind !== "done" || answer.reference === "nothing to do") continue;
    if (effects.length === 0) yield `Acknowledged and lost: ${asked.actor.id} asked to ${asked.kind}.`;
    const asksFor = asked.kind === "ship" || asked.kind === "split" ? answer.reference.split(",") : [];
    if (!asksFor.every((id) => deployments.has(id))) yield `Acknowledged and lost: deployment ${answer.reference}.`;
  }
};

/** The ledger's numbers have no gaps, no entry is there twice, and the tree is that of the entries. Enforced: ledger/sequencer.ts. */
const ledgerIsWhole: Invariant = function* ({ entries, rows, tree }) {
  if (new Set(entries.map((e) => e.id)).size !== entries.length) yield "An entry of the ledger is there twice.";
  if (entries.some((e, i) => e.sequence !== i)) yield "The ledger's numbers have a gap.";
  let peaks: Uint8Array[] = [];
  rows.forEach((row, i) => {
    peaks = append(sha256, i, peaks, leafHash(sha256, Buffer.from(row.canonical, "utf8"))).peaks;
  });
  const same = rows.length === 0 || Buffer.from(rootOf(sha256, peaks)).equals(rootOf(sha256, [...tree.peaks]));
  if (tree.size !== rows.length || !same) yield "The ledger's tree is not that of its entries.";
};

/** Every state is explained by the ledger: its decisions, in order, lead to it. Enforced: delivery/rollout-engine.ts, one transaction. */
const statesAreExplained: Invariant = function* (era) {
  for (const r of era.rollouts) {
    const entries = entriesOf(era, r);
    const inLedger = entries.map((e) => e.id).join();
    if (inLedger !== r.decisions.map((d) => d.event_id).join())
      yield `${name(r)}: the ledger has ${entries.length} of its ${r.decisions.length} decisions, or in another order.`;
    let state: string = "starting";
    let percent = 0;
    for (const { decision } of r.decisions) {
      if (decision.fromState !== state)
        yield `${name(r)}: a decision leaves ${decision.fromState}, but it was ${state}.`;
      state = decision.toState;
      percent = decision.trafficPercent;
    }
    if (state !== r.row.machine.state || percent !== r.row.machine.trafficPercent)
      yield `${name(r)} at ${r.row.machine.trafficPercent} %: its decisions lead to ${state} at ${percent} %.`;
  }
  for (const d of era.deployments.values()) {
    const ended = era.entries.filter(
      (e) => e.subject === `deployment/${d.id}` && e.type === "delivery.deployment.ended",
    );
    const expected = d.finished_at === null ? 0 : 1;
    if (ended.length !== expected)
      yield `Deployment ${d.id} (${d.status}) has ${ended.length} ends in the ledger instead of ${expected}.`;
    if (ended[0] && ended[0].data.outcome !== d.status)
      yield `Deployment ${d.id} is ${d.status}, and the ledger says ${String(ended[0].data.outcome)}.`;
  }
};

/** `explain` replays every decision to the same result, over evidence that is intact. Enforced: core/delivery/replay.ts. */
const decisionsReplay: Invariant = function* ({ rollouts }) {
  for (const r of rollouts) {
    if (!r.agrees) yield `${name(r)}: replayed, the decider does not reach its decisions.`;
    if (!r.evidenceIntact) yield `${name(r)}: its evidence does not match its hash.`;
  }
};

/** Nothing is promoted without a PASS, a person or the stated policy. Enforced: core/delivery/moves.ts, SPEC I3. */
const promotionsAreEarned: Invariant = function* (era) {
  const { strategy } = era.world.plan;
  for (const r of era.rollouts) {
    if (strategy.kind !== "canary" || r.row.baseline_release_id === null) continue;
    for (const entry of entriesOf(era, r)) {
      if (entry.type !== "delivery.rollout.promoted" || entry.actor.kind === "person") continue;
      if (entry.data.verdict === "PASS") continue;
      if (strategy.onInconclusive !== "promote")
        yield `${name(r)} was promoted without a PASS, a person or the policy.`;
      else if (isTooEarly(era, r, generationOf(entry)))
        yield `${name(r)} was promoted by the policy long before its maximum of ${strategy.maximumMs / 1000} s.`;
    }
  }
};

/** By true time, as gateways saw it. A clock that leaps may pass off 10 s as watched each time, and clocks drift by 5 %. */
function isTooEarly(era: Era, r: SeenRollout, promoted: Generation): boolean {
  const { maximumMs } = era.world.plan.strategy;
  const first = era.applied.find((a) => a.table.services.some((s) => s.rolloutId === r.row.id));
  const after = era.applied.find((a) => compareGenerations(a.table.generation, promoted) >= 0);
  if (!first || !after) return false;
  return after.atMs - first.atMs < maximumMs * 0.9 - 40_000;
}

/** No share ever reaches a release that was rolled back. Enforced: core/delivery/routing.ts `armsOf`, SPEC I2, and the gateway's fence. */
const rolledBackStaysOut: Invariant = function* (era) {
  for (const r of era.rollouts) {
    const back = entriesOf(era, r).find((e) => e.data.toState === "rolling_back");
    if (!back) continue;
    const from = generationOf(back);
    // Shipped again it is a rollout of its own, with evidence of its own.
    const others = era.rollouts.filter(
      (other) => other !== r && other.row.canary_release_id === r.row.canary_release_id,
    );
    const again = others
      .flatMap((other) => entriesOf(era, other))
      .map(generationOf)
      .filter((g) => compareGenerations(g, from) > 0)
      .sort(compareGenerations)[0];
    for (const { gateway, table } of era.applied) {
      if (compareGenerations(table.generation, from) < 0) continue;
      if (again && compareGenerations(table.generation, again) >= 0) continue;
      // A table is read after its generation, so that it may tell more than that: here, of the rollout that came next.
      if (table.services.some((s) => others.some((other) => other.row.id === s.rolloutId))) continue;
      const arms = table.services.flatMap((s) => s.arms).filter((a) => a.releaseId === r.row.canary_release_id);
      if (arms.some((a) => a.weightPercent > 0))
        yield `${name(r)} was rolled back, and ${gateway} sends its release visitors in ${table.generation.epoch}.${table.generation.n}.`;
    }
  }
};

/** A harmful release ends at 0 %. Enforced: the judge, core/delivery/moves.ts `takeLook`, SPEC I6. */
const harmEndsAtZero: Invariant = function* (era) {
  for (const r of era.rollouts) {
    if (!r.isHarmful || r.row.machine.state !== "completed") continue;
    // Where the strategy does not compare, or somebody insists, harm can't be held back.
    if (r.row.baseline_release_id === null || era.world.plan.strategy.kind !== "canary") continue;
    const promoted = entriesOf(era, r).find((e) => e.type === "delivery.rollout.promoted");
    if (promoted && promoted.actor.kind !== "person" && promoted.data.verdict === "PASS")
      yield `${name(r)} is harmful, and it serves everybody.`;
  }
};

/** One rollout at a time, and what serves is what was completed last. Enforced: index rollout_one_active, rollout-engine.ts `carryOut`. */
const oneAtATime: Invariant = function* (era) {
  let open: string | null = null;
  let serving: string | null = null;
  for (const e of era.entries) {
    if (!e.type.startsWith("delivery.rollout.")) continue;
    if (e.type === "delivery.rollout.created") {
      if (open !== null && open !== e.subject) yield `${e.subject} began while ${open} was under way.`;
      open = e.subject;
      continue;
    }
    if (e.data.toState === "completed") serving = String(e.data.canaryReleaseId);
    if (isTerminal(e.data.toState as never)) open = null;
  }
  if ((era.environment?.serving_release_id ?? null) !== serving)
    yield `The environment serves ${era.environment?.serving_release_id}, and the ledger says ${serving}.`;
};

/**
 * No change is lost and none is deployed twice: what went out with another deployment has that one's rollout, is in the
 * release, and ends as it does. Enforced: delivery/queue.ts, one transaction under the environment's lock, and
 * rollout-engine.ts `followInDeployment`.
 */
const batchesAreWhole: Invariant = function* (era) {
  const digestOf = (id: string | null) => era.digests.get(id ?? "") ?? "";
  for (const d of era.deployments.values()) {
    const joined = era.entries.filter(
      (e) => e.type === "delivery.deployment.joined" && e.subject === `deployment/${d.id}`,
    );
    if (joined.length !== (d.carrier_id === null ? 0 : 1))
      yield `Deployment ${d.id} has joined ${joined.length} times, and is carried by ${d.carrier_id}.`;
    if (d.carrier_id === null) continue;
    const carrier = era.deployments.get(d.carrier_id);
    if (!carrier || carrier.status !== d.status || (carrier.finished_at === null) !== (d.finished_at === null))
      yield `Deployment ${d.id} is ${d.status}, and ${d.carrier_id}, which carries it, is ${carrier?.status}.`;
    const own = era.rollouts.filter((r) => r.row.deployment_id === d.id);
    const rollout = era.rollouts.find((r) => r.row.id === d.rollout_id);
    const times = rollout?.row.carries.filter((c) => c.deploymentId === d.id && c.follows).length;
    if (own.length > 0 || rollout?.row.deployment_id !== d.carrier_id || times !== 1)
      yield `Deployment ${d.id} goes out with ${d.carrier_id}, has ${own.length} rollouts of its own and is ${times} times in ${d.rollout_id}.`;
    if (d.fault !== null || !era.world.truth.contains(digestOf(carrier?.release_id ?? null), digestOf(d.release_id)))
      yield `Deployment ${d.id} (${d.fault}, ${digestOf(d.release_id)}) joined ${d.carrier_id} (${digestOf(carrier?.release_id ?? null)}), whose release does not contain it.`;
  }
  for (const { row } of era.rollouts) {
    if (row.carries.filter((c) => c.follows).length >= era.world.plan.batch.maximumChanges)
      yield `Rollout ${row.id} carries more than ${era.world.plan.batch.maximumChanges} changes.`;
  }
};

/** The rest of a batch that was split contains its first half. Enforced: delivery/queue.ts `#mayFollow`. */
const halvesKeepTheirOrder: Invariant = function* (era) {
  for (const d of era.deployments.values()) {
    const before = d.after_id === null ? null : era.deployments.get(d.after_id);
    if (!before || d.rollout_id === null || ["succeeded", "unchanged"].includes(before.status)) continue;
    yield `Deployment ${d.id} was rolled out after ${before.id}, which is ${before.status}.`;
  }
};

/** Whatever was interrupted comes to an end. Enforced: leases that expire, controllers that go on from the state. */
const everythingEnds: Invariant = function* ({ unfinished }) {
  for (const d of unfinished) yield `Deployment ${d.id} never ends: it is ${d.status}.`;
};

export const INVARIANTS: readonly Invariant[] = [
  wishesAreDoneOnce,
  ledgerIsWhole,
  statesAreExplained,
  decisionsReplay,
  promotionsAreEarned,
  rolledBackStaysOut,
  harmEndsAtZero,
  oneAtATime,
  batchesAreWhole,
  halvesKeepTheirOrder,
  everythingEnds,
  unwatchedGoesBack,
  watchedIsNotUnwatched,
  guardsHold,
  guardsEnd,
  guardsTell,
];
