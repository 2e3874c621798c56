import { type Bench, type Figure, figure, median } from "../figure.ts";
import type { Installation } from "../installation.ts";
import { OpenLoop, type OpenLoopAnswer } from "../open-loop.ts";

/** (a) From the decision to roll back until no request goes to the canary any more. */
const PER_SECOND = 500;
const GIVE_UP_MS = 120_000;
const main = { project: "main" } as const;
/** Fails often enough to be found within seconds, and seldom enough to pass the smoke journeys, 19 times in 20. */
const FAULT = "errors=5%";
const TRIES = 4;

interface Run {
  readonly lastCanaryMs: number;
  /** Requests that got no answer, or the gateway's own page. */
  readonly unanswered: number;
  /** Requests that were due while a thousand were under way: the machine stood still. */
  readonly notSent: number;
  readonly canaryRequests: number;
}

export async function measureRollback(
  bench: Bench,
  installation: Installation,
  perSecond = PER_SECOND,
): Promise<Figure[]> {
  const runs: Run[] = [];
  let releaseId: string | null = null;
  for (let i = 0; i < (bench.quick ? 1 : 7); i++) {
    let run = await once(bench, installation, perSecond, releaseId, 100 + i);
    for (let tries = 1; !run && tries < TRIES; tries++)
      run = await once(bench, installation, perSecond, releaseId, 100 + i);
    if (!run) throw new Error(`A release with ${FAULT} did not pass its smoke journeys ${TRIES} times.`);
    releaseId = run.releaseId;
    runs.push(run);
    bench.say(
      `rollback ${i + 1}: last canary request ${run.lastCanaryMs} ms after the decision, ${run.unanswered} unanswered, ${run.notSent} not sent`,
    );
  }
  const times = runs.map((r) => r.lastCanaryMs);
  const sum = (pick: (r: Run) => number) => runs.reduce((n, r) => n + pick(r), 0);
  return [
    figure(`${perSecond}/s: decision to last canary request, median of ${runs.length}`, median(times), "ms", {
      below: 100,
    }),
    figure(`${perSecond}/s: decision to last canary request, worst`, Math.max(...times), "ms", { below: 100 }),
    figure(
      `${perSecond}/s: requests without an answer while rolling back`,
      sum((r) => r.unanswered),
      "requests",
      { below: 1 },
    ),
    figure(
      `${perSecond}/s: requests that this machine was too busy to send`,
      sum((r) => r.notSent),
      "requests",
    ),
  ];
}

async function once(
  bench: Bench,
  { client, applicationUrl }: Installation,
  perSecond: number,
  releaseId: string | null,
  seed: number,
): Promise<(Run & { releaseId: string }) | null> {
  const answers: OpenLoopAnswer[] = [];
  const loop = new OpenLoop({
    url: applicationUrl,
    perSecond,
    seed,
    next: () => "/api/leads?limit=3",
    onAnswer: (answer) => answers.push(answer),
  });
  const made = await client.ship({
    params: { ...main, service: "leads" },
    body: { ifBusy: "queue", reason: "bench", ...(releaseId ? { releaseId } : { fault: FAULT }) },
  });
  let started = false;
  const deadline = performance.now() + GIVE_UP_MS;
  try {
    for (;;) {
      if (bench.signal.aborted || performance.now() > deadline) throw new Error("The rollout did not end in time.");
      const deployment = await client.getDeployment({ params: { ...main, deploymentId: made.id } });
      // Building takes the machine: the load begins with the release's start.
      if (!started && deployment.status === "starting") {
        loop.start();
        started = true;
      }
      if (deployment.status === "failed_start") return null;
      if (deployment.finishedAt !== null) {
        if (deployment.status !== "rolled_back" || !deployment.rolloutId || !deployment.release)
          throw new Error(
            `The bench's release was to be rolled back, and is "${deployment.status}": ${deployment.words}`,
          );
        const rollout = await client.getRollout({ params: { ...main, rolloutId: deployment.rolloutId } });
        await loop.stop();
        return { ...read(rollout, answers, loop.dropped), releaseId: deployment.release.id };
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  } finally {
    await loop.stop();
  }
}

function read(
  rollout: { canary: { number: number }; decisions: readonly { kind: string; at: string }[] },
  answers: readonly OpenLoopAnswer[],
  notSent: number,
): Run {
  // The time of the look behind the decision: judging and committing are in what is measured.
  const decidedAt = Date.parse(rollout.decisions.find((d) => d.kind === "roll_back_begun")?.at ?? "");
  const canary = answers.filter((a) => a.release === `leads@${rollout.canary.number}`);
  // A request belongs to the moment at which it was sent: the gateway chose its release then.
  const last = Math.max(...canary.map((a) => a.sentAtMs));
  return {
    lastCanaryMs: Math.max(0, last - decidedAt),
    unanswered: answers.filter((a) => a.status === null || a.status === 502 || a.status === 503).length,
    notSent,
    canaryRequests: canary.length,
  };
}
