import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defaultPolicy } from "@latchkey/core/analysis/policy";
import type { Figure } from "../figure.ts";
import { CELLS, type Cell, keyOf, type PartName } from "./cells.ts";
import { type Measured, measuredOf } from "./figures.ts";
import { blamesHealthy } from "./healthy.ts";
import { published } from "./peers/published.ts";
import { picture } from "./picture.ts";
import { OURS, PEER_NAMES, SERIOUS, UNMEASURED, UNSETTLED } from "./play.ts";
import { type Middle, percentOf, type Results, type Summary } from "./results.ts";

/** docs/canary.md and its picture, made of the results: no figure in them is written by hand. */
export function writeDocument(root: string, results: Results): void {
  if (!existsSync(join(root, "docs", "images"))) throw new Error("There is no docs/images to write to.");
  writeFileSync(join(root, "docs", "images", "canary.svg"), picture(results));
  writeFileSync(join(root, "docs", "canary.md"), documentOf(results));
}

type Rules = Results["cells"][string];
interface Played {
  readonly cell: Cell;
  readonly rules: Rules;
  readonly own: Summary;
}

export function documentOf(results: Results): string {
  const played = CELLS.flatMap((cell): Played[] => {
    const rules = results.cells[keyOf(cell)];
    const own = rules?.[OURS];
    return rules && own ? [{ cell, rules, own }] : [];
  });
  const of = (part: PartName) => played.filter((p) => p.cell.part === part);
  const blocks = [
    HEAD(results),
    summary(played),
    "## Healthy releases that are rolled back",
    FALSE_WORDS,
    alarmTable(of("false-rollbacks")),
    "## Harm: how soon it is found",
    HARM_WORDS,
    timeTable(results, of("harm")),
    "## Harder cases",
    "False alarms, in percent of runs rolled back:",
    alarmTable(of("robustness").filter((p) => p.cell.asks === "alarms")),
    "Harm, as above. Where answers vary widely (σ = 1), the p99 of every release is above Flagger's 500 ms: it finds nothing out there.",
    timeTable(
      results,
      of("robustness").filter((p) => p.cell.asks === "times"),
    ),
    "## PASS: proofs that a release is safe",
    PASS_WORDS,
    passTable(of("pass")),
    "## Little traffic",
    LOW_WORDS,
    lowTable(of("low-traffic")),
    "## Goals that are missed",
    missed(played),
    "## What this does not show",
    LIMITS,
  ];
  return `${blocks.map((block) => block.trim()).join("\n\n")}\n`;
}

const HEAD = (r: Results) => `# The judge, measured

Made by \`npm run bench -- canary --write\` (judge \`${r.judge}\`, seed ${r.seed}; results with the number of runs in
[bench/canary/results.json](../bench/canary/results.json)). The same command goes on from what is finished there; \`--quick\`
takes half a minute, \`npm run bench -- canary cost\` measures what a look costs.

**Setting.** One request in ten goes to the canary; a look every 5 s for 30 minutes; requests arrive at random (Poisson);
answers take 100 ms in the median with a spread (σ of the logarithm) of 0.5. The judge is the one that ships, with its default
policy (α = ${defaultPolicy.alpha}), and knows the stable release's ten minutes before. The other rules are our own models of what their sources and papers say, in
[bench/canary/peers](../bench/canary/peers), and see the same traffic. "Goal" is what a prototype reached in our research.
`;

