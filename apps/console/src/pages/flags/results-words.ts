import type { FlagResult } from "../../api/types.ts";
import type { ChartData, Mark } from "../../charts/chart-data.ts";
import type { Tone } from "../../ui/Badge.tsx";

/** What the results of a rollout say to whoever decides about it. */
type Advice = FlagResult["advice"];
export const ADVICE: Readonly<Record<Advice, { readonly title: string; readonly tone: Tone; readonly about: string }>> =
  {
    keep_going: {
      title: "Keep going",
      tone: "live",
      about: "Nothing speaks against it, and it is too soon to say what it brings.",
    },
    ship: { title: "Ship it", tone: "good", about: "It does what was hoped for: give it to everybody." },
    stop: { title: "Stop", tone: "bad", about: "It does the opposite of what was hoped for." },
    no_difference: {
      title: "No difference",
      tone: "calm",
      about: "Whatever it changes is less than what you said is worth acting on.",
    },
    killed: { title: "Killed", tone: "bad", about: "It did harm: everybody gets the other variant." },
    held: { title: "Held", tone: "warn", about: "It stays where it is until somebody looks into it and resumes it." },
  };
export const GUARDRAIL: Readonly<
  Record<FlagResult["guardrails"][number]["state"], { readonly words: string; readonly tone: Tone }>
> = {
  well: { words: "no harm", tone: "good" },
  near: { words: "may do harm", tone: "warn" },
  harm: { words: "does harm", tone: "bad" },
  unheard: { words: "nothing reported", tone: "calm" },
};

export const users = (n: number): string => Math.round(n).toLocaleString("en-GB");
const signed = (percent: number): string =>
  `${percent > 0 ? "+" : percent < 0 ? "−" : ""}${Math.abs(percent) < 10 ? Math.abs(percent).toFixed(1) : Math.round(Math.abs(percent))} %`;
type Goal = FlagResult["goals"][number];
export const effectOf = (goal: Goal): string => (goal.percent === null ? "–" : signed(goal.percent));
export function rangeOf(goal: Goal): string {
  if (!goal.interval) return "no figures yet";
  return `${signed(goal.interval.from)} to ${goal.interval.to === null ? "any" : signed(goal.interval.to)}`;
}
export const amountOf = (goal: Goal, value: number): string =>
  goal.kind === "conversion" ? `${(value * 100).toFixed(value < 0.1 ? 2 : 1)} %` : String(Number(value.toPrecision(3)));
export const timesOf = ({ from, to }: FlagResult["guardrails"][number]["ratio"]): string =>
  from === 0 && to === null ? "–" : `${from.toFixed(1)} to ${to === null ? "any" : to.toFixed(1)}`;

const marksOf = (one: FlagResult): Mark[] =>
  one.points.flatMap((point, i) => {
    const before = one.points[i - 1];
    if (!before || before.percent === point.percent) return [];
    return [{ at: Date.parse(point.at) / 1_000, label: `${point.percent} %`, tone: "step" as const }];
  });
/** Treated to control, with what is not excluded: at 1 there is no difference. And how near the guardrails are to harm. */
export function chartsOf(one: FlagResult): ChartData[] {
  const at = one.points.map((point) => Date.parse(point.at) / 1_000);
  const marks = marksOf(one);
  const times = (percent: number | null | undefined) =>
    percent === null || percent === undefined ? null : 1 + percent / 100;
  const [goal] = one.goals;
  const effect: ChartData[] = goal
    ? [
        {
          ...{ title: `${goal.metric}: times as much as the control`, unit: "number", at, marks },
          lines: [
            {
              ...{ name: one.variant, color: "--canary" },
              values: one.points.map((point) => times(point.goal?.percent)),
              low: one.points.map((point) => times(point.goal?.from)),
              high: one.points.map((point) => times(point.goal?.to)),
            },
          ],
          limits: [{ value: 1, label: "no difference" }],
          ceiling: 3,
        },
      ]
    : [];
  return [
    ...effect,
    {
      ...{ title: "Evidence of harm", unit: "ratio", at, marks },
      lines: [{ name: "of what ends it", color: "--bad", values: one.points.map((point) => point.evidence) }],
      limits: [{ value: 1, label: "ends the rollout" }],
    },
    {
      ...{ title: "Users that met it", unit: "number", at, marks },
      lines: [
        { name: one.variant, color: "--canary", values: one.points.map((point) => point.treated) },
        { name: "control", color: "--baseline", dashed: true, values: one.points.map((point) => point.control) },
      ],
    },
  ];
}
