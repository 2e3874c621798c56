import type { ReactNode } from "react";
import type { Arm, Rollout } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { bytes, count, milliseconds, percent } from "../../ui/format.ts";
import { Section } from "../../ui/Section.tsx";
import { A } from "../../ui/Text.tsx";

const NAMES: Record<Arm["arm"], string> = { baseline: "Baseline", canary: "Canary", holdback: "Holdback" };
const DOTS: Record<Arm["arm"], string> = { baseline: "bg-baseline", canary: "bg-canary", holdback: "bg-holdback" };

const ROWS: readonly (readonly [string, (a: Arm) => ReactNode])[] = [
  ["Share of traffic", (a) => `${a.trafficPercent} %`],
  ["Requests", (a) => count(a.requests)],
  ["Failed", (a) => `${count(a.errors)} (${percent(a.requests > 0 ? a.errors / a.requests : null)})`],
  ["P50", (a) => milliseconds(a.p50Ms)],
  ["P95", (a) => milliseconds(a.p95Ms)],
  ["Pages shown", (a) => count(a.pageViews)],
  ["Pages broken", (a) => count(a.pageErrors)],
  ["Visitors, about", (a) => count(a.users)],
  ["Memory", (a) => bytes(a.residentBytes)],
  ["Restarts", (a) => count(a.restarts)],
];

/** The arms side by side, totals since the rollout began. */
export function ArmTable({ rollout: r }: { rollout: Rollout }) {
  return (
    <Section title="Releases side by side" note="totals since it began" flush>
      <table className="w-full border-collapse">
        <caption className="sr-only">Totals by release</caption>
        <thead className="bg-sunken text-xs">
          <tr>
            <td className="px-4 py-1.5" />
            {r.arms.map((a) => (
              <th key={a.arm} scope="col" className="px-4 py-1.5 text-right font-medium whitespace-nowrap">
                <span className={`mr-1.5 inline-block size-2 rounded-sm ${DOTS[a.arm]}`} aria-hidden />
                {NAMES[a.arm]}{" "}
                <A href={to.release(a.releaseId)} className="underline">
                  #{a.releaseNumber}
                </A>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {ROWS.map(([label, value]) => (
            <tr key={label} className="border-t border-line">
              <th scope="row" className="px-4 py-1.5 text-left font-normal text-muted">
                {label}
              </th>
              {r.arms.map((a) => (
                <td key={a.arm} className="px-4 py-1.5 text-right whitespace-nowrap">
                  {value(a)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}
