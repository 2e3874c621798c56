import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { queries } from "../../api/queries.ts";
import type { FlagResult } from "../../api/types.ts";
import { Chart, ChartTable } from "../../charts/Chart.tsx";
import { to } from "../../paths.ts";
import { Badge } from "../../ui/Badge.tsx";
import { LinkButton } from "../../ui/Button.tsx";
import { Facts, PageHead, Section } from "../../ui/Section.tsx";
import { Empty, ErrorPanel, PageSkeleton } from "../../ui/States.tsx";
import { A, Ago } from "../../ui/Text.tsx";
import { ADVICE, amountOf, chartsOf, effectOf, GUARDRAIL, rangeOf, timesOf, users } from "./results-words.ts";

const CELL = "px-4 py-2 align-top";

function Goals({ result: r }: { result: FlagResult }) {
  if (r.goals.length === 0)
    return (
      <p className="m-0 text-soft">
        It has no goal: only its guardrails are watched. Name one in its definition, such as{" "}
        <code className="font-mono text-[0.92em]">
          goals: [{"{"} metric: signup {"}"}]
        </code>
        , to see what it brings.
      </p>
    );
  return (
    <ul className="m-0 flex list-none flex-col gap-4 p-0">
      {r.goals.map((goal) => (
        <li key={goal.metric}>
          <div className="flex flex-wrap items-baseline gap-x-3 gap-y-1">
            <span className="text-2xl font-semibold">{effectOf(goal)}</span>
            <span className="font-medium">{goal.metric}</span>
            <span className="text-xs text-muted">{rangeOf(goal)}</span>
          </div>
          <p className="m-0 mt-1 max-w-[75ch] text-soft">{goal.words}</p>
          <p className="m-0 mt-1 text-xs text-muted">
            {amountOf(goal, goal.treated)} with {r.variant}, {amountOf(goal, goal.control)} in the control
            {goal.advice === "keep_going" &&
              goal.usersNeeded !== null &&
              `; about ${users(goal.usersNeeded)} users of each arm tell`}
          </p>
        </li>
      ))}
    </ul>
  );
}

