import { Download } from "lucide-react";
import { lazy, Suspense, useCallback, useState } from "react";
import { Button } from "../ui/Button.tsx";
import { download, toCsv } from "../ui/csv.ts";
import { type ChartData, headOf, isBlank, type Mark, marksAt, rowsOf } from "./chart-data.ts";
import { figure, pointName, valueAt } from "./figures.ts";
import type { PlotProps } from "./Plot.tsx";

const Plot = lazy(() => import("./Plot.tsx"));

/** A chart with its legend, which shows the exact values under the pointer, or the newest when there is none. */
export function Chart(o: Omit<PlotProps, "onHover" | "height"> & { height?: number; note?: string }) {
  const { data, height = 168 } = o;
  const [index, setIndex] = useState<number | null>(null);
  const onHover = useCallback((next: number | null) => setIndex(next), []);
  const at = index !== null && index < data.at.length ? index : data.at.length - 1;
  return (
    <figure className="m-0 min-w-0">
      <figcaption className="mb-1 flex flex-wrap items-baseline gap-x-3 gap-y-0.5">
        <span className="text-sm font-medium">{data.title}</span>
        {o.note && <span className="text-xs text-muted">{o.note}</span>}
        <span className="ml-auto text-xs text-muted">{pointName(data, at)}</span>
      </figcaption>
      <Legend data={data} at={at} />
      {data.periods && data.marks.length > 0 && <MarksOfPoint marks={marksAt(data, at)} />}
      {isBlank(data) ? (
        <div className="flex items-center justify-center text-muted" style={{ height }}>
          Nothing has been measured yet.
        </div>
      ) : (
        <Suspense fallback={<div className="breathe rounded bg-sunken" style={{ height }} />}>
          <Plot {...o} height={height} onHover={onHover} />
        </Suspense>
      )}
    </figure>
  );
}

/** What fell into the period under the pointer; one line, so that nothing moves while one looks. */
function MarksOfPoint({ marks }: { marks: readonly Mark[] }) {
  const [first] = marks;
  return (
    <p className="m-0 h-4 truncate text-xs text-muted" title={marks.map((mark) => mark.label).join("\n")}>
      {first
        ? `${first.shape === "triangle" ? "▲" : "◆"} ${first.label}${marks.length > 1 ? ` and ${marks.length - 1} more` : ""}`
        : "No failure or incident in it"}
    </p>
  );
}

function Legend({ data, at }: { data: ChartData; at: number }) {
  return (
    <ul className="m-0 flex list-none flex-wrap gap-x-4 gap-y-0.5 p-0 text-xs">
      {data.lines.map((line) => (
        <li key={line.name} className="flex items-center gap-1.5">
          <svg width="16" height="6" aria-hidden="true">
            <line
              x1="0"
              x2="16"
              y1="3"
              y2="3"
              strokeWidth="2.5"
              stroke={`var(${line.color})`}
              {...(line.dashed ? { strokeDasharray: "5 3" } : {})}
            />
          </svg>
          <span className="text-soft">{line.name}</span>
          <span className="font-medium">{valueAt(data, line.values[at])}</span>
          {line.low && line.high && line.high[at] !== null && line.high[at] !== undefined && (
            <span className="text-muted">
              {figure(line.low[at], data.unit)} to {figure(line.high[at], data.unit)}
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

/** The same data as a table, newest first. */
export function ChartTable({ data, limit = 60 }: { data: ChartData; limit?: number }) {
  const indices = data.at.map((_, i) => i).reverse();
  return (
    <section
      aria-label={`${data.title} as a table`}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard.
      tabIndex={0}
      className="max-h-80 overflow-auto rounded-md border border-line"
    >
      <table className="w-full border-collapse text-xs">
        <caption className="sr-only">{data.title}</caption>
        <thead className="sticky top-0 bg-sunken text-left text-muted">
          <tr>
            <th scope="col" className="px-3 py-1.5 font-medium">
              {data.periods ? "Period" : "Time"}
            </th>
            {data.lines.map((l) => (
              <th key={l.name} scope="col" className="px-3 py-1.5 text-right font-medium">
                {l.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {indices.slice(0, limit).map((i) => (
            <tr key={data.at[i]} className="border-t border-line">
              <td className="px-3 py-1 whitespace-nowrap text-muted">{pointName(data, i)}</td>
              {data.lines.map((l) => (
                <td key={l.name} className="px-3 py-1 text-right whitespace-nowrap">
                  {valueAt(data, l.values[i])}
                  {l.low && l.high?.[i] != null && (
                    <span className="ml-1.5 text-muted">
                      {figure(l.low[i], data.unit)} to {figure(l.high[i], data.unit)}
                    </span>
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

export function CsvButton({ data, name }: { data: readonly ChartData[]; name: string }) {
  const save = (): void => {
    const [first] = data;
    if (!first) return;
    // All charts of a group have the same times: one file holds them all.
    const head = [
      "time",
      ...data.flatMap((d) =>
        headOf(d)
          .slice(1)
          .map((h) => `${d.title}: ${h}`),
      ),
    ];
    const bodies = data.map((d) => rowsOf(d));
    const rows = rowsOf(first).map((row, i) => [row[0] ?? null, ...bodies.flatMap((b) => (b[i] ?? []).slice(1))]);
    download(`${name}.csv`, toCsv(head, rows));
  };
  return (
    <Button size="small" onClick={save} disabled={data.length === 0}>
      <Download size={13} aria-hidden /> CSV
    </Button>
  );
}
