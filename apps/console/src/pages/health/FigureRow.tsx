import type { ReactNode } from "react";
import type { HealthView } from "../../api/types.ts";
import { Sparkline } from "../../charts/Sparkline.tsx";
import { bytes, count, milliseconds, percent } from "../../ui/format.ts";

type Figure = HealthView["figures"][number];

const AMOUNT: Readonly<Record<Figure["unit"], (value: number) => string>> = {
  ms: milliseconds,
  part: percent,
  count,
  bytes,
};

/** How full it is, where a limit is a whole that fills. */
function Fill({ figure: f }: { figure: Figure }) {
  if (f.limit === null || f.unit === "ms") return null;
  const color = { fine: "bg-accent", busy: "bg-warn", full: "bg-bad" }[f.state];
  return (
    <div className="mt-1.5 h-1 overflow-hidden rounded-full bg-hover" aria-hidden>
      <div
        className={`h-full rounded-full ${color}`}
        style={{ width: `${Math.min(100, Math.max(1, (f.value / f.limit) * 100))}%` }}
      />
    </div>
  );
}

/** A figure with its limit, its last 15 minutes, the judgement, and what to do. */
export function FigureRow({ figure: f, everyS, badge }: { figure: Figure; everyS: number; badge: ReactNode }) {
  const amount = AMOUNT[f.unit];
  const minutes = f.recent ? Math.max(1, Math.round((f.recent.length * everyS) / 60)) : 0;
  return (
    <li className="grid gap-x-6 gap-y-2 px-4 py-3 md:grid-cols-[minmax(0,1fr)_minmax(0,10rem)_minmax(0,9rem)] md:items-center">
      <div className="min-w-0">
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <h3 className="m-0 text-sm font-medium">{f.label}</h3>
          {badge}
        </div>
        <p className="m-0 mt-1 text-muted">{f.words}</p>
        {f.remedy && <p className="m-0 mt-1 text-ink">{f.remedy}</p>}
      </div>
      <div>
        <div className="tabular-nums">
          <span className="text-base font-semibold">{amount(f.value)}</span>
          {f.limit !== null && (
            <span className="text-muted">
              {f.unit === "ms" ? ", limit " : " of "}
              {amount(f.limit)}
            </span>
          )}
        </div>
        <Fill figure={f} />
      </div>
      {f.recent ? (
        <Sparkline
          values={f.recent}
          tone={f.state === "fine" ? "muted" : f.state === "busy" ? "accent" : "bad"}
          atLeast={f.unit === "ms" || f.limit === null ? 1 : f.limit}
          label={`${f.label}: the last ${minutes} min, now ${amount(f.recent.at(-1) ?? 0)}, at most ${amount(Math.max(...f.recent, 0))}`}
        />
      ) : (
        <span className="hidden md:block" />
      )}
    </li>
  );
}
