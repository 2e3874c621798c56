import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import type { Dora } from "../../api/types.ts";
import { Chart, ChartTable, CsvButton } from "../../charts/Chart.tsx";
import { Button } from "../../ui/Button.tsx";
import { Section } from "../../ui/Section.tsx";
import { keyCharts } from "./insight-charts.ts";
import { zoomed } from "./insight-window.ts";

const ROWS_MAX = 400;
const BY_WORDS: Record<Dora["by"], string> = { day: "by day", week: "by week", month: "by month" };

/** Each key over time. Dragging over a picture puts those days into the address; the browser's Back takes them out. */
export function KeyChartsPanel({ dora }: { dora: Dora }) {
  const { view, from, to } = useSearch({ from: "/shell/insights" });
  const navigate = useNavigate({ from: "/insights" });
  const { series, marks, by } = dora;
  const charts = useMemo(() => Object.values(keyCharts({ series, marks })), [series, marks]);
  const asTable = view === "table";
  const onZoom = useCallback(
    (zoom: { from: number; to: number } | null): void => {
      if (zoom)
        void navigate({ search: (old) => ({ ...old, days: undefined, ...zoomed(zoom, by) }), resetScroll: false });
    },
    [navigate, by],
  );
  return (
    <Section
      title="Over time"
      note={`${BY_WORDS[by]}, 95 % bands; ▲ a failure, ◆ an incident; drag to zoom`}
      actions={
        <>
          {(from || to) && (
            <Button
              size="small"
              onClick={() =>
                void navigate({
                  search: (old) => ({ ...old, from: undefined, to: undefined, by: undefined }),
                  resetScroll: false,
                })
              }
            >
              Last 90 days
            </Button>
          )}
          <Button
            size="small"
            aria-pressed={asTable}
            onClick={() =>
              void navigate({
                search: (old) => ({ ...old, view: asTable ? undefined : "table" }),
                replace: true,
                resetScroll: false,
              })
            }
          >
            {asTable ? "Charts" : "Table"}
          </Button>
          <CsvButton data={charts} name={`dora-${dora.from.slice(0, 10)}-${dora.to.slice(0, 10)}`} />
        </>
      }
    >
      <div className="grid gap-x-8 gap-y-6 lg:grid-cols-2">
        {charts.map((data) =>
          asTable ? (
            <div key={data.title} className="min-w-0">
              <h3 className="m-0 mb-1 text-sm font-medium">{data.title}</h3>
              <ChartTable data={data} limit={ROWS_MAX} />
              {data.at.length > ROWS_MAX && (
                <p className="m-0 mt-1 text-xs text-muted">The newest {ROWS_MAX}; the CSV file has all of them.</p>
              )}
            </div>
          ) : (
            <Chart key={data.title} data={data} group="insights" zoom={null} onZoom={onZoom} />
          ),
        )}
      </div>
    </Section>
  );
}
