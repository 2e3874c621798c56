import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { queries } from "../../api/queries.ts";
import type { Rollout } from "../../api/types.ts";
import { Chart, ChartTable, CsvButton } from "../../charts/Chart.tsx";
import { useRolloutZoom } from "../../charts/chart-zoom.ts";
import { evidenceChart, metricEvidenceChart, rolloutCharts } from "../../charts/rollout-charts.ts";
import { Button } from "../../ui/Button.tsx";
import { Section } from "../../ui/Section.tsx";
import { Empty, ErrorPanel, Skeleton } from "../../ui/States.tsx";

/** Every metric of both arms over time; drag to zoom, hover for exact values, or read it as a table. */
export function RolloutChartsPanel({ rollout: r }: { rollout: Rollout }) {
  const looks = useQuery(queries.looks(r.id));
  const { view } = useSearch({ from: "/shell/rollouts/$rolloutId" });
  const navigate = useNavigate({ from: "/rollouts/$rolloutId" });
  const { zoom, setZoom } = useRolloutZoom();
  const rows = looks.data?.items;
  const { decisions, report } = r;
  const charts = useMemo(() => {
    if (!rows || rows.length === 0) return [];
    const metrics = rolloutCharts(rows, decisions);
    if (!report) return metrics;
    return [
      evidenceChart(rows, decisions, { harm: report.lnHarmThreshold, safe: report.lnSafeThreshold }),
      metricEvidenceChart(rows, decisions, report.lnHarmThreshold),
      ...metrics,
    ];
  }, [rows, decisions, report]);
  const asTable = view === "table";
  const toggle = (): void =>
    void navigate({
      search: (old) => ({ ...old, view: asTable ? undefined : "table" }),
      replace: true,
      resetScroll: false,
    });

  return (
    <Section
      title="Over time"
      note={charts.length > 0 ? "totals since the first look, 95 % bands; drag to zoom" : undefined}
      actions={
        charts.length > 0 && (
          <>
            {zoom && (
              <Button size="small" onClick={() => setZoom(null)}>
                Whole rollout
              </Button>
            )}
            <Button size="small" aria-pressed={asTable} onClick={toggle}>
              {asTable ? "Charts" : "Table"}
            </Button>
            <CsvButton data={charts} name={`rollout-${r.id}`} />
          </>
        )
      }
    >
      {charts.length > 0 ? (
        <div className="grid gap-x-8 gap-y-6 lg:grid-cols-2">
          {charts.map((data) =>
            asTable ? (
              <div key={data.title} className="min-w-0">
                <h3 className="m-0 mb-1 text-sm font-medium">{data.title}</h3>
                <ChartTable data={data} />
              </div>
            ) : (
              <Chart key={data.title} data={data} group={r.id} zoom={zoom} onZoom={setZoom} />
            ),
          )}
        </div>
      ) : looks.error ? (
        <ErrorPanel error={looks.error} retry={() => void looks.refetch()} />
      ) : looks.data ? (
        <Empty title="No look has been taken">
          The judge looks every few seconds once the canary takes traffic; each look is a point here.
        </Empty>
      ) : (
        <Skeleton rows={4} className="h-24" />
      )}
    </Section>
  );
}
