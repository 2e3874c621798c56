import { type CanaryPlan, type PlanInput, planCanary, runsOf } from "@latchkey/core/analysis/planning/plan";
import { ProblemError } from "../platform/problems.ts";

/** Work goes on for so long, then whatever else waits has its turn. One look more takes 1 to 2 ms, on a busy machine 5: below 10 ms in all. */
const SLICE_MS = 3;
/** Who follows a plan asks several times a second: after this nobody wants it any more. */
const FORGOTTEN_MS = 15_000;
/** The week's traffic changes slowly: what was found of it holds for a while. */
const KEPT_MS = 600_000;
const KEPT_MAX = 20;
/** Half a minute to two each, one after the other: whoever is behind these waits for minutes. */
const WAITING_MAX = 4;

/** A plan's input, with the words for people of what is played. */
export interface PlanAsked extends PlanInput {
  readonly played: readonly string[];
}

export interface PlanStanding {
  readonly input: PlanAsked;
  readonly done: number;
  readonly of: number;
  readonly plan: CanaryPlan | null;
}

interface Job {
  readonly input: PlanAsked;
  readonly of: number;
  work: Generator<undefined, CanaryPlan> | null;
  done: number;
  plan: CanaryPlan | null;
  askedMs: number;
}

export interface PlansOptions {
  /** A clock that never goes back, ms. */
  readonly now: () => number;
  /** Calls back once everything else that waits has had its turn. */
  readonly yieldTo: (next: () => void) => void;
}

/** Works plans out beside everything else, in slices, for as long as somebody asks, and keeps them for a while. */
export class PlansController {
  readonly #o: PlansOptions;
  readonly #jobs = new Map<string, Job>();
  #runs = false;
  #stopped = false;

  constructor(options: PlansOptions) {
    this.#o = options;
  }

  /** How a plan stands that was asked for before; null when it is not known (any more). */
  standing(key: string): PlanStanding | null {
    this.#forget();
    const job = this.#jobs.get(key);
    if (!job) return null;
    job.askedMs = this.#o.now();
    return job;
  }

  /** Begins a plan, unless it is under way. */
  begin(key: string, input: PlanAsked): PlanStanding {
    const known = this.standing(key);
    if (known) return known;
    if ([...this.#jobs.values()].filter((job) => job.plan === null).length >= WAITING_MAX)
      throw new ProblemError("LK_TOO_MANY", {
        detail: `${WAITING_MAX} plans are worked out already.`,
        remedy: "Ask again in a minute.",
        retryAfterMs: 10_000,
      });
    const job: Job = {
      input,
      of: runsOf(input.runs, input.own),
      work: null,
      done: 0,
      plan: null,
      askedMs: this.#o.now(),
    };
    job.work = planCanary(input, (done) => {
      job.done += done;
    });
    this.#jobs.set(key, job);
    if (!this.#runs) {
      this.#runs = true;
      this.#o.yieldTo(() => this.#slice());
    }
    return job;
  }

  stop(): void {
    this.#stopped = true;
    this.#jobs.clear();
  }

  #slice(): void {
    this.#forget();
    const job = [...this.#jobs.values()].find((j) => j.work !== null);
    if (this.#stopped || !job?.work) {
      this.#runs = false;
      return;
    }
    const until = this.#o.now() + SLICE_MS;
    do {
      const step = job.work.next();
      if (!step.done) continue;
      job.plan = step.value;
      job.work = null;
      job.askedMs = this.#o.now();
      break;
    } while (this.#o.now() < until);
    this.#o.yieldTo(() => this.#slice());
  }

  /** What nobody follows any more, and results that are old or too many. */
  #forget(): void {
    const now = this.#o.now();
    for (const [key, job] of this.#jobs)
      if (now - job.askedMs > (job.plan === null ? FORGOTTEN_MS : KEPT_MS)) this.#jobs.delete(key);
    const kept = [...this.#jobs].filter(([, job]) => job.plan !== null).sort(([, a], [, b]) => a.askedMs - b.askedMs);
    for (const [key] of kept.slice(0, Math.max(0, kept.length - KEPT_MAX))) this.#jobs.delete(key);
  }
}
