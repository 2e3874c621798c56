import type { MetricReport } from "./types.ts";

/** What an effect is of, as a sentence begins. */
const SUBJECTS: Readonly<Record<string, string>> = {
  errors: "The canary fails",
  latency: "The canary takes",
  page_errors: "The canary's pages break",
};

const number = (x: number, digits: number): string => String(Number(Math.abs(x).toFixed(digits)));
const points = (x: number): string => number(x * 100, Math.abs(x) < 0.01 ? 2 : 1);
const percents = (x: number): string => number(x * 100, 0);

/**
 * An effect and its 95 % confidence sequence in one plain sentence, such as "The canary fails 0.9 to 3.1 percentage points
 * more often." None where the metric has no effect to tell. Effects that include 0 are told from both sides.
 */
export function effectWords(m: Pick<MetricReport, "metric" | "unit" | "effect">): string[] {
  const subject = SUBJECTS[m.metric];
  if (!subject || !m.effect) return [];
  const { low, high } = m.effect;
  const ratio = m.unit === "ratio";
  const show = ratio ? points : percents;
  const unit = ratio ? "percentage points" : "%";
  const [more, less] = ratio ? ["more often", "less often"] : ["longer", "less time"];
  const range = (a: number, b: number) => (show(a) === show(b) ? show(a) : `${show(a)} to ${show(b)}`);
  const say = (words: string) => [`${subject} ${words}, with 95 % confidence at every look.`];
  if (low !== null && low > 0)
    return say(high === null ? `at least ${show(low)} ${unit} ${more}` : `${range(low, high)} ${unit} ${more}`);
  if (high !== null && high < 0)
    return say(low === null ? `at least ${show(high)} ${unit} ${less}` : `${range(high, low)} ${unit} ${less}`);
  if (low !== null && high !== null)
    return say(`between ${show(low)} ${unit} ${less} and ${show(high)} ${unit} ${more}`);
  if (high !== null) return say(`at most ${show(high)} ${unit} ${more}`);
  if (low !== null) return say(`at most ${show(low)} ${unit} ${less}`);
  return [];
}
