import type { Arm, Rollout } from "../../api/types.ts";
import { count, percent } from "../../ui/format.ts";
import { Section } from "../../ui/Section.tsx";
import { StepLadder } from "../../ui/StepLadder.tsx";
import { isOver } from "./rollout-words.ts";

const NAMES: Record<Arm["arm"], string> = { baseline: "Baseline", canary: "Canary", holdback: "Holdback" };
const FILLS: Record<Arm["arm"], string> = { baseline: "bg-baseline", canary: "bg-canary", holdback: "bg-holdback" };

/** Where the ladder stands: the step, the holdback after the steps, or beyond all of it. */
function placeOf(r: Rollout): { index: number; word: string; moving: boolean } {
  const n = r.steps.length;
  if (r.state === "completed") return { index: n + 2, word: "", moving: false };
  if (r.state === "holdback" || r.state === "promoting") return { index: n, word: "now", moving: true };
  if (r.state === "starting") return { index: -1, word: "", moving: false };
  if (r.state === "paused") return { index: r.stepIndex, word: "paused", moving: false };
  if (isOver(r) || r.state === "rolling_back") return { index: r.stepIndex, word: "stopped here", moving: false };
  return { index: r.stepIndex, word: "now", moving: true };
}

/** Traffic by arm as one bar, and the steps behind and ahead. */
export function SplitPicture({ rollout: r }: { rollout: Rollout }) {
  const arms = r.arms.filter((a) => a.trafficPercent > 0);
  const words = arms.map((a) => `${NAMES[a.arm]} #${a.releaseNumber} ${a.trafficPercent} %`).join(", ");
  return (
    <Section
      title="Traffic"
      note={
        isOver(r)
          ? "as it ended"
          : r.acknowledged
            ? "every gateway serves this share"
            : "the gateways are still switching to this share"
      }
    >
      <div role="img" aria-label={`Traffic: ${words}`} className="flex h-9 gap-0.5 overflow-hidden rounded-md">
        {arms.map((a) => (
          <div
            key={a.arm}
            className={`flex min-w-1 items-center overflow-hidden px-2 transition-[flex-grow] duration-500 ${FILLS[a.arm]}`}
            style={{ flexGrow: a.trafficPercent, flexBasis: 0 }}
          >
            {a.trafficPercent >= 12 && (
              <span className="truncate text-xs font-semibold text-surface">{a.trafficPercent} %</span>
            )}
          </div>
        ))}
      </div>
      <ul className="m-0 mt-2 flex list-none flex-wrap gap-x-6 gap-y-1 p-0 text-xs">
        {r.arms.map((a) => (
          <li key={a.arm} className="flex items-center gap-1.5">
            <span className={`size-2.5 rounded-sm ${FILLS[a.arm]}`} aria-hidden />
            <span className="font-medium">
              {NAMES[a.arm]} #{a.releaseNumber}
            </span>
            <span className="text-muted">
              {a.trafficPercent} %, {count(a.requests)} requests,{" "}
              {percent(a.requests > 0 ? a.errors / a.requests : null)} failed
            </span>
          </li>
        ))}
      </ul>
      {r.strategy !== "all_at_once" && (
        <div className="mt-5">
          <StepLadder steps={r.steps} holdbackPercent={r.holdbackPercent} holdbackMs={r.holdbackMs} at={placeOf(r)} />
        </div>
      )}
    </Section>
  );
}
