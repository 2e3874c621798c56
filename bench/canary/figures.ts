import { type Figure, figure } from "../figure.ts";
import type { Cell } from "./cells.ts";
import { OURS } from "./play.ts";
import { percentOf, type Results, type Summary } from "./results.ts";

/** One line per figure: ours against its goal, then the others for comparison. */
export function figuresOf(cell: Cell, rules: Results["cells"][string]): Figure[] {
  const at = `${cell.row}, ${cell.requestsPerSecond}/s`;
  return Object.entries(rules).flatMap(([rule, s]) => {
    const own = rule === OURS;
    const name = (what: string) => `${at}: ${own ? "" : `${rule}: `}${what}`;
    return [...alarms(cell, s, own, name), ...times(cell, s, own, name), ...passes(cell, s, own, name)];
  });
}

const bounds = (k: number, n: number) => {
  const { low, high } = percentOf(k, n);
  return `${n} runs, 95 % bounds ${low.toFixed(1)} to ${high.toFixed(1)}`;
};
const research = (value: number | undefined): { peer?: Figure["peer"] } =>
  value === undefined ? {} : { peer: { name: "research", value } };
type Name = (what: string) => string;

function alarms({ asks, goal }: Cell, s: Summary, own: boolean, name: Name): Figure[] {
  if (asks !== "alarms" || goal.passAtMost !== undefined) return [];
  const value = percentOf(s.rolledBack, s.runs).value;
  const most = own && goal.failAtMost !== undefined ? { atMost: goal.failAtMost } : {};
  return [figure(name(`rolled back (${bounds(s.rolledBack, s.runs)})`), value, "%", most)];
}

function times({ asks, goal, part }: Cell, s: Summary, own: boolean, name: Name): Figure[] {
  if (asks !== "times" || part === "pass") return [];
  const { seconds, requests } = goal;
  const span = s.seconds ? `, 95 % bounds ${s.seconds.low} to ${s.seconds.high ?? "never"}` : "";
  const time = own && seconds !== undefined ? { ...research(seconds), atMost: seconds } : {};
  const count = own && requests !== undefined ? { ...research(requests), atMost: requests } : {};
  const found = own ? research(goal.detected) : {};
  return [
    figure(name(`median until rolled back (${s.runs} runs${span})`), s.seconds?.median ?? Number.NaN, "s", time),
    figure(name("canary requests until then, median"), s.canaryRequests?.median ?? Number.NaN, "requests", count),
    figure(name(`found (${bounds(s.rolledBack, s.runs)})`), percentOf(s.rolledBack, s.runs).value, "%", found),
  ];
}

function passes({ goal, part, stopAtPass }: Cell, s: Summary, own: boolean, name: Name): Figure[] {
  if (!stopAtPass || !own) return [];
  const passed = percentOf(s.promoted, s.runs).value;
  const share = figure(name(`PASS (${bounds(s.promoted, s.runs)})`), passed, "%", {
    ...(goal.passAtMost === undefined ? research(goal.passed) : { atMost: goal.passAtMost }),
  });
  if (goal.passAtMost !== undefined) return [share];
  const median = s.promotedSeconds?.median ?? Number.NaN;
  const time = figure(name("median until PASS"), median, "s", research(goal.passSeconds));
  if (part !== "low-traffic") return [share, time];
  if (goal.failAtMost === undefined) return [share];
  const done = s.promoted + s.rolledBack;
  const least = goal.finishedAtLeast === undefined ? {} : { atLeast: goal.finishedAtLeast };
  return [
    figure(name(`ended without a person (${bounds(done, s.runs)})`), percentOf(done, s.runs).value, "%", least),
    share,
    time,
  ];
}
