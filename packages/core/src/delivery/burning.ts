import type { Sample } from "../analysis/metric-source.ts";
import type { Result } from "../shared/result.ts";

/** Whether a service spends its error budget too fast. */
export type BurnReading =
  /** `words`: a clause with the figures. */
  | { readonly kind: "known"; readonly isBurning: boolean; readonly words: string }
  /** `words`: a sentence that says why nobody can tell. It is never the same as not burning. */
  | { readonly kind: "unavailable"; readonly words: string };

/** Who knows whether a service burns. Never rejects: what can't be told is unavailable. */
export interface BurnRates {
  /** At a time, milliseconds since 1970; now when it is left out. */
  burning(service: string, environment: string, atMs?: number): Promise<BurnReading>;
}

/** For a service that names no query: nobody can tell, so that nothing goes back by it. */
export const NO_BURN_RATES: BurnRates = {
  burning: async () => ({
    kind: "unavailable",
    words: "its configuration has no rollback.whenBurning, so that no objective of it is known.",
  }),
};

/** One instant query and the value above which the service burns. `{{service}}` and `{{environment}}` are filled in. */
export interface BurnRule {
  readonly query: string;
  readonly above: number;
}

/** What the answer of a rule's query comes to: one series above the limit is enough. No number is no answer. */
export function judgeBurn(answer: Result<readonly Sample[], string>, { above }: BurnRule): BurnReading {
  if (!answer.ok) return { kind: "unavailable", words: `the metric source has no answer: ${answer.error}.` };
  if (answer.value.length === 0)
    return { kind: "unavailable", words: "the query of rollback.whenBurning finds no series." };
  const values = answer.value.map(({ value }) => value).filter((value) => Number.isFinite(value));
  const highest = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  // A known series that burns is enough; that all are well takes a number of each.
  if (highest > above)
    return { kind: "known", isBurning: true, words: `the burn rate is ${short(highest)}, above ${short(above)}` };
  if (values.length < answer.value.length)
    return { kind: "unavailable", words: "the query of rollback.whenBurning answers no number, as without traffic." };
  return { kind: "known", isBurning: false, words: `the burn rate is ${short(highest)}, not above ${short(above)}` };
}

const short = (value: number): string => String(Number(value.toPrecision(4)));
