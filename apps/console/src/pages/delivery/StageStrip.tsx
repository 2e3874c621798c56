import { CircleCheck, CircleDashed, CircleDot, CircleX, Minus } from "lucide-react";
import type { PipelineStage } from "../../api/types.ts";
import { duration } from "../../ui/format.ts";

/** A change's way as a picture: each stage in its place, filled as far as it came, with the time that it took. */
const NAMES: Readonly<Record<PipelineStage["name"], string>> = {
  open: "Open",
  checks: "Checks",
  merged: "Merged",
  building: "Build",
  gating: "Gates",
  queued: "Queue",
  canary: "Canary",
  production: "Production",
};
const LOOKS = {
  done: { icon: CircleCheck, tone: "text-good", bar: "bg-good", word: "done" },
  running: { icon: CircleDot, tone: "text-accent", bar: "bg-accent", word: "under way" },
  failed: { icon: CircleX, tone: "text-bad", bar: "bg-bad", word: "failed" },
  waiting: { icon: CircleDashed, tone: "text-muted", bar: "bg-line-strong", word: "ahead" },
  skipped: { icon: Minus, tone: "text-muted", bar: "bg-line", word: "not needed" },
} as const;

export function StageStrip(o: {
  stages: readonly PipelineStage[];
  current: PipelineStage["name"];
  trafficPercent: number | null;
  over: boolean;
}) {
  return (
    <ol className="m-0 grid list-none grid-cols-4 gap-x-1 gap-y-2 p-0 md:grid-cols-8" aria-label="Stages">
      {o.stages.map((s) => {
        const { icon: Icon, tone, bar, word } = LOOKS[s.state];
        const isNow = s.name === o.current && !o.over;
        const share = s.name === "canary" && isNow && o.trafficPercent !== null ? `${o.trafficPercent} %` : null;
        return (
          <li key={s.name} aria-current={isNow ? "step" : undefined} title={s.words} className="min-w-0">
            <div className={`h-1.5 rounded-full ${bar} ${s.state === "running" ? "breathe" : ""}`} aria-hidden />
            <div className="mt-1 flex items-center gap-1 text-xs">
              <Icon size={12} className={`shrink-0 ${tone}`} aria-hidden />
              <span className={`truncate ${isNow ? "font-semibold" : ""}`}>{NAMES[s.name]}</span>
              <span className="sr-only">{word}.</span>
            </div>
            <div className="text-xs text-muted tabular-nums">
              {[share, s.durationMs !== null && s.name !== "production" ? duration(s.durationMs) : null]
                .filter(Boolean)
                .join(", ")}
            </div>
          </li>
        );
      })}
    </ol>
  );
}
