import {
  harmWords,
  healthyWords,
  metricWords,
  needWords,
  residualWords,
  smallestWords,
  strategyWords,
  timeWords,
} from "@latchkey/core/analysis/planning/words";
import type { CanaryPlan, HarmFinding, Planning } from "../../api/types.ts";
import { Button } from "../../ui/Button.tsx";
import { count, percent } from "../../ui/format.ts";
import { Section } from "../../ui/Section.tsx";
import { PlanPicture } from "./PlanPicture.tsx";

interface ResultProps {
  readonly plan: CanaryPlan;
  readonly strategy: Planning["strategy"];
  readonly onTake: (strategy: Planning["strategy"]) => void;
}

const Lines = ({ lines }: { lines: readonly string[] }) => (
  <ul className="m-0 flex list-disc flex-col gap-1 pl-5">
    {lines.map((line) => (
      <li key={line}>{line}</li>
    ))}
  </ul>
);

/** A plan's answer: healthy releases, harmful ones as picture and table, what verdicts need, and what is proposed. */
export function PlanResult({ plan, strategy, onTake }: ResultProps) {
  return (
    <>
      <Section title="Healthy releases" note={`${count(plan.healthy.runs)} played`}>
        <Lines lines={healthyWords(plan.healthy)} />
      </Section>
      <Section title="Harmful releases" note="how often harm of each size is found; the dashed line is nine in ten">
        <div className="grid gap-6 lg:grid-cols-2">
          <PlanPicture kind="errors" findings={plan.errors.findings} />
          <PlanPicture kind="slowdown" findings={plan.slowdown.findings} />
        </div>
        <div className="mt-4">
          <Lines
            lines={[
              smallestWords("errors", plan.errors.smallest),
              smallestWords("slowdown", plan.slowdown.smallest),
              ...plan.metrics.map(metricWords),
            ]}
          />
        </div>
      </Section>
      <Section title="Each size of harm" flush>
        <HarmTable plan={plan} />
      </Section>
      <Section title="What a verdict needs" note="and when that will have come, at the mean traffic">
        <Lines lines={plan.needs.map((need) => needWords(need, strategy.maximumMs))} />
      </Section>
      <Suggested suggestion={plan.suggestion} onTake={onTake} />
    </>
  );
}

const HEAD = "px-3 py-2 text-left text-xs font-medium text-muted whitespace-nowrap";
const CELL = "border-t border-line px-3 py-1.5 tabular-nums whitespace-nowrap";

function HarmTable({ plan }: { plan: CanaryPlan }) {
  const rows = [
    ...plan.errors.findings.map((f) => ({ kind: "errors" as const, f })),
    ...plan.slowdown.findings.map((f) => ({ kind: "slowdown" as const, f })),
  ];
  const time = (ms: number | null) => (ms === null ? "–" : timeWords(ms));
  const cells = (f: HarmFinding) => [
    percent(f.chance),
    time(f.medianMs),
    time(f.p90Ms),
    count(f.visitorRequests),
    count(f.users),
  ];
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: whoever has no mouse scrolls it sideways by keys.
    <section aria-label="Sizes of harm" className="overflow-x-auto" tabIndex={0}>
      <table className="w-full border-collapse">
        <thead>
          <tr>
            {["Harm", "Found", "Half within", "9 of 10 within", "Visitors' requests until then", "Users"].map(
              (title) => (
                <th key={title} scope="col" className={HEAD}>
                  {title}
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ kind, f }) => (
            <tr key={`${kind}${f.size}`}>
              <th scope="row" className={`${CELL} text-left font-medium`}>
                {harmWords(kind, f.size)}
              </th>
              {cells(f).map((cell, i) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: columns have no other identity.
                <td key={i} className={CELL}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Suggested({ suggestion: s, onTake }: { suggestion: CanaryPlan["suggestion"]; onTake: ResultProps["onTake"] }) {
  const { smallest } = s.errors;
  return (
    <Section
      title="Suggestion"
      actions={
        <Button size="small" onClick={() => onTake(s.strategy)}>
          Plan with it
        </Button>
      }
    >
      <div className="flex flex-col gap-2">
        {s.words.map((sentence) => (
          <p key={sentence} className="m-0 max-w-[80ch]">
            {sentence}
          </p>
        ))}
        <p className="m-0 font-medium">{strategyWords(s.strategy)}</p>
        <p className="m-0 max-w-[80ch]">
          {smallest && `The smallest rise of failures that it finds with 90 %: ${harmWords("errors", smallest.size)}. `}
          {residualWords(s.residual)}
        </p>
        {s.ways.length > 0 && (
          <>
            <p className="m-0 font-medium">What would bring a proof</p>
            <Lines lines={s.ways.map((way) => way.words)} />
          </>
        )}
      </div>
    </Section>
  );
}
