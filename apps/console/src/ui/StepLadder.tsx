import type { Step } from "../api/types.ts";
import { count, duration } from "./format.ts";

/**
 * The steps of a strategy as rising columns, from the first share to all of it: what is behind is filled, where it is
 * now is framed, what is ahead is hollow. `at` is null for a strategy on paper.
 */
export function StepLadder(o: {
  steps: readonly Step[];
  holdbackPercent: number;
  holdbackMs: number;
  at: { index: number; word: string; moving: boolean } | null;
}) {
  const held = o.holdbackPercent > 0 && o.holdbackMs > 0;
  const columns = [
    ...o.steps.map((s) => ({
      share: s.trafficPercent,
      title: `${s.trafficPercent} %`,
      words: [
        s.bakeMs > 0 ? `${duration(s.bakeMs)} bake` : "no bake time",
        s.minimumRequests > 0 ? `${count(s.minimumRequests)} requests` : "",
      ],
    })),
    held
      ? {
          share: 100 - o.holdbackPercent,
          title: `${100 - o.holdbackPercent} %`,
          words: ["when proved safe", `${duration(o.holdbackMs)} holdback`],
        }
      : { share: 100, title: "100 %", words: ["when proved safe"] },
    ...(held ? [{ share: 100, title: "100 %", words: ["done"] }] : []),
  ];
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by the keyboard.
    <ol className="m-0 flex list-none gap-1.5 overflow-x-auto p-0 pb-1" aria-label="Steps" tabIndex={0}>
      {columns.map((c, i) => {
        const state = stateOf(i, o.at);
        return (
          <li
            key={`${c.title}${c.words.join()}`}
            aria-current={state === "now" ? "step" : undefined}
            className="min-w-22 flex-1"
          >
            <div className="flex h-16 items-end rounded-t border-b-2 border-line-strong">
              <div
                className={`w-full rounded-t-sm ${FILLS[state]} ${state === "now" && o.at?.moving ? "breathe" : ""}`}
                style={{ height: `${Math.max(4, c.share)}%` }}
              />
            </div>
            <div className={`mt-1.5 text-sm font-semibold ${state === "now" ? "text-canary" : ""}`}>
              {c.title}
              {state === "now" && <span className="ml-1.5 text-xs font-medium">{o.at?.word}</span>}
              {state === "done" && <span className="sr-only"> passed</span>}
            </div>
            {c.words.filter(Boolean).map((w) => (
              <div key={w} className="text-xs text-muted">
                {w}
              </div>
            ))}
          </li>
        );
      })}
    </ol>
  );
}

type ColumnState = "done" | "now" | "ahead" | "paper";
const FILLS: Record<ColumnState, string> = {
  done: "bg-canary",
  now: "bg-canary",
  ahead: "border border-b-0 border-dashed border-control",
  paper: "bg-canary/70",
};
function stateOf(index: number, at: { index: number } | null): ColumnState {
  if (!at) return "paper";
  if (index < at.index) return "done";
  return index === at.index ? "now" : "ahead";
}