function Guardrails({ result: r }: { result: FlagResult }) {
  if (r.guardrails.length === 0) return <Empty title="It has no guardrails">Nothing would end it by itself.</Empty>;
  return (
    <section
      aria-label={`Guardrails in ${r.environment}`}
      // What is for screen readers only lies within it, not beside the page.
      className="relative overflow-x-auto"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard.
      tabIndex={0}
    >
      <table className="w-full border-collapse text-sm">
        <thead className="bg-sunken text-left text-xs text-muted">
          <tr>
            {["Guardrail", "Users hurt", "Of the control", "Times as many", "Evidence of harm", ""].map((name) => (
              <th key={name} scope="col" className={`${CELL} font-medium whitespace-nowrap`}>
                {name || <span className="sr-only">State</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {r.guardrails.map((one) => (
            <tr key={one.metric} className="border-t border-line">
              <th scope="row" className={`${CELL} text-left font-medium`}>
                {one.metric}
              </th>
              <td className={CELL}>{users(one.treated)}</td>
              <td className={CELL}>{users(one.control)}</td>
              <td className={`${CELL} whitespace-nowrap`}>{timesOf(one.ratio)}</td>
              <td className={CELL}>
                <Gauge value={one.evidence} label={`Evidence of harm of ${one.metric}`} />
              </td>
              <td className={CELL}>
                <Badge tone={GUARDRAIL[one.state].tone}>{GUARDRAIL[one.state].words}</Badge>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Gauge({ value, label }: { value: number; label: string }) {
  const percent = Math.round(value * 100);
  return (
    <span className="flex items-center gap-2">
      <meter className="sr-only" min={0} max={100} value={percent} aria-label={label}>
        {percent} %
      </meter>
      <span className="h-1.5 w-20 overflow-hidden rounded-full bg-sunken" aria-hidden>
        <span
          className={`block h-full ${value >= 1 ? "bg-bad" : value >= 0.5 ? "bg-warn" : "bg-good"}`}
          style={{ width: `${percent}%` }}
        />
      </span>
      <span className="text-xs text-muted">{percent} %</span>
    </span>
  );
}

function Pictures({ result: r }: { result: FlagResult }) {
  const [zoom, setZoom] = useState<{ from: number; to: number } | null>(null);
  const [asTable, setAsTable] = useState(false);
  if (r.points.length === 0) return null;
  const charts = chartsOf(r);
  return (
    <div className="mt-5 border-t border-line pt-4">
      <div className="mb-2 flex justify-end">
        <button type="button" className="link text-xs" onClick={() => setAsTable(!asTable)}>
          {asTable ? "As pictures" : "As tables"}
        </button>
      </div>
      <div className="grid grid-cols-1 gap-5 lg:grid-cols-2">
        {charts.map((data) =>
          asTable ? (
            <ChartTable key={data.title} data={data} />
          ) : (
            <Chart key={data.title} data={data} group={`${r.environment}/${r.rule}`} zoom={zoom} onZoom={setZoom} />
          ),
        )}
      </div>
    </div>
  );
}

function Result({ result: r }: { result: FlagResult }) {
  const advice = ADVICE[r.advice];
  const where = r.rule === "otherwise" ? r.environment : `${r.environment}, rule ${r.rule}`;
  return (
    <>
      <Section title={where} note={`${r.variant} for ${r.percent} %, else ${r.against}`}>
        <div className="mb-4 flex flex-wrap items-center gap-x-3 gap-y-1">
          <Badge tone={r.isEnabled ? advice.tone : "calm"}>{r.isEnabled ? advice.title : "Off"}</Badge>
          <span className="min-w-0 text-soft">{r.isEnabled ? advice.about : "The flag is off here."}</span>
        </div>
        <Goals result={r} />
        <div className="mt-5">
          <Facts
            items={[
              ["Next", r.next, "wide"],
              ["Stands", r.words, "wide"],
              [
                "Users of each arm",
                <span key="u" className={r.isMismatched ? "text-bad" : ""}>
                  {users(r.exposed.treated)} / {users(r.exposed.control)}
                </span>,
              ],
              ["Filled alike", r.isMismatched ? "no: the figures can't be believed" : "yes"],
              ["Users a day", users(r.exposedPerDay)],
              ["Harmless ones killed", `at most ${Number((r.alpha * 100).toFixed(3))} %`],
              r.startedAt ? ["Counted since", <Ago key="s" at={r.startedAt} />] : null,
            ]}
          />
        </div>
        <Pictures result={r} />
      </Section>
      <Section title={`Guardrails in ${where}`} flush>
        <Guardrails result={r} />
      </Section>
    </>
  );
}

const DECIDED: Readonly<Record<string, string>> = {
  "flags.rollout.stepped": "Stepped on",
  "flags.rollout.held": "Held",
  "flags.rollout.killed": "Killed",
  "flags.flag.rollout": "Moved by a person",
};
function Decisions({ flag }: { flag: string }) {
  const q = useQuery(queries.flagEntries(flag));
  const entries = (q.data?.items ?? []).filter((entry) => Object.hasOwn(DECIDED, entry.type));
  return (
    <Section title="Decisions" flush note="Each with its evidence in the ledger">
      {q.error && !q.data ? (
        <ErrorPanel error={q.error} retry={() => void q.refetch()} />
      ) : entries.length === 0 ? (
        <Empty title="Nothing was decided yet" />
      ) : (
        <ul className="m-0 list-none divide-y divide-line p-0">
          {entries.map((entry) => (
            <li key={entry.sequence} className="flex flex-wrap items-baseline gap-x-3 gap-y-1 px-4 py-2">
              <A href={to.ledgerEntry(entry.sequence)}>{DECIDED[entry.type]}</A>
              <span className="min-w-0 flex-1 basis-60 break-words text-soft">{reasonOf(entry.data)}</span>
              <span className="text-xs text-muted">
                <Ago at={entry.recordedAt} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
const reasonOf = (data: unknown): string => String((data as { reason?: unknown }).reason ?? "");

/** What a rollout does to its users, for whoever decides about it: what to do, why, and how long until one knows. */
export function ResultsPage() {
  const { flag: key } = useParams({ from: "/shell/flags/$flag/results" });
  const q = useQuery(queries.flagResults(key));
  const head = (
    <PageHead
      title={`Results of ${key}`}
      over={
        <>
          <A href={to.flags()}>Flags</A> <span aria-hidden>/</span> <A href={to.flag(key)}>{key}</A>
        </>
      }
      lead="Those who get it, compared with as many who would have got it next."
      actions={q.data && <LinkButton href={to.flag(key)}>Move it</LinkButton>}
    />
  );
  if (!q.data)
    return q.error ? (
      <>
        {head}
        <div className="rounded-lg border border-line bg-surface">
          <ErrorPanel error={q.error} retry={() => void q.refetch()} />
        </div>
      </>
    ) : (
      <PageSkeleton />
    );
  return (
    <>
      {head}
      <div className="flex flex-col gap-6">
        {q.data.items.length === 0 ? (
          <Section title="Results">
            <Empty title="There is nothing to compare">
              A rollout gives one variant to a share of the users: then those are compared with the others.
            </Empty>
          </Section>
        ) : (
          q.data.items.map((one) => <Result key={`${one.environment}/${one.rule}`} result={one} />)
        )}
        <Decisions flag={key} />
      </div>
    </>
  );
}