function summary(played: readonly Played[]): string {
  const worst = (rule: string, part: PartName, row: string) => {
    const list = played.flatMap(({ cell, rules }) => {
      const s = cell.part === part && cell.row.startsWith(row) ? rules[rule] : undefined;
      return s ? [percentOf(s.rolledBack, s.runs).value] : [];
    });
    return percent(list.length > 0 ? Math.max(...list) : Number.NaN);
  };
  const healthy = (rule: string) => worst(rule, "false-rollbacks", "no difference");
  const goals = played.flatMap((p) => measuredOf(p.cell, p.rules)).filter((m) => m.figure.goal !== null);
  const held = goals.filter((m) => m.figure.holds).length;
  const chance = goals.filter((m) => !m.figure.holds && mayBeChance(m)).length;
  const errors = played.filter((p) => p.cell.part === "harm" && p.cell.row.startsWith("errors"));
  const slow = played.filter((p) => p.cell.part === "harm" && p.cell.row.includes("slow"));
  return `## In short

- **Blaming the healthy.** Latchkey rolled back at most ${healthy(OURS)} of releases that differ in nothing, whatever the rate and
  the error ratio, and at most ${worst(OURS, "false-rollbacks", "5 %")} at the edge of what the policy calls harmless. The worst setting of the
  others, without a difference: ${PEER_NAMES.map((rule) => `${rule} ${healthy(rule)}`).join(", ")}.
- **Errors that come in clusters** (a visitor who tries again) with visitors who stay with an arm break counting: Latchkey
  rolls back up to ${worst(OURS, "robustness", "errors in threes, visitors stay with an arm")} of healthy releases then. With one error per visitor, or each request routed by itself, up
  to ${worst(OURS, "robustness", "errors in threes, visitors stay, one")} and ${worst(OURS, "robustness", "errors in threes, each")}.
- **Errors** are found ${speed(errors)}.
- **Slowness** is found ${speed(slow)}. A request is evidence as far as the stable release's own looks are alike, and no look
  multiplies it by more than ten, as answers are slow together on real machines (decision 10); three or four looks, after the
  first 15 s, are the least. What that costs is listed below, not hidden. The published tests are quicker
  there, and blame a canary that is 4 % slower, which the policy calls harmless, in ${harmless(played)} of the runs.
- **Goals**: ${held} of ${goals.length} are reached, and ${chance} more are missed by no more than chance may do.
  [All that are missed](#goals-that-are-missed) are listed with how far they are off.

![Median seconds until harm is rolled back, Latchkey beside the rules of others](images/canary.svg)
`;
}

/** How often the published tests roll back a slowdown within the margin. */
function harmless(played: readonly Played[]): string {
  const s = played.find((p) => p.cell.part === "robustness" && p.cell.row.startsWith("4 %"))?.rules[published.name];
  return s ? share(s.rolledBack, s.runs) : "an unknown share";
}

/** Latchkey's medians as multiples of their goals. */
function speed(list: readonly Played[]): string {
  const ratios = list.flatMap(({ cell, own }) =>
    cell.goal.seconds === undefined ? [] : [(own.seconds?.median ?? Number.POSITIVE_INFINITY) / cell.goal.seconds],
  );
  if (ratios.length === 0) return "at a speed that was not measured";
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
  const words = Number.isFinite(most) ? `${least.toFixed(1)} to ${most.toFixed(1)}` : `${least.toFixed(1)} and more`;
  return `in ${words} times the goal's median time`;
}

const FALSE_WORDS = `Percent of runs that were rolled back though nothing is wrong, or no more than the policy calls harmless (5 % slower,
0.02 points more errors), over all 360 looks. In brackets the 95 % bounds of Latchkey's. Goal: at most 1 %.
`;
const HARM_WORDS = `Median seconds until the rollback, with its 95 % bounds, and the canary's requests until then; [percent found] where not
all were. "–": more than half of the runs were never rolled back. "not waiting": without the 15 s in which the judge does not
look at a new process's latency, as in the research; "nothing known": without the ten minutes before, from which the judge
knows how the stable release's looks differ. A rule with * rolls back more than one healthy release in ten at that
rate and error ratio, so that it finds nothing out.
`;
const PASS_WORDS = `At the margin a PASS is wrong, and at most 5 % may be. Without a difference, it should come soon.
`;
const LOW_WORDS = `Within 20 minutes, with a tenth and with half of the traffic on the canary. "Ended" is a PASS or a rollback: nobody has to look.
The goal is 90 % with half of the traffic. Real requests only: synthetic journeys, which a plan adds, are not counted here.
`;
const LIMITS = `- Simulated requests are independent given their arm and, in the rows that say so, its process's stalls. Real processes stall in
  more ways: one that is slow for minutes on end is not told from a slow release. \`npm run demo\` and \`npm run bench -- delivery rollback\` measure real processes.
- The other rules are models. None of those programs was run; Kayenta's is played with as much baseline as canary, as it advises.
- Percentages of so many runs have the bounds that are printed with them. "At most 1 %" is held when the measured share is.
`;

