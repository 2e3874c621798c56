import { openProgress, type Progress } from "./progress.ts";
import {
  type Deployment,
  decisionLine,
  deploymentLine,
  isOver,
  isUnderWay,
  type Rollout,
  standingWords,
  turnOf,
} from "./rollout-words.ts";
import type { Session } from "./session.ts";
import type { StreamEvent } from "./stream.ts";
import { state } from "./text.ts";
import { type WatchEnd, watch } from "./watch.ts";

/** What happens before a rollout (build, gates) is not in the stream, so it is asked for. */
const BEFORE_ROLLOUT_MS = 1_000;
/** A canary without a request for this long has no visitors. */
const NO_TRAFFIC_MS = 15_000;

export interface Followed<T> {
  readonly end: WatchEnd;
  readonly last: T | null;
}

/** Follows a deployment until it is promoted or over: what it does, what it waits for, each decision. */
export async function followDeployment(
  session: Session,
  deploymentId: string,
  timeoutMs: number | null,
): Promise<Followed<Deployment>> {
  const progress = openProgress(session);
  const teller = new Teller(session, progress);
  let last: Deployment | null = null;
  const end = await watch(session, {
    progress,
    timeoutMs,
    everyMs: () => (last?.rolloutId ? null : BEFORE_ROLLOUT_MS),
    concerns: (event) => concernsRollout(event, last?.rolloutId ?? null) || concernsDeployment(event, deploymentId),
    look: async (event) => {
      if (event?.event === "rollout" || event?.event === "service") {
        if (event.event === "rollout") teller.tell(event.data);
        else teller.again();
        return false;
      }
      const deployment = await session.client.getDeployment({ params: { ...session.main, deploymentId } });
      last = deployment;
      const { rolloutId } = deployment;
      if (rolloutId) teller.tell(await session.client.getRollout({ params: { ...session.main, rolloutId } }));
      else if (isUnderWay(deployment.status)) {
        const line = deploymentLine(deployment);
        progress.standing(line, line);
      }
      return !isUnderWay(deployment.status);
    },
  }).finally(() => progress.end());
  return { end, last };
}

/** Follows a rollout to its very end, the holdback included. */
export async function followRollout(
  session: Session,
  rolloutId: string,
  timeoutMs: number | null,
): Promise<Followed<Rollout>> {
  const progress = openProgress(session);
  const teller = new Teller(session, progress);
  let last: Rollout | null = null;
  let said = "";
  const end = await watch(session, {
    progress,
    timeoutMs,
    everyMs: () => null,
    concerns: (event) => concernsRollout(event, rolloutId),
    look: async (event) => {
      if (event?.event === "service") {
        teller.again();
        return false;
      }
      last =
        event?.event === "rollout"
          ? event.data
          : await session.client.getRollout({ params: { ...session.main, rolloutId } });
      teller.tell(last);
      const text = JSON.stringify(last);
      // With --json each new state is one line, for programs that read along.
      if (session.json && text !== said) session.terminal.out(`${text}\n`);
      said = text;
      return isOver(last.state);
    },
  }).finally(() => progress.end());
  return { end, last };
}

function concernsRollout(event: StreamEvent, rolloutId: string | null): boolean {
  if (rolloutId === null) return false;
  if (event.event === "rollout") return event.data.id === rolloutId;
  // Comes every five seconds, whatever happens: a clock that needs no asking.
  if (event.event === "service") return true;
  return event.event === "ledger" && event.data.subject === `rollout/${rolloutId}`;
}

const concernsDeployment = (event: StreamEvent, deploymentId: string): boolean =>
  event.event === "ledger" &&
  (event.data.subject === `deployment/${deploymentId}` || event.data.correlation === deploymentId);

/** Tells what is new about a rollout: each decision once, how it stands, and when nobody visits it. */
class Teller {
  readonly #session: Session;
  readonly #progress: Progress;
  #decisions = 0;
  #requests = -1;
  #requestsAt = 0;
  #saidNoTraffic = false;
  #last: Rollout | null = null;

  constructor(session: Session, progress: Progress) {
    this.#session = session;
    this.#progress = progress;
  }

  /** Time went by and nothing was news: figures such as "in 12 s" still change, and silence is worth a word. */
  again(): void {
    if (this.#last) this.tell(this.#last);
  }

  tell(rollout: Rollout): void {
    this.#last = rollout;
    const { style, terminal } = this.#session;
    for (const decision of rollout.decisions.slice(this.#decisions)) this.#progress.line(decisionLine(decision, style));
    this.#decisions = Math.max(this.#decisions, rollout.decisions.length);
    if (isOver(rollout.state)) return;
    this.#progress.standing(standingWords(rollout, terminal.now()), turnOf(rollout));
    this.#noticeTraffic(rollout);
  }

  /** Without visitors there is nothing to judge, and a canary is held for ever: say so, and what to do. */
  #noticeTraffic(rollout: Rollout): void {
    const { terminal, style } = this.#session;
    // Visitors' as the gateways count them, and with synthetic journeys' as the judge does: either is something to judge.
    const { canaryRequests = 0, baselineRequests = 0 } = rollout.report ?? {};
    const requests = rollout.arms.reduce((n, arm) => n + arm.requests, canaryRequests + baselineRequests);
    const isJudged = rollout.state === "progressing" && rollout.trafficPercent > 0;
    if (!isJudged || requests !== this.#requests) {
      this.#requests = requests;
      this.#requestsAt = terminal.now();
      this.#saidNoTraffic = false;
      return;
    }
    if (this.#saidNoTraffic || terminal.now() - this.#requestsAt < NO_TRAFFIC_MS) return;
    this.#saidNoTraffic = true;
    const words = `No visitors: nothing has come in for ${NO_TRAFFIC_MS / 1_000} s, so there is nothing to judge, and it waits.`;
    this.#progress.line(`${style.warn(words)}\n  Send some from another terminal: npm run traffic`);
  }
}

/** The last lines after following a deployment. */
export function endingWords(deployment: Deployment, session: Session): string {
  const { style } = session;
  const why = deployment.rolloutId ? `\nWhy: latchkey explain ${deployment.rolloutId}` : "";
  return `${style.bold("It ended")}: ${state(deployment.status, style)}. ${deployment.words}${why}`;
}
