import { type Arms, countsOf, durationWords, INTERVAL_ALPHA } from "./experiment.ts";
import { type Interval, lnHarm, meanHalfWidth, momentsOf, ratioInterval } from "./experiment-evidence.ts";
import type { Goal } from "./model.ts";

/** What a rollout is hoped to change: how much it does, what that is worth saying, and how long until one knows. */

export type Advice = "keep_going" | "ship" | "stop" | "no_difference";
export interface GoalEffect {
  readonly metric: string;
  readonly kind: Goal["kind"];
  /** Share of users, or mean for each user. */
  readonly treated: number;
  readonly control: number;
  /** As percent of the control: +4 is four percent more. Null while there is none. */
  readonly percent: number | null;
  readonly interval: Interval | null;
  readonly advice: Advice;
  /** Users of each arm until the smallest effect of interest is told from none; null: not to be said yet. */
  readonly usersNeeded: number | null;
  readonly daysLeft: number | null;
  readonly words: string;
}

const DAY_MS = 86_400_000;
/** Nobody waits for longer: the smallest effect of interest is too small for this traffic. */
const DAYS_MAX = 365;
const USERS_MAX = 1e9;

/** @param exposedPerDay users that come to each arm in a day, at present. */
export function goalEffect(goal: Goal, arms: Arms, exposedPerDay: number): GoalEffect {
  const { effect, usersNeeded } = goal.kind === "conversion" ? conversion(goal, arms) : mean(goal, arms);
  const advice = adviceOf(goal, effect.interval);
  const now = Math.min(arms.treated.exposed, arms.control.exposed);
  const left = usersNeeded === null ? null : Math.max(0, usersNeeded - now);
  const daysLeft = left === null || (left > 0 && exposedPerDay <= 0) ? null : left === 0 ? 0 : left / exposedPerDay;
  const whole = { metric: goal.metric, kind: goal.kind, ...effect, advice, usersNeeded, daysLeft };
  return { ...whole, words: goalWords(goal, whole) };
}

type Effect = Pick<GoalEffect, "treated" | "control" | "percent" | "interval">;
const percentOf = (ratio: number): number => (ratio - 1) * 100;

function conversion(goal: Goal, arms: Arms): { effect: Effect; usersNeeded: number | null } {
  const [t, c] = [countsOf(arms.treated, goal.metric).hit, countsOf(arms.control, goal.metric).hit];
  const share = (hit: number, exposed: number) => (exposed === 0 ? 0 : hit / exposed);
  const found = ratioInterval(t, c, INTERVAL_ALPHA);
  const [treated, control] = [share(t, arms.treated.exposed), share(c, arms.control.exposed)];
  const effect = {
    ...{ treated, control, percent: control > 0 ? percentOf(treated / control) : null },
    interval: t + c === 0 ? null : { from: percentOf(found.from), to: percentOf(found.to) },
  };
  if (control === 0) return { effect, usersNeeded: null };
  const times = 1 + goal.minEffectPercent / 100;
  const isTold = (users: number) => ratioInterval(users * control * times, users * control, INTERVAL_ALPHA).from > 1;
  return { effect, usersNeeded: fewest(isTold) };
}

function mean(goal: Goal, arms: Arms): { effect: Effect; usersNeeded: number | null } {
  // Who has no value has 0: a user that bought nothing spent nothing.
  const of = (arm: Arms["treated"]) => ({ ...countsOf(arm, goal.metric), users: arm.exposed });
  const [a, b] = [of(arms.treated), of(arms.control)];
  const [t, c] = [momentsOf(a), momentsOf(b)];
  const n = a.users + b.users;
  const isKnown = a.users > 1 && b.users > 1 && c.mean !== 0 && t.variance + c.variance > 0;
  if (!isKnown)
    return { effect: { treated: t.mean, control: c.mean, percent: null, interval: null }, usersNeeded: null };
  const half = meanHalfWidth(n, n * (t.variance / a.users + c.variance / b.users), INTERVAL_ALPHA);
  const relative = (difference: number) => (difference / Math.abs(c.mean)) * 100;
  const difference = t.mean - c.mean;
  const effect = {
    ...{ treated: t.mean, control: c.mean, percent: relative(difference) },
    interval: { from: relative(difference - half), to: relative(difference + half) },
  };
  const wanted = (Math.abs(c.mean) * goal.minEffectPercent) / 100;
  const isTold = (users: number) => meanHalfWidth(2 * users, 2 * (t.variance + c.variance), INTERVAL_ALPHA) < wanted;
  return { effect, usersNeeded: fewest(isTold) };
}

/** The least number of users for which it holds; null when it is beyond what anybody has. */
function fewest(holds: (users: number) => boolean): number | null {
  if (!holds(USERS_MAX)) return null;
  let [low, high] = [1, USERS_MAX];
  while (high / low > 1.005) {
    const middle = Math.sqrt(low * high);
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return Math.ceil(high);
}

function adviceOf({ better, minEffectPercent }: Goal, interval: Interval | null): Advice {
  if (!interval) return "keep_going";
  const isUp = better === "more";
  if (interval.from > 0) return isUp ? "ship" : "stop";
  if (interval.to < 0) return isUp ? "stop" : "ship";
  return interval.from > -minEffectPercent && interval.to < minEffectPercent ? "no_difference" : "keep_going";
}

const signed = (percent: number): string =>
  `${percent > 0 ? "+" : percent < 0 ? "−" : ""}${Math.abs(percent) < 10 ? Math.abs(percent).toFixed(1) : Math.round(Math.abs(percent))} %`;
/** `+4.2 %, between +1.0 % and +7.5 %`. */
export function effectWords({ percent, interval }: Pick<GoalEffect, "percent" | "interval">): string {
  if (percent === null || !interval) return "nothing to say yet";
  const to = Number.isFinite(interval.to) ? `and ${signed(interval.to)}` : "and more than can be said";
  return `${signed(percent)}, between ${signed(interval.from)} ${to}`;
}

function goalWords(goal: Goal, effect: Omit<GoalEffect, "words">): string {
  const of = goal.kind === "conversion" ? "users with it" : "of it for each user";
  const isTold = effect.percent !== null && effect.interval !== null;
  const so = `${goal.metric}: ${effectWords(effect)}${isTold ? ` ${of}` : ""}.`;
  switch (effect.advice) {
    case "ship":
      return `${so} It is better.`;
    case "stop":
      return `${so} It is worse.`;
    case "no_difference":
      return `${so} No difference of ${goal.minEffectPercent} % or more: choose by other reasons.`;
    case "keep_going":
      return `${so} ${leftWords(goal, effect.daysLeft)}`;
  }
}
function leftWords({ minEffectPercent }: Goal, daysLeft: number | null): string {
  if (daysLeft === null) return "Keep going: there is too little to say how long.";
  if (daysLeft > DAYS_MAX) return `With this traffic ${minEffectPercent} % can't be told within a year: look for more.`;
  if (daysLeft === 0) return `Keep going; an effect of ${minEffectPercent} % would most likely show by now.`;
  return `Keep going: about ${durationWords(daysLeft * DAY_MS)} until ${minEffectPercent} % would show.`;
}

/** Users of each arm after which harm of so many times is found, about; for plans. */
export function usersUntilHarm(baseline: number, times: number, lnNeeded: number): number | null {
  return fewest((users) => lnHarm(users * baseline * times, users * baseline) >= lnNeeded);
}
