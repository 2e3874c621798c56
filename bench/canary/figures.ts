import { type Figure, figure } from "../figure.ts";
import type { Cell } from "./cells.ts";
import { OURS } from "./play.ts";
import { type Middle, percentOf, type Results, type Summary } from "./results.ts";

/** A figure and how far chance may have moved it: its 95 % bounds. */
export interface Measured {
  readonly figure: Figure;
  readonly low: number;
  readonly high: number;
}

export const figuresOf = (cell: Cell, rules: Results["cells"][string]): Figure[] =>
  measuredOf(cell, rules).map((m) => m.figure);

/** One line per figure: ours against its goal, then the others for comparison. */
export function measuredOf(cell: Cell, rules: Results["cells"][string]): Measured[] {
  const at = `${cell.row}, ${cell.requestsPerSecond}/s`;
  return Object.entries(rules).flatMap(([rule, s]) => {
    const own = rule === OURS;
    const name = (what: string) => `${at}: ${own ? "" : `${rule}: `}${what}`;
    return [...alarms(cell, s, own, name), ...times(cell, s, own, name), ...passes(cell, s, own, name)];
  });
}

type Name = (what: string) => string;
type Against = Parameters<typeof figure>[3];
const research = (value: number | undefined): { peer?: Figure["peer"] } =>
  value === undefined ? {} : { peer: { name: "research", value } };

function percentage(name: string, k: number, n: number, against: Against): Measured {
  const { value, low, high } = percentOf(k, n);
  const words = `${name} (${n} runs, 95 % bounds ${low.toFixed(1)} to ${high.toFixed(1)})`;
  return { figure: figure(words, value, "%", against), low, high };
}

function middle(name: string, m: Middle | null, runs: number, unit: string, against: Against): Measured {
  const words = m ? `${name} (${runs} runs, 95 % bounds ${m.low} to ${m.high ?? "never"})` : `${name} (${runs} runs)`;
  const high = m?.high ?? Number.POSITIVE_INFINITY;
  return { figure: figure(words, m?.median ?? Number.NaN, unit, against), low: m?.low ?? high, high };
}

function alarms({ asks, goal }: Cell, s: Summary, own: boolean, name: Name): Measured[] {
  if (asks !== "alarms" || goal.passAtMost !== undefined) return [];
  const most = own && goal.failAtMost !== undefined ? { atMost: goal.failAtMost } : {};
  return [percentage(name("rolled back"), s.rolledBack, s.runs, most)];
}

function times({ asks, goal, part }: Cell, s: Summary, own: boolean, name: Name): Measured[] {
  if (asks !== "times" || part === "pass") return [];
  const { seconds, requests } = goal;
  const against = (most: number | undefined) => (own && most !== undefined ? { ...research(most), atMost: most } : {});
  return [
    middle(name("median until rolled back"), s.seconds, s.runs, "s", against(seconds)),
    middle(name("canary requests until then, median"), s.canaryRequests, s.runs, "requests", against(requests)),
    percentage(name("found"), s.rolledBack, s.runs, own ? research(goal.detected) : {}),
  ];
}

function passes({ goal, part, stopAtPass }: Cell, s: Summary, own: boolean, name: Name): Measured[] {
  if (!stopAtPass || !own) return [];
  const most = goal.passAtMost;
  const share = percentage(
    name("PASS"),
    s.promoted,
    s.runs,
    most === undefined ? research(goal.passed) : { atMost: most },
  );
  if (most !== undefined || (part === "low-traffic" && goal.failAtMost === undefined)) return [share];
  const time = middle(name("median until PASS"), s.promotedSeconds, s.runs, "s", research(goal.passSeconds));
  if (part !== "low-traffic") return [share, time];
  const least = goal.finishedAtLeast === undefined ? {} : { atLeast: goal.finishedAtLeast };
  return [percentage(name("ended without a person"), s.promoted + s.rolledBack, s.runs, least), share, time];
}
