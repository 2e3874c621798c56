import type { PlanQuestion } from "../../api/types.ts";

/** The form of a plan as it is typed: empty means as configured, or as measured. */
export interface PlanForm {
  readonly environment: string;
  readonly share: string;
  readonly minutes: string;
  readonly holdback: string;
  readonly holdbackMinutes: string;
  readonly onInconclusive: "" | "hold" | "promote" | "roll_back";
  readonly perHour: string;
  readonly synthetic: string;
}

type Figure = "share" | "minutes" | "holdback" | "holdbackMinutes" | "perHour" | "synthetic";
/** As the API has them; times in minutes here. */
const BOUNDS: Readonly<Record<Figure, readonly [number, number]>> = {
  share: [0.1, 90],
  minutes: [1, 1_440],
  holdback: [0, 50],
  holdbackMinutes: [0, 1_440],
  perHour: [0.1, 50_000_000],
  synthetic: [0, 20],
};
const FIGURES = Object.keys(BOUNDS) as Figure[];
const MINUTE_MS = 60_000;

export const emptyForm = (environment: string): PlanForm => ({
  ...{ environment, share: "", minutes: "", holdback: "", holdbackMinutes: "", onInconclusive: "", perHour: "" },
  synthetic: "",
});

/** What the form asks for, or what is wrong with it, by field. */
export function questionOf(
  form: PlanForm,
): { readonly question: PlanQuestion } | { readonly mistakes: Partial<Record<Figure, string>> } {
  const mistakes: Partial<Record<Figure, string>> = {};
  const figure = (name: Figure): number | undefined => {
    const typed = form[name].trim();
    if (typed === "") return undefined;
    const value = Number(typed);
    const [from, to] = BOUNDS[name];
    if (value >= from && value <= to) return value;
    mistakes[name] = `A number from ${from} to ${to.toLocaleString("en-GB")}, or nothing.`;
    return undefined;
  };
  const [share, minutes, holdback, holdbackMinutes, perHour, synthetic] = FIGURES.map(figure);
  if (Object.keys(mistakes).length > 0) return { mistakes };
  const { environment, onInconclusive } = form;
  return {
    question: {
      environment,
      ...(share === undefined ? {} : { share }),
      ...(minutes === undefined ? {} : { durationMs: Math.round(minutes * MINUTE_MS) }),
      ...(holdback === undefined ? {} : { holdbackPercent: holdback }),
      ...(holdbackMinutes === undefined ? {} : { holdbackMs: Math.round(holdbackMinutes * MINUTE_MS) }),
      ...(onInconclusive === "" ? {} : { onInconclusive }),
      ...(perHour === undefined ? {} : { requestsPerHour: perHour }),
      ...(synthetic === undefined ? {} : { syntheticPerSecond: synthetic }),
    },
  };
}

interface Suggested {
  readonly steps: readonly { readonly trafficPercent: number }[];
  readonly maximumMs: number;
  readonly holdbackPercent: number;
  readonly holdbackMs: number;
  readonly onInconclusive: "hold" | "promote" | "roll_back";
}

/** The form filled in with a strategy; place and traffic stay. */
export const filledWith = (form: PlanForm, s: Suggested): PlanForm => ({
  ...form,
  share: String(s.steps.at(-1)?.trafficPercent ?? ""),
  minutes: String(s.maximumMs / MINUTE_MS),
  holdback: String(s.holdbackPercent),
  holdbackMinutes: String(s.holdbackMs / MINUTE_MS),
  onInconclusive: s.onInconclusive,
});
