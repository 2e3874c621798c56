import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { insightQueries } from "../../api/insight-queries.ts";
import type { InsightIncident } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { Badge } from "../../ui/Badge.tsx";
import { duration } from "../../ui/format.ts";
import { useNow } from "../../ui/now.ts";
import { Pages } from "../../ui/Pages.tsx";
import { PageHead, Section } from "../../ui/Section.tsx";
import { Empty } from "../../ui/States.tsx";
import { A, Ago, Mono } from "../../ui/Text.tsx";
import { WindowFields } from "./InsightsFilters.tsx";
import { windowQuery } from "./insight-window.ts";
import { confidenceWords, EVIDENCE_WORDS } from "./insight-words.ts";

/** From what it comes, how sure that is, and why: nothing is held against a deployment by the clock alone. */
function Cause({ incident: i }: { incident: InsightIncident }) {
  if (!i.deployment) return <>Held against no deployment: nothing but the clock speaks for one.</>;
  return (
    <>
      Caused by{" "}
      {i.deployment.startsWith("dep_") ? (
        <A href={to.deployment(i.deployment)}>{i.deployment}</A>
      ) : (
        <Mono>{i.deployment}</Mono>
      )}
      ({confidenceWords(i.confidence)}
      {i.by && `: ${EVIDENCE_WORDS[i.by]}`})
    </>
  );
}

function Row({ incident: i }: { incident: InsightIncident }) {
  const lasted = i.resolvedAt && duration(Date.parse(i.resolvedAt) - Date.parse(i.at));
  return (
    <li className="flex flex-col gap-1 px-4 py-3">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <span className="min-w-0 font-medium break-words">{i.title || i.key}</span>
        {lasted ? <Badge tone="calm">Over after {lasted}</Badge> : <Badge tone="warn">Not known to be over</Badge>}
      </div>
      <p className="m-0 text-xs break-words text-muted">
        <Mono>{i.key}</Mono>, <Ago at={i.at} />
        {i.service && `, ${i.service}`}
        {i.environment && ` in ${i.environment}`}
        {i.source && `; told by ${i.source}`}
      </p>
      <p className="m-0 text-xs break-words text-soft">
        <Cause incident={i} />
      </p>
    </li>
  );
}

/** The incidents behind the figures. */
export function InsightIncidentsPage() {
  const search = useSearch({ from: "/shell/insights/incidents" });
  const navigate = useNavigate({ from: "/insights/incidents" });
  const q = useInfiniteQuery(insightQueries.incidents(windowQuery(search, useNow())));
  return (
    <>
      <PageHead
        title="Incidents"
        over={<A href={to.insights(search)}>Insights</A>}
        lead="Each with the deployment it is held to come from, and why. Only those that a deployment caused bear on the figures."
      />
      <form
        aria-label="Which incidents"
        className="mb-6 grid grid-cols-2 items-end gap-3 sm:grid-cols-[repeat(auto-fit,minmax(8.5rem,1fr))]"
        onSubmit={(event) => event.preventDefault()}
      >
        <WindowFields
          search={search}
          onChange={(patch) =>
            void navigate({ search: (old) => ({ ...old, ...patch }), replace: true, resetScroll: false })
          }
        />
      </form>
      <Section title="Incidents" note="newest first" flush>
        <Pages query={q} empty={<Empty title="No incident in this window">None was told of in these days.</Empty>}>
          {(items) => (
            <ul className="m-0 list-none divide-y divide-line p-0">
              {items.map((incident) => (
                <Row key={incident.key} incident={incident} />
              ))}
            </ul>
          )}
        </Pages>
      </Section>
    </>
  );
}