const percent = (x: number): string => (Number.isNaN(x) ? "–" : `${x >= 10 ? Math.round(x) : Number(x.toFixed(1))} %`);
const share = (k: number, n: number): string => percent(percentOf(k, n).value);
const bounds = (k: number, n: number): string => {
  const { low, high } = percentOf(k, n);
  return `${low.toFixed(1)}–${high.toFixed(1)}`;
};
const span = (m: Middle | null): string => (m ? `${m.median} (${m.low}–${m.high ?? "never"})` : "–");

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "Not measured yet.";
  // Aligned, as the formatter of this repository has it.
  const widths = head.map((title, i) =>
    Math.max(3, ...[title, ...rows.map((row) => row[i] ?? "")].map((c) => c.length)),
  );
  const line = (cells: readonly string[]) => `| ${cells.map((c, i) => c.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((w) => "-".repeat(w))), ...rows.map(line)].join("\n");
}

function alarmTable(list: readonly Played[]): string {
  return table(
    ["what", "requests/s", "runs", "**Latchkey**", ...PEER_NAMES],
    list.map(({ cell, rules, own }) => [
      cell.row,
      String(cell.requestsPerSecond),
      String(own.runs),
      `**${share(own.rolledBack, own.runs)}** (${bounds(own.rolledBack, own.runs)})`,
      ...PEER_NAMES.map((rule) => (rules[rule] ? share(rules[rule].rolledBack, rules[rule].runs) : "")),
    ]),
  );
}

function timeTable(results: Results, list: readonly Played[]): string {
  const found = (s: Summary) => (s.rolledBack < s.runs ? ` [${share(s.rolledBack, s.runs)}]` : "");
  const short = (cell: Cell, rule: string, s: Summary | undefined) =>
    s ? `${s.seconds?.median ?? "–"}${found(s)}${blamesHealthy(results, cell, rule) ? "*" : ""}` : "";
  return table(
    ["what", "requests/s", "runs", "goal", "**Latchkey**, s", "requests", "not waiting", "nothing known", ...SERIOUS],
    list.map(({ cell, rules, own }) => [
      cell.row,
      String(cell.requestsPerSecond),
      String(own.runs),
      cell.goal.seconds === undefined ? "" : `${cell.goal.seconds}`,
      `**${span(own.seconds)}**${found(own)}`,
      span(own.canaryRequests),
      short(cell, UNSETTLED, rules[UNSETTLED]),
      short(cell, UNMEASURED, rules[UNMEASURED]),
      ...SERIOUS.map((rule) => short(cell, rule, rules[rule])),
    ]),
  );
}

function passTable(list: readonly Played[]): string {
  return table(
    ["what", "requests/s", "runs", "PASS", "median seconds", "research"],
    list.map(({ cell, own }) => [
      cell.row,
      String(cell.requestsPerSecond),
      String(own.runs),
      `**${share(own.promoted, own.runs)}** (${bounds(own.promoted, own.runs)})`,
      cell.goal.passAtMost === undefined ? span(own.promotedSeconds) : "",
      cell.goal.passAtMost === undefined
        ? [cell.goal.passSeconds && `${cell.goal.passSeconds} s`, cell.goal.passed && `${cell.goal.passed} %`]
            .filter(Boolean)
            .join(", ")
        : `at most ${cell.goal.passAtMost} %`,
    ]),
  );
}

function lowTable(list: readonly Played[]): string {
  return table(
    ["what", "requests/s", "runs", "ended", "PASS", "rolled back", "median seconds to PASS", "to rollback"],
    list.map(({ cell, own }) => [
      cell.row,
      String(cell.requestsPerSecond),
      String(own.runs),
      `**${share(own.promoted + own.rolledBack, own.runs)}**`,
      share(own.promoted, own.runs),
      `${share(own.rolledBack, own.runs)} (${bounds(own.rolledBack, own.runs)})`,
      span(own.promotedSeconds),
      span(own.seconds),
    ]),
  );
}

function missed(played: readonly Played[]): string {
  const list = played.flatMap((p) => measuredOf(p.cell, p.rules)).filter((m) => !m.figure.holds);
  if (list.length === 0) return "None.";
  const value = (f: Figure) =>
    Number.isNaN(f.value) ? "not in half of the runs" : `${Number(f.value.toFixed(2))} ${f.unit}`;
  return table(
    ["figure", "measured", "goal", "times the goal", "chance"],
    list.map((m) => [
      m.figure.name,
      value(m.figure),
      m.figure.goal ?? "",
      m.figure.ratio === null || Number.isNaN(m.figure.ratio) ? "" : m.figure.ratio.toFixed(2),
      mayBeChance(m) ? "may be it" : "",
    ]),
  );
}

/** The goal lies within the figure's bounds: more runs may reach it. */
function mayBeChance({ figure: { goal }, low, high }: Measured): boolean {
  const [sign, limit] = (goal ?? "").split(" ");
  return sign === "<=" ? low <= Number(limit) : high >= Number(limit);
}
