import { useMemo, useState } from "react";
import type { Environment } from "../../api/types.ts";
import { Chart, ChartTable, CsvButton } from "../../charts/Chart.tsx";
import { trafficCharts } from "../../charts/traffic-charts.ts";
import { to } from "../../paths.ts";
import { FaultBadge, StateBadge } from "../../ui/Badge.tsx";
import { Button, LinkButton } from "../../ui/Button.tsx";
import { milliseconds, percent, rate } from "../../ui/format.ts";
import { Section } from "../../ui/Section.tsx";
import { Empty } from "../../ui/States.tsx";
import { A, Ago } from "../../ui/Text.tsx";
import { ReleaseLabel } from "./ReleaseLabel.tsx";

const Big = ({ label, value }: { label: string; value: string }) => (
  <div>
    <dt className="text-xs text-muted">{label}</dt>
    <dd className="m-0 text-xl font-semibold">{value}</dd>
  </div>
);

/** One environment: what it serves, what happens to it now, and its traffic. */
export function EnvironmentPanel({ service, environment: e }: { service: string; environment: Environment }) {
  const charts = useMemo(() => trafficCharts(e.recent), [e.recent]);
  const [zoom, setZoom] = useState<{ from: number; to: number } | null>(null);
  const [asTable, setAsTable] = useState(false);
  return (
    <div className="flex flex-col gap-6">
      <Serves environment={e} />
      <Section
        title="Traffic"
        note="the last 15 minutes, in steps of 5 seconds; drag to zoom"
        actions={
          <>
            {zoom && (
              <Button size="small" onClick={() => setZoom(null)}>
                All of it
              </Button>
            )}
            <Button size="small" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
              {asTable ? "Charts" : "Table"}
            </Button>
            <CsvButton data={charts} name={`${service}-${e.name}-traffic`} />
          </>
        }
      >
        {e.recent.length === 0 ? (
          <Empty title="No traffic has been counted">It is counted from the first request through the gateway.</Empty>
        ) : (
          <div className="grid gap-x-8 gap-y-6 lg:grid-cols-3">
            {charts.map((data) =>
              asTable ? (
                <ChartTable key={data.title} data={data} limit={180} />
              ) : (
                <Chart
                  key={data.title}
                  data={data}
                  group={`${service}/${e.name}`}
                  zoom={zoom}
                  onZoom={setZoom}
                  height={150}
                />
              ),
            )}
          </div>
        )}
      </Section>
    </div>
  );
}

function Serves({ environment: e }: { environment: Environment }) {
  const d = e.deployment;
  return (
    <Section title={e.name} note="serves now">
      <div className="flex flex-wrap items-start gap-x-10 gap-y-4">
        <div className="min-w-0 flex-1 basis-72">
          {e.serving ? (
            <>
              <div className="text-base">
                <ReleaseLabel release={e.serving} />
              </div>
              <div className="mt-1 flex flex-wrap items-center gap-2 text-xs text-muted">
                <span>
                  built <Ago at={e.serving.createdAt} />
                  {e.serving.author && ` by ${e.serving.author}`}
                </span>
                <FaultBadge fault={e.serving.fault} />
              </div>
            </>
          ) : (
            <p className="m-0 text-muted">Nothing yet. Ship the first release.</p>
          )}
          {d && (
            <div className="mt-3 flex flex-wrap items-center gap-2">
              <StateBadge state={d.status} />
              <A href={to.deployment(d.id)}>
                Last deployment, <Ago at={d.createdAt} />
              </A>
            </div>
          )}
        </div>
        <dl className="m-0 flex gap-8">
          <Big label="Requests" value={rate(e.requestsPerSecond)} />
          <Big label="Failed" value={percent(e.errorRatio)} />
          <Big label="P95" value={milliseconds(e.p95Ms)} />
        </dl>
        {e.rolloutId && (
          <LinkButton kind="primary" href={to.rollout(e.rolloutId)}>
            Watch the rollout
          </LinkButton>
        )}
      </div>
    </Section>
  );
}
