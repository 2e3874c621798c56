import type { Answer, Client } from "@latchkey/api/client";
import type { Traffic } from "../../bench/traffic.ts";

/** Ships one release and follows it to its verdict. */
export interface Outcome {
  readonly fault: string;
  readonly release: number | null;
  readonly deploymentId: string;
  readonly rolloutId: string | null;
  readonly outcome: "promoted" | "rolled_back" | "stopped_before_traffic" | "held" | "not_built";
  /** Whether that is what should become of it. */
  readonly right: boolean;
  readonly why: string;
  /** From the first request that the canary answered to the decision. */
  readonly secondsToVerdict: number | null;
  readonly canaryRequests: number;
  /** Distinct visitors who saw an error or a broken page while it was rolled out, and those who met this release at all. */
  readonly usersTouched: number;
  readonly usersOnCanary: number;
}
type Rollout = Answer<"getRollout">;
type Deployment = Answer<"getDeployment">;

export interface Stage {
  readonly client: Client;
  readonly traffic: Traffic;
  readonly signal: AbortSignal;
  readonly say: (words: string) => void;
}

const main = { project: "main" } as const;
const POLL_MS = 250;
/** On a quiet machine a proof takes a minute; where others use it as well, four. Without a verdict by then it is held. */
const HELD_AFTER_MS = 240_000;
const ENDED_EARLY = ["failed_build", "failed_gate", "failed_start", "aborted", "superseded", "unchanged"];

export async function rehearse(stage: Stage, fault: string): Promise<Outcome> {
  const { client, traffic, say } = stage;
  traffic.newPeriod();
  say(`${fault === "none" ? "A healthy release" : `A release with the fault ${fault}`}: shipping it ...`);
  const made = await client.ship({
    params: { ...main, service: "leads" },
    body: { fault, ifBusy: "queue", reason: "demo" },
  });
  const seen = await follow(stage, made.id);
  const { deployment, rollout } = seen;
  const outcome = outcomeOf(seen);
  const release = rollout?.canary.number ?? deployment.release?.number ?? null;
  const decided = rollout?.decisions.find((d) => d.kind === (outcome === "promoted" ? "promoted" : "roll_back_begun"));
  const { firstAtMs, tally } = firstAnswerOf(traffic, release);
  const result: Outcome = {
    fault,
    release,
    deploymentId: made.id,
    rolloutId: rollout?.id ?? null,
    outcome,
    right: fault === "none" ? outcome === "promoted" : ["rolled_back", "stopped_before_traffic"].includes(outcome),
    why: decided?.words ?? (outcome === "held" ? (rollout?.report?.reasons[0] ?? deployment.words) : deployment.words),
    secondsToVerdict: decided && firstAtMs !== null ? (Date.parse(decided.at) - firstAtMs) / 1000 : null,
    canaryRequests: seen.canaryRequests,
    usersTouched: tally.usersTouched,
    usersOnCanary: release === null ? 0 : tally.visitorsOf(`leads@${release}`),
  };
  say(`  ${result.right ? "Right" : "WRONG"}: ${outcome.replaceAll("_", " ")}. ${result.why}`);
  const { requests, errors, failed, brokenPages, dropped } = tally.counts;
  say(
    `  Visitors sent ${requests} requests: ${errors} errors, ${failed} without an answer, ${brokenPages} broken pages${dropped > 0 ? `; ${dropped} sessions were too many at once and did not come` : ""}.`,
  );
  await clear(stage, result);
  return result;
}

const firstAnswerOf = (traffic: Traffic, release: number | null) => ({
  tally: traffic.tally,
  firstAtMs: release === null ? null : traffic.tally.firstAnswerAtMs(`leads@${release}`),
});

interface Seen {
  readonly deployment: Deployment;
  readonly rollout: Rollout | null;
  readonly held: boolean;
  /** What the judge had counted when it decided. */
  readonly canaryRequests: number;
}

async function follow(stage: Stage, deploymentId: string): Promise<Seen> {
  let said = "";
  let exposedAt = Number.POSITIVE_INFINITY;
  for (;;) {
    if (stage.signal.aborted) throw new Error("Stopped.");
    const deployment = await stage.client.getDeployment({ params: { ...main, deploymentId } });
    const rollout = deployment.rolloutId
      ? await stage.client.getRollout({ params: { ...main, rolloutId: deployment.rolloutId } })
      : null;
    if (rollout?.exposedAt && !Number.isFinite(exposedAt)) exposedAt = performance.now();
    const { key, line } = progress(deployment, rollout);
    if (key !== said) stage.say(`  ${line}`);
    said = key;
    const held = performance.now() - exposedAt > HELD_AFTER_MS;
    const decided = rollout !== null && ["holdback", "completed", "rolled_back"].includes(rollout.state);
    if (held || decided || ENDED_EARLY.includes(deployment.status))
      return { deployment, rollout, held: held && !decided, canaryRequests: rollout?.report?.canaryRequests ?? 0 };
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** One line per change of state, with what it waits for; figures alone are no change. */
export function progress(
  deployment: Pick<Deployment, "status" | "words">,
  rollout: Pick<Rollout, "state" | "trafficPercent" | "next" | "report" | "acknowledged"> | null,
): { key: string; line: string } {
  if (!rollout || rollout.state === "starting") return { key: deployment.words, line: deployment.words };
  const holds = rollout.report?.guards.filter((g) => g.state === "hold").map((g) => g.guard) ?? [];
  // Right after a change of share nothing has been looked at yet: that hold says nothing.
  const waits =
    holds.length > 0 && rollout.report && rollout.report.canaryRequests > 0 ? `Holds (${holds.join(", ")}). ` : "";
  const line = `${rollout.state.replaceAll("_", " ")}, ${rollout.trafficPercent} % to the canary. ${waits}${rollout.next.words}`;
  return { key: [rollout.state, rollout.trafficPercent, waits, rollout.acknowledged].join(), line };
}

function outcomeOf({ deployment, rollout, held }: Seen): Outcome["outcome"] {
  if (held) return "held";
  if (rollout && ["holdback", "completed"].includes(rollout.state)) return "promoted";
  if (rollout?.state === "rolled_back") return rollout.exposedAt ? "rolled_back" : "stopped_before_traffic";
  return deployment.status === "failed_start" ? "stopped_before_traffic" : "not_built";
}

/** What was decided wrongly must not be what the next release is compared with. */
async function clear(stage: Stage, result: Outcome): Promise<void> {
  if (result.right || !result.rolloutId || !["promoted", "held"].includes(result.outcome)) return;
  if (result.fault === "none" && result.outcome === "promoted") return;
  await stage.client
    .actOnRollout({
      params: { ...main, rolloutId: result.rolloutId },
      body: { action: "roll_back", reason: "the demo goes on with the next release" },
    })
    .catch((error: Error) => stage.say(`  It could not be taken back: ${error.message}`));
}

/** A promoted release may still be taken back while its holdback runs: the last word on a healthy one. */
export async function finalWord(client: Client, outcome: Outcome): Promise<Outcome> {
  if (outcome.outcome !== "promoted") return outcome;
  const { status, words } = await client.getDeployment({ params: { ...main, deploymentId: outcome.deploymentId } });
  if (status !== "rolled_back") return outcome;
  const right = outcome.fault !== "none";
  return { ...outcome, outcome: "rolled_back", right: right && outcome.right, why: `During its holdback: ${words}` };
}
