import type { GateConfig } from "@latchkey/api/gates";
import type { ErrorBudget } from "@latchkey/core/delivery/gates/error-budget";
import type { Differences } from "@latchkey/core/delivery/gates/evidence-ports";
import { changedFiles } from "@latchkey/core/delivery/gates/unified-diff";
import { SYSTEM_ACTOR } from "@latchkey/core/delivery/rollout";
import {
  decideZeroTouch,
  whyAttended,
  ZERO_TOUCH_VERSION,
  type ZeroTouchDecision,
  type ZeroTouchEvidence,
  type ZeroTouchPolicy,
} from "@latchkey/core/delivery/zero-touch";
import { record } from "../ledger/index.ts";
import { type ApprovalGateParts, askedOf, askPeople, type Candidate, newIn, rolesOfAuthors } from "./approval-gate.ts";
import type { GateContext, GateOutcome, GateRunner } from "./gate-runner.ts";
import { hoursOf } from "./window-gate.ts";
import { lastTakenBack, saveZeroTouch } from "./zero-touch.store.ts";

const HOUR_MS = 3_600_000;
/** What a small team reads in ten minutes: more than that deserves to be looked at before it goes out. */
const DEFAULTS = { maximumFiles: 20, maximumLines: 400, maximumCommits: 10, quietHours: 2 };
/** What can't be taken back by going to the old release, or changes who may do what. */
const ATTENDED = [
  ...["**/migrations/**", "**/*.sql", "**/*.tf", "**/infra/**", ".github/**"],
  ...["**/netlify.toml", "**/latchkey.config.*", "**/.env*"],
];
/** A list of every file of a great change is more than a ledger's entry holds: it is attended long before. */
const FILES_KEPT = 200;

export interface ZeroTouchParts extends ApprovalGateParts {
  readonly differences: Differences;
  readonly errorBudget: ErrorBudget;
}

/** Lets a change go out with nobody watching where the policy says so; else people are asked, and see why. It holds for the moment only: asked last. */
export const zeroTouchGate = (parts: ZeroTouchParts): GateRunner => ({
  isOfTheMoment: true,
  run: async (gate, context) => {
    const asked = await askedOf(parts, gate, context);
    if (asked && asked.state !== "waiting") return askPeople(parts, gate, context, []);
    const { policy, evidence, decision } = await lookAtRules(parts, gate, context);
    await keep(parts, gate, context, { policy, evidence, decision });
    const details = decision.reasons.map(({ holds, words }) => `${holds ? "holds" : "asks for a person"}: ${words}`);
    if (decision.alone)
      return { status: "passed", words: "It goes out with nobody watching: every rule holds.", figures: [], details };
    const outcome: GateOutcome = await askPeople(parts, gate, context, whyAttended(decision));
    return {
      ...outcome,
      words: outcome.status === "pending" ? `${whyAttended(decision).join(" ")} ${outcome.words}` : outcome.words,
      details: [...details, ...(outcome.details ?? [])],
    };
  },
});

/** Every rule of the gate with its answer, as things stand now; nothing is recorded. */
export async function lookAtRules(
  parts: ZeroTouchParts,
  gate: GateConfig,
  context: Candidate & { readonly nowMs: number },
): Promise<{
  readonly policy: ZeroTouchPolicy;
  readonly evidence: ZeroTouchEvidence;
  readonly decision: ZeroTouchDecision;
}> {
  const policy = policyOf(gate, context.nowMs);
  const evidence = await gather(parts, gate, policy, context);
  return { policy, evidence, decision: decideZeroTouch(policy, evidence) };
}

function policyOf(gate: GateConfig, nowMs: number): ZeroTouchPolicy {
  const { quietHours = DEFAULTS.quietHours, authorRoles = [], paths = [] } = gate;
  return {
    ...{ paths, authorRoles },
    // A team that names its own is asked for these as well, unless it says that there are none.
    attended: gate.attended?.length === 0 ? [] : [...ATTENDED, ...(gate.attended ?? [])],
    maximumFiles: gate.maximumFiles ?? DEFAULTS.maximumFiles,
    maximumLines: gate.maximumLines ?? DEFAULTS.maximumLines,
    maximumCommits: gate.maximumCommits ?? DEFAULTS.maximumCommits,
    minimumBudgetPercent: gate.minimumPercent ?? null,
    hours: hoursOf(gate, nowMs),
    quietMs: quietHours * HOUR_MS,
  };
}

async function gather(
  parts: ZeroTouchParts,
  gate: GateConfig,
  policy: ZeroTouchPolicy,
  context: Candidate & { readonly nowMs: number },
): Promise<ZeroTouchEvidence> {
  const { deployment, release, folder, nowMs } = context;
  const { since, changes } = await newIn(parts, context);
  const commit = release?.commit_sha ?? null;
  // What lies in no commit can't be read afterwards, and nobody can say what a first release changes.
  const isKnown = commit !== null && !release?.dirty && since !== null;
  const diff = isKnown ? await parts.differences.diff(folder, since, commit) : null;
  const authors = changes.length > 0 ? changes.map(({ author }) => author) : release?.author ? [release.author] : [];
  return {
    atMs: nowMs,
    files: diff === null ? null : changedFiles(diff),
    commits: changes.length,
    authors: policy.authorRoles.length > 0 ? await rolesOfAuthors(parts, deployment.project, authors) : [],
    budget:
      gate.minimumPercent === undefined
        ? null
        : await parts.errorBudget.remaining(deployment.service, deployment.environment),
    rolledBackAtMs: await lastTakenBack(parts.database.db, deployment),
  };
}

/** Once for each answer, however often it is asked. */
async function keep(
  { database }: ZeroTouchParts,
  gate: GateConfig,
  { deployment, release }: GateContext,
  made: {
    readonly policy: ZeroTouchPolicy;
    readonly evidence: ZeroTouchEvidence;
    readonly decision: ZeroTouchDecision;
  },
): Promise<void> {
  const { policy, evidence, decision } = made;
  await database.transaction(async (tx) => {
    const row = {
      ...{ deployment_id: deployment.id, gate: gate.name, alone: decision.alone, version: ZERO_TOUCH_VERSION },
      ...{ policy, evidence, reasons: decision.reasons },
    };
    if (!(await saveZeroTouch(tx, row))) return;
    const files = evidence.files?.slice(0, FILES_KEPT) ?? null;
    await record(tx, {
      type: "delivery.zero_touch.decided",
      subject: `deployment/${deployment.id}`,
      project: deployment.project,
      actor: SYSTEM_ACTOR,
      correlation: deployment.id,
      data: {
        ...{ service: deployment.service, environment: deployment.environment, gate: gate.name },
        ...{ releaseId: release?.id ?? null, version: ZERO_TOUCH_VERSION, alone: decision.alone },
        ...{
          reasons: decision.reasons,
          policy,
          evidence: { ...evidence, files, fileCount: evidence.files?.length ?? null },
        },
      },
    });
  });
}
