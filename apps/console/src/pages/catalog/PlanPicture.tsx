import { harmWords } from "@latchkey/core/analysis/planning/words";
import type { HarmFinding } from "../../api/types.ts";
import { barsOf, sizeLabel } from "./plan-picture.ts";

const FRAME = { width: 300, height: 110 };
const LEFT = 34;
const TOP = 8;
const AXIS = 30;

/** How often harm of each size is found: bars with their 95 % bands, and the line of nine in ten. The table says the same. */
export function PlanPicture(o: { kind: "errors" | "slowdown"; findings: readonly HarmFinding[] }) {
  const bars = barsOf(o.findings, FRAME);
  const what = o.kind === "errors" ? "percentage points more failures" : "slower by, or times as slow";
  const found = o.findings.filter((f) => f.chance >= 0.9)[0];
  const label = `Chance to find harm of each size, ${o.kind === "errors" ? "failures" : "slowness"}: ${
    found ? `nine in ten from ${harmWords(o.kind, found.size)} on` : "none reaches nine in ten"
  }`;
  return (
    <svg
      viewBox={`0 0 ${LEFT + FRAME.width + 4} ${TOP + FRAME.height + AXIS}`}
      role="img"
      aria-label={label}
      className="block w-full max-w-130 text-[9px]"
    >
      {[0, 0.5, 0.9, 1].map((chance) => {
        const y = TOP + FRAME.height * (1 - chance);
        return (
          <g key={chance}>
            <line
              x1={LEFT}
              x2={LEFT + FRAME.width}
              y1={y}
              y2={y}
              stroke={chance === 0.9 ? "var(--good)" : "var(--line)"}
              strokeDasharray={chance === 0.9 ? "4 3" : undefined}
            />
            {chance !== 1 && (
              <text x={LEFT - 4} y={y + 3} textAnchor="end" fill="var(--muted)">
                {chance * 100} %
              </text>
            )}
          </g>
        );
      })}
      <g transform={`translate(${LEFT} ${TOP})`}>
        {bars.map((bar) => (
          <g key={bar.size}>
            <rect
              x={bar.x}
              y={bar.y}
              width={bar.width}
              height={bar.height}
              rx="1.5"
              fill={bar.isFound ? "var(--good)" : "var(--series-1)"}
            />
            <line x1={bar.middleX} x2={bar.middleX} y1={bar.highY} y2={bar.lowY} stroke="var(--ink)" strokeWidth="1" />
            <text x={bar.middleX} y={FRAME.height + 11} textAnchor="middle" fill="var(--muted)">
              {sizeLabel(o.kind, bar.size)}
            </text>
          </g>
        ))}
        <text x={FRAME.width / 2} y={FRAME.height + 25} textAnchor="middle" fill="var(--soft)">
          {what}
        </text>
      </g>
    </svg>
  );
}
