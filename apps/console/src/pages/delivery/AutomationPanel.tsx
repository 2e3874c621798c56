import { useQuery } from "@tanstack/react-query";
import { CircleCheck, CircleX, Minus } from "lucide-react";
import type { ReactNode } from "react";
import { queries } from "../../api/queries.ts";
import type { Automation } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { shortId } from "../../ui/format.ts";
import { Section } from "../../ui/Section.tsx";
import { Empty, ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { A, Ago } from "../../ui/Text.tsx";

const percent = (ratio: number): string => `${Math.round(ratio * 1_000) / 10} %`;
const EXCEPTIONS_SHOWN = 8;
const KINDS = { attended: "By hand", failed: "Failed", pipeline: "Pipeline" } as const;

/** How much goes to production by itself, how often it fails, and how reliable the pipeline is: the last 30 days. */
export function AutomationPanel(o: { service: string; actions: ReactNode }) {
  const q = useQuery(queries.automation(o.service));
  return (
    <Section title="By itself, in the last 30 days" note="Deployments to production" actions={o.actions}>
      {q.data ? (
        q.data.reliability.of === 0 ? (
          <Empty title="Nothing to measure yet">No deployment to production has ended in this time.</Empty>
        ) : (
          <Measures automation={q.data} />
        )
      ) : q.error ? (
        <ErrorPanel error={q.error} retry={() => void q.refetch()} />
      ) : (
        <Skeleton rows={3} className="h-8" />
      )}
    </Section>
  );
}

function Measures({ automation: a }: { automation: Automation }) {
  return (
    <div className="flex flex-col gap-5">
      <dl className="m-0 grid gap-4 sm:grid-cols-3">
        <Measure name="Automatic" share={a.coverage} goal={`at least ${percent(a.coverage.goal)}`} />
        <Measure name="Failed in production" share={a.failed} goal={`at most ${percent(a.failed.goal)}`} />
        <Measure
          name="Not let down by the pipeline"
          share={a.reliability}
          goal={`at least ${percent(a.reliability.goal)}`}
        />
      </dl>
      <Days days={a.days} />
      {a.exceptions.length > 0 && <Exceptions items={a.exceptions} />}
    </div>
  );
}

function Measure(o: { name: string; share: Automation["coverage"]; goal: string }) {
  const { share } = o;
  const [Icon, tone, word] =
    share.holds === null
      ? ([Minus, "text-muted", "Nothing to measure"] as const)
      : share.holds
        ? ([CircleCheck, "text-good", "Goal reached"] as const)
        : ([CircleX, "text-bad", "Goal missed"] as const);
  return (
    <div>
      <dt className="text-xs text-muted">{o.name}</dt>
      <dd className="m-0">
        <span className="flex items-center gap-1.5 text-2xl font-semibold tabular-nums">
          {share.ratio === null ? "-" : percent(share.ratio)}
          <Icon size={16} className={tone} aria-hidden />
          <span className="sr-only">{word}.</span>
        </span>
        <span className="text-xs text-muted tabular-nums">
          {share.count} of {share.of}, {o.goal}
        </span>
      </dd>
    </div>
  );
}

/** A bar a day: what went by itself, what people had a hand in, and what failed. */
function Days({ days }: { days: Automation["days"] }) {
  const most = Math.max(1, ...days.map((d) => d.deployments));
  const words = days
    .filter((d) => d.deployments > 0)
    .map((d) => `${d.day}: ${d.deployments}, ${d.automatic} automatic, ${d.failed} failed`)
    .join("; ");
  return (
    <figure className="m-0">
      <div role="img" aria-label={`Deployments a day. ${words || "None."}`} className="flex h-16 items-end gap-0.5">
        {days.map((d) => (
          <div
            key={d.day}
            title={`${d.day}: ${d.deployments} deployments, ${d.automatic} automatic, ${d.failed} failed`}
            className="flex min-w-0 flex-1 flex-col justify-end"
            style={{ height: `${Math.max(3, (100 * d.deployments) / most)}%` }}
          >
            {d.deployments === 0 ? (
              <div className="h-full bg-line" />
            ) : (
              <>
                <div className="bg-bad" style={{ flexGrow: d.failed }} />
                <div className="bg-warn" style={{ flexGrow: Math.max(0, d.deployments - d.automatic - d.failed) }} />
                <div className="bg-good" style={{ flexGrow: Math.min(d.automatic, d.deployments - d.failed) }} />
              </>
            )}
          </div>
        ))}
      </div>
      <figcaption className="mt-1 flex flex-wrap gap-x-4 text-xs text-muted">
        <Key tone="bg-good">automatic</Key>
        <Key tone="bg-warn">with people</Key>
        <Key tone="bg-bad">failed</Key>
        <span className="ml-auto tabular-nums">
          {days[0]?.day} to {days.at(-1)?.day}, at most {most} a day
        </span>
      </figcaption>
    </figure>
  );
}

const Key = ({ tone, children }: { tone: string; children: ReactNode }) => (
  <span className="flex items-center gap-1.5">
    <span className={`size-2 rounded-xs ${tone}`} aria-hidden />
    {children}
  </span>
);

function Exceptions({ items }: { items: Automation["exceptions"] }) {
  const rest = items.length - EXCEPTIONS_SHOWN;
  return (
    <div>
      <h3 className="m-0 mb-1 text-xs font-medium text-muted">What was not, and why</h3>
      <ul className="m-0 list-none divide-y divide-line p-0 text-sm">
        {items.slice(0, EXCEPTIONS_SHOWN).map((e) => (
          <li key={`${e.deploymentId} ${e.kind}`} className="flex flex-wrap items-baseline gap-x-3 py-1.5">
            <span className="w-16 shrink-0 text-xs text-muted">{KINDS[e.kind]}</span>
            <A href={to.deployment(e.deploymentId)}>
              {e.service} {shortId(e.deploymentId)}
            </A>
            <span className="min-w-0 flex-1 basis-full sm:basis-0">{e.words}</span>
            <span className="text-xs text-muted">
              <Ago at={e.endedAt} />
            </span>
          </li>
        ))}
      </ul>
      {rest > 0 && (
        <p className="m-0 mt-1 text-xs text-muted">
          and {rest} more: <code>latchkey automation</code>
        </p>
      )}
    </div>
  );
}
