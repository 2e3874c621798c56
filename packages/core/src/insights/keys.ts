import { DEFINITION_WORDS, type Definition, type KeyName } from "./definitions.ts";
import type { Distribution } from "./distribution.ts";
import { type Interval, wilsonInterval } from "./intervals.ts";
import type { Tally } from "./tally.ts";
import { countWords, durationWords, rateWords, shareWords } from "./words.ts";

/** From and to, in milliseconds since 1970; the end is not in it. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

export const UNITS = ["per_day", "ms", "share"] as const;
export type Unit = (typeof UNITS)[number];

export interface Key {
  readonly unit: Unit;
  /** The median of a duration, a share of 0 to 1, or a number per day. Null: there is no data, or the definition has no such key. Never 0 for want of data. */
  readonly value: number | null;
  /** Of how many things it was made. */
  readonly n: number;
  /** Nine of ten took less; null for what is no duration. */
  readonly p90: number | null;
  /** Where the value lies with 95 %, as what happened is a sample of what could have; null where n is too small for one, or for a count. */
  readonly interval: Interval | null;
  /** What is not in the value because its end is not known yet: failures or incidents that are open, and deployments that still roll out or soak. */
  readonly censored: { readonly open: number; readonly soaking: number };
  /** What it says, and what it doesn't, in words. */
  readonly words: string;
}
export type FiveKeys = Readonly<Record<KeyName, Key>>;

const DAY_MS = 86_400_000;
const NOTHING_OPEN = { open: 0, soaking: 0 };

/**
 * The five keys of what happened in a window. `existedFromMs`: since when there has been something that could be deployed; from then
 * on a window without a deployment is a true 0 per day, before it there is no data, and the days before it are not divided by.
 */
export function keysOf(
  tally: Tally,
  window: Window,
  definition: Definition,
  existedFromMs: number | null = null,
): FiveKeys {
  return {
    frequency: frequencyOf(tally, window, definition, existedFromMs),
    leadTime: leadTimeOf(tally, definition),
    failRate: failRateOf(tally, definition),
    recovery: recoveryOf(tally, definition),
    rework: reworkOf(tally, definition),
  };
}

type ByKind = Tally["byKind"];
/** What brings something to visitors; going back brings nothing. */
const deliveries = (counts: ByKind): number => counts.planned + counts.hotfix + counts.redeploy;
const all = (counts: ByKind): number => deliveries(counts) + counts.rollback;

function frequencyOf(tally: Tally, window: Window, definition: Definition, existedFromMs: number | null): Key {
  const n = definition === "dora-2025" ? deliveries(tally.byKind) : all(tally.byKind);
  // Days that have begun count whole: what was deployed a minute after the first start is not a thousand a day.
  const fromDay = Math.floor(Math.max(window.fromMs, existedFromMs ?? window.fromMs) / DAY_MS);
  const days = Math.ceil(window.toMs / DAY_MS) - fromDay;
  const isKnown = days > 0 && (n > 0 || existedFromMs !== null);
  const value = isKnown ? n / days : null;
  const words =
    value === null
      ? "No deployment reached visitors of production, and it is not known that there was anything to deploy."
      : `${countWords(n, "deployment")} reached visitors of production in ${durationWords(days * DAY_MS)}: ${rateWords(value)}.`;
  return { unit: "per_day", value, n, p90: null, interval: null, censored: NOTHING_OPEN, words };
}

function durationKey(
  spread: Distribution,
  censored: Key["censored"],
  nothing: string,
  lacking: readonly string[],
): Key {
  const [value, p90] = [spread.quantile(0.5), spread.quantile(0.9)];
  const said =
    value === null || p90 === null
      ? nothing
      : spread.count === 1
        ? `The only one took ${durationWords(value)}.`
        : `Half of ${spread.count} took less than ${durationWords(value)}, nine of ten less than ${durationWords(p90)}.`;
  const words = [said, ...lacking].join(" ");
  return { unit: "ms", value, n: spread.count, p90, interval: spread.interval(0.5), censored, words };
}

const lackingOf = (n: number, words: (n: number) => string): readonly string[] => (n > 0 ? [words(n)] : []);

function leadTimeOf({ counts, durations }: Tally, definition: Definition): Key {
  const isFromOpening = definition === "guide";
  const unknown = isFromOpening ? counts.changesOfUnknownOpening : counts.changesOfUnknownAge;
  const begun = isFromOpening ? "its pull request was opened" : "it was begun";
  return durationKey(
    isFromOpening ? durations.openedLead : durations.lead,
    NOTHING_OPEN,
    counts.changes === 0 ? "No change reached all visitors." : "Of no change it is known how long it took.",
    lackingOf(unknown, (n) => `Of ${countWords(n, "further change")} it is not known when ${begun}.`),
  );
}

function failRateOf(tally: Tally, definition: Definition): Key {
  if (definition === "guide") return shareKey(tally.counts.takenBack, all(tally.byKind), 0, "rolled back");
  const of = definition === "dora-2025" ? deliveries : all;
  const settled = of(tally.settledByKind);
  return shareKey(of(tally.failedByKind), settled, of(tally.byKind) - settled, "needed an intervention");
}

function shareKey(hits: number, n: number, soaking: number, did: string): Key {
  const value = n > 0 ? hits / n : null;
  const said =
    value === null
      ? "There is no deployment of which the end is known."
      : `${hits} of ${countWords(n, "deployment")} ${did}: ${shareWords(value)}.`;
  const open = lackingOf(soaking, (left) => `How ${countWords(left, "further one")} will end is not known yet.`);
  const words = [said, ...open].join(" ");
  return {
    ...({ unit: "share", value, n, p90: null, interval: wilsonInterval(hits, n) } as const),
    ...{ censored: { open: 0, soaking }, words },
  };
}

function recoveryOf({ counts, durations, byKind, settledByKind }: Tally, definition: Definition): Key {
  const isOfFailures = definition === "dora-2025";
  const open = isOfFailures ? counts.openFailures : counts.openIncidents;
  const unmeasured = isOfFailures ? counts.unmeasuredFailures : counts.unmeasuredIncidents;
  const noun = isOfFailures ? "failed deployment" : "incident";
  const spread = !isOfFailures
    ? definition === "guide"
      ? durations.incidentFromDetection
      : durations.incidentFromStart
    : durations.recovery;
  const soaking = isOfFailures ? all(byKind) - all(settledByKind) : 0;
  const nothing = open + unmeasured === 0 ? `There was no ${noun}.` : `No ${noun} has an end that is known.`;
  return durationKey(spread, { open, soaking }, nothing, [
    ...lackingOf(open, (n) => `${countWords(n, noun)} ${n === 1 ? "is" : "are"} not over yet and not in this.`),
    ...lackingOf(unmeasured, (n) => `The times of ${countWords(n, noun)} contradict each other or are not known.`),
  ]);
}

function reworkOf({ counts, byKind }: Tally, definition: Definition): Key {
  if (DEFINITION_WORDS[definition].keys.rework !== null)
    return shareKey(counts.rework, all(byKind), 0, "were made because an earlier one had failed");
  const words = `${DEFINITION_WORDS[definition].name} has no such key.`;
  return { unit: "share", value: null, n: 0, p90: null, interval: null, censored: NOTHING_OPEN, words };
}
