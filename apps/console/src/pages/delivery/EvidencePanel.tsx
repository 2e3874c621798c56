import { effectClauses, HOW_SURE } from "@latchkey/core/analysis/effect-words";
import { CircleCheck, CircleX, Info, ShieldAlert } from "lucide-react";
import type { Guard, Metric, Report } from "../../api/types.ts";
import { figure } from "../../charts/figures.ts";
import { odds, percent, progressOf } from "../../ui/format.ts";
import { Explain } from "../../ui/Popover.tsx";
import { Section } from "../../ui/Section.tsx";
import { GUARD_NAMES, METRIC_WORDS } from "../../words.ts";

/** A bar that fills towards what decides. Its share and its odds are in words beside it. */
function Bar(o: { share: number; tone: "harm" | "safe"; label: string; tall?: boolean }) {
  const value = Math.round(o.share * 100);
  return (
    // A meter element can't be styled alike in all browsers.
    // biome-ignore lint/a11y/useSemanticElements: see above.
    <div
      role="meter"
      aria-label={o.label}
      aria-valuenow={value}
      aria-valuemin={0}
      aria-valuemax={100}
      className={`w-full overflow-hidden rounded-full bg-hover ${o.tall ? "h-2.5" : "h-1.5"}`}
    >
      <div
        className={`h-full rounded-full transition-[width] duration-500 ${o.tone === "harm" ? "bg-bad" : "bg-good"}`}
        style={{ width: `${value}%` }}
      />
    </div>
  );
}

function Whole(o: {
  title: string;
  ln: number;
  threshold: number;
  tone: "harm" | "safe";
  decides: string;
  why: string[];
}) {
  const share = progressOf(o.ln, o.threshold);
  return (
    <div className="min-w-0">
      <div className="mb-1 flex items-center gap-1">
        <h3 className="m-0 text-sm font-medium">{o.title}</h3>
        <Explain about={o.title.toLowerCase()}>
          {o.why.map((line) => (
            <p key={line} className="m-0">
              {line}
            </p>
          ))}
        </Explain>
        <span className="ml-auto text-lg font-semibold">{Math.round(share * 100)} %</span>
      </div>
      <Bar share={share} tone={o.tone} label={o.title} tall />
      <p className="m-0 mt-1.5 text-xs text-muted">
        {o.ln > 0.05 ? `Odds of ${odds(o.ln)}` : "No odds yet"}; {o.decides} at {odds(o.threshold)}.
      </p>
    </div>
  );
}

const HARM_WHY = [
  "With every look the judge bets against the statement “the canary is no worse than the current release”. The bet's winnings are the odds here.",
  "Were the canary really no worse, odds this long would come up at most once in that many rollouts, however often one looks. At the threshold it is rolled back.",
];
const SAFE_WHY = [
  "The opposite bet: against the statement “the canary is worse by more than the margin”. It is held for errors, for the median, for the slowest answers and for each critical metric of the service's own; the least of them counts.",
  "At the threshold the canary is proved to be within the margins, and may be promoted. Without traffic there is no bet, so silence is never proof.",
];

function valueWithBand(m: Metric, arm: "baseline" | "canary") {
  const [value, low, high] =
    arm === "baseline" ? [m.baselineValue, m.baselineLow, m.baselineHigh] : [m.canaryValue, m.canaryLow, m.canaryHigh];
  return (
    <>
      <span className="font-medium">{figure(value, m.unit)}</span>
      {low !== null && high !== null && (
        <span className="block text-xs text-muted">
          {figure(low, m.unit)} to {figure(high, m.unit)}
        </span>
      )}
    </>
  );
}

const NUMBER = "px-3 py-2.5 text-right whitespace-nowrap max-sm:px-4 max-sm:py-1 max-sm:text-left";
const BARS = "px-3 py-2.5 last:pr-4 max-sm:px-4 max-sm:py-1";
/** Where the table is narrow its rows become small cards, and each figure says what it is. */
const Label = ({ children }: { children: string }) => (
  <span className="block text-xs text-muted sm:hidden" aria-hidden>
    {children}
  </span>
);

/** Of a metric that the service brings. */
const SEVERITY_WORDS = {
  critical: "own metric, decides",
  watched: "own metric, only watched",
  muted: "muted",
} as const;

function MetricRow({ metric: m, report }: { metric: Metric; report: Report }) {
  // Alone, a metric decides once its weighted share of the average reaches the threshold.
  const harmAlone = report.lnHarmThreshold - Math.log(m.weight || 1);
  const harm = progressOf(m.lnHarm, harmAlone);
  const safe = m.lnSafe === null ? null : progressOf(m.lnSafe, report.lnSafeThreshold);
  const words = METRIC_WORDS[m.metric];
  const name = words?.name ?? m.metric;
  return (
    <tr className="border-t border-line align-top max-sm:grid max-sm:grid-cols-2 max-sm:py-1.5">
      <th
        scope="row"
        className="py-2.5 pr-3 pl-4 text-left font-medium max-sm:col-span-2 max-sm:py-1"
        title={words?.words ?? m.description}
      >
        <span className="break-words">{name}</span>
        {m.severity && (
          <span className="block text-xs font-normal text-muted">
            {m.description ? `${m.description}; ` : ""}
            {SEVERITY_WORDS[m.severity]}
          </span>
        )}
        {effectClauses(m).map((clause) => (
          <span key={clause} className="mt-0.5 block max-w-96 text-xs font-normal text-soft">
            {clause}.
          </span>
        ))}
      </th>
      <td className={NUMBER}>
        <Label>Baseline</Label>
        {valueWithBand(m, "baseline")}
      </td>
      <td className={NUMBER}>
        <Label>Canary</Label>
        {valueWithBand(m, "canary")}
      </td>
      <td className={BARS}>
        <Label>Harm</Label>
        <Bar share={harm} tone="harm" label={`Evidence of harm in: ${name}`} />
        <span className="mt-1 block text-xs whitespace-nowrap text-muted">
          {Math.round(harm * 100)} %{m.lnHarm > 0.05 && `, ${odds(m.lnHarm)}`}
        </span>
      </td>
      <td className={BARS}>
        <Label>Safety</Label>
        {safe === null ? (
          <span className="text-xs text-muted">watched for harm only</span>
        ) : (
          <>
            <Bar share={safe} tone="safe" label={`Proof of safety in: ${name}`} />
            <span className="mt-1 block text-xs whitespace-nowrap text-muted">
              {Math.round(safe * 100)} %{(m.lnSafe ?? 0) > 0.05 && `, ${odds(m.lnSafe ?? 0)}`}
            </span>
          </>
        )}
      </td>
    </tr>
  );
}

