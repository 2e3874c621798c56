/** Environments as a path: a release goes from one to the next as it is, when it has proved itself there. */
export interface PromotionStep {
  readonly from: string;
  readonly to: string;
  /** It goes on by itself once it has served for `soakMs`; otherwise a person says so. */
  readonly automatic: boolean;
  /** How long it must have served all visitors of `from`, ms. */
  readonly soakMs: number;
}

/** How one environment of the path stands. */
export interface PlaceFacts {
  readonly serving: { readonly releaseId: string; readonly number: number; readonly sinceMs: number } | null;
  /** Something is under way there. */
  readonly isBusy: boolean;
  /** Deployments wait there until a person lets them go on. */
  readonly isPaused: boolean;
}
export interface PromotionFacts {
  readonly from: PlaceFacts;
  readonly to: PlaceFacts;
  /** The release that serves `from` was deployed to `to` before: how that ended. Null: never, since it came to `from`. */
  readonly tried: string | null;
  /** Where a rollback left the release in `to` since: why, as it was told. Null: none did. */
  readonly left: string | null;
  readonly nowMs: number;
}
export type PromotionState = "nothing" | "same" | "soaking" | "ready" | "under_way" | "tried" | "blocked";
export interface PromotionStanding {
  readonly state: PromotionState;
  /** A sentence. */
  readonly words: string;
  /** `to` has had the release and gave it back: whoever promotes it again should know why that would end otherwise. */
  readonly isTakenBack: boolean;
  /** When it has served long enough; null where nothing waits for that. */
  readonly readyAtMs: number | null;
}

/** What is wrong with a path: where, and a sentence. `environments` in the order of the configuration. */
export function pathMistakes(
  environments: readonly string[],
  steps: readonly Pick<PromotionStep, "from" | "to">[],
): readonly { readonly index: number; readonly field: "from" | "to"; readonly words: string }[] {
  const found: { index: number; field: "from" | "to"; words: string }[] = [];
  steps.forEach(({ from, to }, index) => {
    for (const [field, name] of [
      ["from", from],
      ["to", to],
    ] as const)
      if (!environments.includes(name))
        found.push({ index, field, words: `must be one of environments (${environments.join(", ")}); it is ${name}.` });
    if (from === to)
      found.push({ index, field: "to", words: `must be another environment than from; both are ${to}.` });
    else if (steps.findIndex((step) => step.to === to) < index)
      found.push({ index, field: "to", words: `${to} is reached by another step already. Take one away.` });
    else if (leadsTo(steps, to, from))
      found.push({ index, field: "to", words: `leads in a circle: ${from} is reached from ${to} itself.` });
  });
  return found;
}

/** Whether a release comes from one environment to another by the steps. Each is reached by at most one. */
function leadsTo(steps: readonly Pick<PromotionStep, "from" | "to">[], from: string, to: string): boolean {
  const seen = new Set<string>();
  let at = to;
  while (!seen.has(at)) {
    seen.add(at);
    const before = steps.find((step) => step.to === at);
    if (!before) return false;
    if (before.from === from) return true;
    at = before.from;
  }
  return false;
}

/** How a step stands now. What is `ready` an automatic step takes; the rest says what it waits for. */
export function standingOf(step: PromotionStep, { from, to, tried, left, nowMs }: PromotionFacts): PromotionStanding {
  const isTakenBack = left !== null || tried === "rolled_back";
  const say = (state: PromotionState, words: string, readyAtMs: number | null = null): PromotionStanding => ({
    ...{ state, words, readyAtMs, isTakenBack: isTakenBack && state === "tried" },
  });
  if (!from.serving) return say("nothing", `${step.from} serves nothing yet.`);
  const name = `Release ${from.serving.number}`;
  if (to.serving?.releaseId === from.serving.releaseId) return say("same", `Both serve release ${to.serving.number}.`);
  if (to.serving && to.serving.number > from.serving.number)
    return say(
      "blocked",
      `${step.to} serves release ${to.serving.number}, which is newer than ${step.from}'s ${from.serving.number}.`,
    );
  if (tried !== null && isUnderWay(tried)) return say("under_way", `${name} is on its way to ${step.to}.`);
  if (isTakenBack)
    return say(
      "tried",
      `${name} was taken back in ${step.to}${left === null ? "" : ` (${left})`}: it does not go again by itself. A person who promotes it sends the same release there again.`,
    );
  if (tried !== null)
    return say(
      "tried",
      `${name} was deployed to ${step.to} and ended ${tried.replace("_", " ")}: it does not go again by itself.`,
    );
  if (from.isBusy) return say("blocked", `${step.from} has a rollout under way: what comes of it goes on.`);
  const readyAtMs = from.serving.sinceMs + step.soakMs;
  if (nowMs < readyAtMs)
    return say("soaking", `${name} serves ${step.from} and must do so for a while longer.`, readyAtMs);
  if (to.isPaused) return say("blocked", `Deployments to ${step.to} are paused after a rollback.`, readyAtMs);
  if (to.isBusy && step.automatic) return say("blocked", `${step.to} has a deployment under way.`, readyAtMs);
  const words = step.automatic ? `${name} goes on to ${step.to}.` : `${name} may be promoted to ${step.to}.`;
  return say("ready", words, readyAtMs);
}

const isUnderWay = (status: string): boolean =>
  ["building", "gating", "queued", "starting", "rolling_out", "holdback"].includes(status);

/** Kinds of gates whose result is of the artifact alone: what they found holds in every environment. */
const OF_THE_ARTIFACT = ["tests", "coverage", "findings", "licences", "size"];
/** Whether a gate need not be asked again of a release that has passed it on the way. */
export const isCarried = (gate: { readonly kind?: string | undefined; readonly status: string }): boolean =>
  gate.status === "passed" && OF_THE_ARTIFACT.includes(gate.kind ?? "command");
