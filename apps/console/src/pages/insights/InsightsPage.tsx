import { useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { insightQueries } from "../../api/insight-queries.ts";
import type { Dora } from "../../api/types.ts";
import { type InsightsFilter, to } from "../../paths.ts";
import { LinkButton } from "../../ui/Button.tsx";
import { plural } from "../../ui/format.ts";
import { useNow } from "../../ui/now.ts";
import { PageHead } from "../../ui/Section.tsx";
import { Empty, ErrorPanel, PageSkeleton } from "../../ui/States.tsx";
import { A, Ago } from "../../ui/Text.tsx";
import { InsightsFilters } from "./InsightsFilters.tsx";
import { doraQuery } from "./insight-window.ts";
import { HowToBegin, KeyCards } from "./KeyCards.tsx";
import { KeyChartsPanel } from "./KeyChartsPanel.tsx";
import { ScorePicture } from "./ScorePicture.tsx";
import { ServicesTable } from "./ServicesTable.tsx";
import { StagesPicture } from "./StagesPicture.tsx";

function Found({ dora, filter }: { dora: Dora; filter: InsightsFilter }) {
  return (
    <div className="flex flex-col gap-6">
      <KeyCards dora={dora} filter={filter} />
      <KeyChartsPanel dora={dora} />
      <div className={`grid items-start gap-6 ${dora.scores.length > 0 ? "lg:grid-cols-2" : ""}`}>
        <StagesPicture stages={dora.stages} />
        {dora.scores.length > 0 && <ScorePicture scores={dora.scores} />}
      </div>
      <ServicesTable dora={dora} filter={filter} />
    </div>
  );
}

/** How delivery goes: the five keys of DORA with their intervals, over time and side by side. */
export function InsightsPage() {
  const search = useSearch({ from: "/shell/insights" });
  const q = useQuery(insightQueries.dora(doraQuery(search, useNow())));
  const { service, from, to: until, days } = search;
  const filter = { service, from, to: until, days };
  const dora = q.data;
  return (
    <>
      <PageHead
        title="Insights"
        lead="How fast changes reach visitors, and how often they go wrong: DORA's five keys, each with how sure it is."
        over={
          dora && (
            <>
              {dora.newestFactAt && (
                <span>
                  Newest fact <Ago at={dora.newestFactAt} />
                </span>
              )}
              {dora.conflicts > 0 && (
                <A href={to.insightConflicts()}>{plural(dora.conflicts, "contradiction")} in the facts</A>
              )}
            </>
          )
        }
        actions={
          <>
            <LinkButton href={to.insightDeployments(filter)}>Deployments behind it</LinkButton>
            <LinkButton href={to.insightIncidents(filter)}>Incidents</LinkButton>
          </>
        }
      />
      <InsightsFilters dora={dora} />
      {dora ? (
        <>
          {q.error && <ErrorPanel error={q.error} retry={() => void q.refetch()} />}
          <div aria-busy={q.isPlaceholderData || undefined} className={q.isPlaceholderData ? "opacity-60" : ""}>
            {dora.newestFactAt === null && dora.keys.deploymentFrequency.of === 0 ? (
              <div className="rounded-lg border border-line bg-surface">
                <Empty title="There is nothing to count yet">
                  <HowToBegin />
                </Empty>
              </div>
            ) : (
              <Found dora={dora} filter={filter} />
            )}
          </div>
        </>
      ) : q.error ? (
        <ErrorPanel error={q.error} retry={() => void q.refetch()} />
      ) : (
        <PageSkeleton />
      )}
    </>
  );
}
