import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { queries } from "../../api/queries.ts";
import type { Environment, Pause, ServiceSummary } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { StateBadge } from "../../ui/Badge.tsx";
import { Button, LinkButton } from "../../ui/Button.tsx";
import { Pages } from "../../ui/Pages.tsx";
import { PageHead, Section } from "../../ui/Section.tsx";
import { Empty, ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { A, Ago } from "../../ui/Text.tsx";
import { applyTheme } from "../../ui/theme.ts";
import { AutomationPanel } from "./AutomationPanel.tsx";
import { DeploymentList } from "./DeploymentList.tsx";
import { PausedBanner } from "./PausedBanner.tsx";
import { type Place, RollbackDialog } from "./RollbackDialog.tsx";

/** What serves at one place, since when, and what goes on there. */
function Cell(o: {
  service: string;
  environment: Environment | undefined;
  pause: Pause | undefined;
  wall: boolean;
  onBack: () => void;
}) {
  const { environment: e } = o;
  if (!e) return <span className="text-muted">-</span>;
  const d = e.deployment;
  const isByThis = d?.status === "succeeded" && d.release?.id === e.serving?.id;
  return (
    <div className="flex flex-col items-start gap-1">
      {e.serving ? (
        <A
          href={to.release(e.serving.id)}
          className={o.wall ? "text-3xl font-semibold text-ink" : "font-medium text-ink"}
        >
          #{e.serving.number}
        </A>
      ) : (
        <span className="text-muted">Nothing yet</span>
      )}
      {isByThis && d.finishedAt && (
        <span className="text-xs text-muted">
          since <Ago at={d.finishedAt} />
        </span>
      )}
      {d && !isByThis && (
        <span className="flex flex-wrap items-center gap-1.5 text-xs text-muted">
          <StateBadge state={d.status} />
          <A href={to.deployment(d.id)}>{d.release ? `#${d.release.number}` : "newest deployment"}</A>
        </span>
      )}
      {o.pause && <span className="text-xs text-warn">Paused, {o.pause.waiting} waiting</span>}
      {!o.wall && e.serving && (
        <Button size="small" onClick={o.onBack} aria-label={`Roll back ${o.service} in ${e.name}`}>
          Roll back
        </Button>
      )}
    </div>
  );
}

function Matrix(o: {
  services: readonly ServiceSummary[];
  pauses: readonly Pause[];
  wall: boolean;
  onBack: (place: Place) => void;
}) {
  // As the services name them, so that production stands last.
  const names = [...new Set(o.services.flatMap((s) => s.environments.map((e) => e.name)))];
  return (
    <div className="overflow-x-auto">
      <table className={`w-full text-left ${o.wall ? "text-xl" : ""}`}>
        <caption className="sr-only">What each environment of each service serves</caption>
        <thead>
          <tr className="text-xs text-muted">
            <th scope="col" className="px-4 py-2 font-medium">
              Service
            </th>
            {names.map((name) => (
              <th key={name} scope="col" className="px-4 py-2 font-medium">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y divide-line">
          {o.services.map((s) => (
            <tr key={s.name} className="align-top">
              <th scope="row" className="px-4 py-3 font-medium">
                <A href={to.service(s.name)}>{s.name}</A>
              </th>
              {names.map((name) => (
                <td key={name} className="px-4 py-3">
                  <Cell
                    service={s.name}
                    environment={s.environments.find((e) => e.name === name)}
                    pause={o.pauses.find((p) => p.service === s.name && p.environment === name)}
                    wall={o.wall}
                    onBack={() => o.onBack({ service: s.name, environment: name })}
                  />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Which service the parts below speak of. */
function ServiceChoice(o: { services: readonly ServiceSummary[]; value: string; onChange: (service: string) => void }) {
  return (
    <label className="flex items-center gap-2 text-xs text-muted">
      Service
      <select
        value={o.value}
        onChange={(event) => o.onChange(event.target.value)}
        className="rounded-md border border-line bg-surface px-2 py-1 text-ink"
      >
        <option value="">All</option>
        {o.services.map((s) => (
          <option key={s.name}>{s.name}</option>
        ))}
      </select>
    </label>
  );
}

function Past({ services }: { services: readonly ServiceSummary[] }) {
  const [service, setService] = useState("");
  const history = useInfiniteQuery(queries.deployments(service));
  return (
    <>
      <AutomationPanel
        service={service}
        actions={<ServiceChoice services={services} value={service} onChange={setService} />}
      />
      <Section title="History" note={service === "" ? "Of all services" : `Of ${service}`} flush>
        <Pages
          query={history}
          empty={<Empty title="Nothing has been deployed">The first deployment is shown here.</Empty>}
        >
          {(items) => <DeploymentList items={items} />}
        </Pages>
      </Section>
    </>
  );
}

/** What runs where since when, and the way back. With `?wall=1` for a screen on the wall: large, dark, without chrome. */
export function DeploymentsPage() {
  const wall = useSearch({ from: "/shell/deployments" }).wall === "1";
  const services = useQuery(queries.services());
  const pauses = useQuery(queries.pauses());
  const [back, setBack] = useState<Place | null>(null);
  useEffect(() => {
    if (!wall) return;
    document.documentElement.dataset.theme = "dark";
    return applyTheme;
  }, [wall]);
  const items = services.data?.items ?? [];
  const paused = pauses.data?.items ?? [];
  return (
    <>
      <PageHead
        title="Deployments"
        lead="What runs where, since when."
        actions={
          !wall && (
            <>
              <LinkButton href={to.targets()}>Targets</LinkButton>
              <LinkButton href={to.deployments("1")}>Wall display</LinkButton>
            </>
          )
        }
      />
      <div className="flex flex-col gap-6">
        {paused.map((pause) => (
          <PausedBanner key={`${pause.service}/${pause.environment}`} pause={pause} readOnly={wall} />
        ))}
        <Section title="Serving" flush>
          {services.data ? (
            items.length > 0 ? (
              <Matrix services={items} pauses={paused} wall={wall} onBack={setBack} />
            ) : (
              <Empty title="There are no services yet">latchkey apply adds those of your configuration.</Empty>
            )
          ) : services.error ? (
            <ErrorPanel error={services.error} retry={() => void services.refetch()} />
          ) : (
            <Skeleton rows={3} className="h-8" />
          )}
        </Section>
        {pauses.error && <ErrorPanel error={pauses.error} retry={() => void pauses.refetch()} />}
        {!wall && <Past services={items} />}
      </div>
      <RollbackDialog place={back} onClose={() => setBack(null)} />
    </>
  );
}
