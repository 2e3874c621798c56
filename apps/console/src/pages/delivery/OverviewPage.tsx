import { useQueries, useQuery } from "@tanstack/react-query";
import { CircleAlert } from "lucide-react";
import { queries } from "../../api/queries.ts";
import type { Rollout, ServiceSummary } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { VerdictBadge } from "../../ui/Badge.tsx";
import { LinkButton } from "../../ui/Button.tsx";
import { plural } from "../../ui/format.ts";
import { PageHead, Section } from "../../ui/Section.tsx";
import { Empty, ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { A, Mono } from "../../ui/Text.tsx";
import { EntryList } from "../ledger/EntryList.tsx";
import { DeploymentList } from "./DeploymentList.tsx";
import { askOf, headline, progressOfSteps, verdictWords } from "./rollout-words.ts";
import { ServiceTable } from "./ServiceTable.tsx";

function useActiveRollouts(services: readonly ServiceSummary[]): Rollout[] {
  const ids = services.flatMap((s) => s.environments.flatMap((e) => (e.rolloutId ? [e.rolloutId] : [])));
  const found = useQueries({ queries: ids.map((id) => queries.rollout(id)) });
  return found.flatMap((q) => (q.data && q.data.finishedAt === null ? [q.data] : []));
}

function Summary({ services, active, asks }: { services: number; active: number; asks: number }) {
  const under = active === 0 ? "no rollout under way" : `${plural(active, "rollout")} under way`;
  return (
    <>
      {plural(services, "service")}, {under}.{" "}
      {asks === 0 ? "Nothing needs you." : `${plural(asks, "thing needs", "things need")} a person.`}
    </>
  );
}

/** Sick figures of a service that nobody rolls out to: they need a person as well. */
function sickness(services: readonly ServiceSummary[]): { href: string; title: string; words: string }[] {
  return services.flatMap((s) =>
    s.environments.flatMap((e) => {
      if (e.errorRatio === null || e.errorRatio < 0.05 || e.requestsPerSecond < 0.2) return [];
      const share = `${Math.round(e.errorRatio * 100)} %`;
      return [
        {
          href: to.service(s.name),
          title: `${s.name} in ${e.name}`,
          words: `${share} of the requests of the last minute failed.`,
        },
      ];
    }),
  );
}

function NeedsPerson({ items }: { items: readonly { href: string; title: string; words: string }[] }) {
  if (items.length === 0) return null;
  return (
    <Section title="Needs a person" flush>
      <ul className="m-0 list-none divide-y divide-line p-0">
        {items.map((item) => (
          <li key={item.href + item.words} className="relative flex gap-3 bg-warn-soft px-4 py-3">
            <CircleAlert size={16} className="mt-0.5 shrink-0 text-warn" aria-hidden />
            <div className="min-w-0">
              <A href={item.href} className="font-medium text-ink after:absolute after:inset-0">
                {item.title}
              </A>
              <div className="text-soft">{item.words}</div>
            </div>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function RolloutCard({ rollout: r }: { rollout: Rollout }) {
  const progress = Math.round(progressOfSteps(r) * 100);
  return (
    <li className="relative px-4 py-3 hover:bg-hover">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <A href={to.rollout(r.id)} className="font-medium text-ink after:absolute after:inset-0">
          {r.service} #{r.canary.number} to {r.environment}
        </A>
        {r.report && <VerdictBadge verdict={r.report.verdict} />}
        <span className="ml-auto font-medium">{r.trafficPercent} %</span>
      </div>
      <div
        role="progressbar"
        aria-label={`Steps of the rollout of ${r.service} #${r.canary.number}`}
        aria-valuenow={progress}
        className="mt-2 h-1.5 overflow-hidden rounded-full bg-hover"
      >
        <div className="h-full rounded-full bg-canary transition-[width]" style={{ width: `${progress}%` }} />
      </div>
      <p className="m-0 mt-2 text-soft">{headline(r)}</p>
      <p className="m-0 text-xs text-muted">{verdictWords(r.report)}</p>
    </li>
  );
}

function Rollouts({ rollouts }: { rollouts: readonly Rollout[] }) {
  return (
    <Section title="Rollouts under way" flush>
      {rollouts.length === 0 ? (
        <p className="m-0 px-4 py-3 text-muted">None. What serves has been judged or is the first of its kind.</p>
      ) : (
        <ul className="m-0 list-none divide-y divide-line p-0">
          {rollouts.map((r) => (
            <RolloutCard key={r.id} rollout={r} />
          ))}
        </ul>
      )}
    </Section>
  );
}

function RecentDeployments() {
  const q = useQuery(queries.recentDeployments());
  return (
    <Section title="Recent deployments" flush>
      {q.data ? (
        q.data.items.length > 0 ? (
          <DeploymentList items={q.data.items} />
        ) : (
          <Empty title="Nothing has been deployed">
            <Mono>npx latchkey ship leads</Mono> ships the first release.
          </Empty>
        )
      ) : q.error ? (
        <ErrorPanel error={q.error} retry={() => void q.refetch()} />
      ) : (
        <Skeleton rows={6} />
      )}
    </Section>
  );
}

function NewestEntries() {
  const q = useQuery(queries.newestEntries());
  return (
    <Section title="Newest in the ledger" flush actions={<A href={to.ledger()}>All entries</A>}>
      {q.data ? (
        <EntryList items={q.data.items} compact />
      ) : q.error ? (
        <ErrorPanel error={q.error} retry={() => void q.refetch()} />
      ) : (
        <Skeleton rows={6} />
      )}
    </Section>
  );
}

export function OverviewPage() {
  const services = useQuery(queries.services());
  const items = services.data?.items ?? [];
  const rollouts = useActiveRollouts(items);
  const asks = rollouts.flatMap((r) => {
    const words = askOf(r);
    return words
      ? [{ href: to.rollout(r.id), title: `${r.service} #${r.canary.number} to ${r.environment}`, words }]
      : [];
  });
  const needs = [...asks, ...sickness(items)];
  const [first] = items;
  return (
    <>
      <PageHead
        title="Overview"
        lead={
          services.data ? <Summary services={items.length} active={rollouts.length} asks={needs.length} /> : "Loading …"
        }
        actions={
          first && (
            <LinkButton kind="primary" href={to.ship(first.name)}>
              Ship {first.name}
            </LinkButton>
          )
        }
      />
      <div className="flex flex-col gap-6">
        <NeedsPerson items={needs} />
        <Section title="Services" note="Figures of the last minute through the gateway" flush>
          {services.data ? (
            <ServiceTable services={items} />
          ) : services.error ? (
            <ErrorPanel error={services.error} retry={() => void services.refetch()} />
          ) : (
            <Skeleton rows={2} className="h-8" />
          )}
        </Section>
        <Rollouts rollouts={rollouts} />
        <div className="grid items-start gap-6 lg:grid-cols-[3fr_2fr]">
          <RecentDeployments />
          <NewestEntries />
        </div>
      </div>
    </>
  );
}