export function EvidencePanel({ report }: { report: Report }) {
  const shown = report.metrics.filter((m) => m.severity !== "muted");
  const deciding = shown.filter((m) => m.severity !== "watched");
  return (
    <Section
      title="Evidence"
      note={`${report.canaryRequests.toLocaleString("en-GB")} canary and ${report.baselineRequests.toLocaleString("en-GB")} baseline requests`}
      flush
    >
      <div className="grid gap-x-10 gap-y-5 p-4 sm:grid-cols-2">
        <Whole
          title="Evidence of harm"
          ln={report.lnHarm}
          threshold={report.lnHarmThreshold}
          tone="harm"
          decides="it is rolled back"
          why={[
            ...HARM_WHY,
            `Smallest p-value so far: ${report.harmPValue < 0.0001 ? "under 0.0001" : report.harmPValue.toPrecision(2)}.`,
          ]}
        />
        <Whole
          title="Proof of safety"
          ln={report.lnSafe}
          threshold={report.lnSafeThreshold}
          tone="safe"
          decides="it may be promoted"
          why={SAFE_WHY}
        />
      </div>
      <section
        aria-label="Evidence by metric"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard.
        tabIndex={0}
        className="overflow-x-auto border-t border-line"
      >
        <table className="w-full border-collapse sm:min-w-160">
          <caption className="sr-only">Evidence by metric</caption>
          <thead className="bg-sunken text-xs text-muted max-sm:sr-only">
            <tr>
              <th scope="col" className="py-1.5 pr-3 pl-4 text-left font-medium">
                Metric
              </th>
              <th scope="col" className="px-3 py-1.5 text-right font-medium">
                Baseline, 95 % band
              </th>
              <th scope="col" className="px-3 py-1.5 text-right font-medium">
                Canary, 95 % band
              </th>
              <th scope="col" className="w-36 px-3 py-1.5 text-left font-medium">
                Harm
              </th>
              <th scope="col" className="w-36 py-1.5 pr-4 pl-3 text-left font-medium">
                Safety
              </th>
            </tr>
          </thead>
          <tbody className="max-sm:block">
            {shown.map((m) => (
              <MetricRow key={m.metric} metric={m} report={report} />
            ))}
          </tbody>
        </table>
      </section>
      <p className="m-0 border-t border-line px-4 py-2 text-xs text-muted">
        Each bar is filled when that metric alone would decide. Harm counts by weight:{" "}
        {deciding.map((m) => `${METRIC_WORDS[m.metric]?.short ?? m.metric} ${percent(m.weight)}`).join(", ")}.
        {deciding.length < shown.length && " What is only watched has none."}
        {shown.some((m) => m.effect) && ` By how much the canary differs is told ${HOW_SURE}.`}
      </p>
    </Section>
  );
}

const GUARD_LOOK: Record<Guard["state"], { icon: typeof Info; tone: string; word: string }> = {
  quiet: { icon: CircleCheck, tone: "text-good", word: "Quiet" },
  note: { icon: Info, tone: "text-accent", word: "Note" },
  hold: { icon: ShieldAlert, tone: "text-warn", word: "Holds" },
  harm: { icon: CircleX, tone: "text-bad", word: "Harm" },
};

/** What errors and latency can't see: loud guards first, each in its own words. */
export function GuardPanel({ guards }: { guards: readonly Guard[] }) {
  const order = ["harm", "hold", "note", "quiet"];
  const sorted = [...guards].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  return (
    <Section title="Guards" note="what errors and latency can't see" flush>
      <ul className="m-0 list-none divide-y divide-line p-0">
        {sorted.map((g) => {
          const { icon: Icon, tone, word } = GUARD_LOOK[g.state];
          return (
            <li key={g.guard} className="flex gap-2.5 px-4 py-2">
              <Icon size={15} className={`mt-0.5 shrink-0 ${tone}`} aria-hidden />
              <div className="min-w-0">
                <span className="font-medium">{GUARD_NAMES[g.guard] ?? g.guard}</span>{" "}
                <span className={g.state === "quiet" ? "sr-only" : `text-xs font-medium ${tone}`}>{word}</span>
                <div className="text-xs text-soft">{g.words}</div>
              </div>
            </li>
          );
        })}
      </ul>
    </Section>
  );
}
