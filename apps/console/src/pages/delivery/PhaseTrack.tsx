import { CircleCheck, CircleDashed, CircleDot, CircleX, Minus } from "lucide-react";
import type { Deployment, DeploymentStatus } from "../../api/types.ts";

/** The way of a deployment, phase by phase, and where it stands or fell. */
export type PhaseState = "done" | "now" | "waits" | "failed" | "ahead" | "skipped";
export interface Phase {
  readonly name: string;
  readonly state: PhaseState;
}

const PLACE: Partial<Record<DeploymentStatus, number>> = {
  building: 0,
  failed_build: 0,
  gating: 1,
  failed_gate: 1,
  queued: 2,
  starting: 2,
  failed_start: 2,
  rolling_out: 3,
  rolled_back: 3,
  holdback: 4,
};
const FAILED: readonly DeploymentStatus[] = ["failed_build", "failed_gate", "failed_start", "rolled_back"];

/** How far one came that was given up or overtaken: what it has tells. */
function reached(d: Deployment): number {
  if (d.rolloutId) return 3;
  if (d.gates.some((g) => g.status !== "waiting")) return 1;
  return d.release ? 1 : 0;
}

export function phasesOf(d: Deployment): Phase[] {
  const names = ["Build", "Gates", "Start", "Canary", "Holdback"];
  if (d.status === "succeeded") return names.map((name) => ({ name, state: "done" }));
  if (d.status === "unchanged") return names.map((name, i) => ({ name, state: i === 0 ? "done" : "skipped" }));
  const place = PLACE[d.status] ?? reached(d);
  const broken = FAILED.includes(d.status);
  const stopped = d.status === "aborted" || d.status === "superseded";
  return names.map((name, i) => {
    if (i < place) return { name, state: "done" };
    if (i > place) return { name, state: broken || stopped ? "skipped" : "ahead" };
    return { name, state: broken ? "failed" : stopped ? "skipped" : d.status === "queued" ? "waits" : "now" };
  });
}

const LOOKS: Record<PhaseState, { icon: typeof Minus; tone: string; word: string }> = {
  done: { icon: CircleCheck, tone: "text-good", word: "done" },
  now: { icon: CircleDot, tone: "text-accent", word: "under way" },
  waits: { icon: CircleDot, tone: "text-muted", word: "waits for its turn" },
  failed: { icon: CircleX, tone: "text-bad", word: "failed" },
  ahead: { icon: CircleDashed, tone: "text-muted", word: "ahead" },
  skipped: { icon: Minus, tone: "text-muted", word: "not reached" },
};

export function PhaseTrack({ deployment: d }: { deployment: Deployment }) {
  const phases = phasesOf(d);
  return (
    <ol className="m-0 flex list-none flex-wrap gap-y-3 p-0" aria-label="Phases">
      {phases.map((phase, i) => {
        const { icon: Icon, tone, word } = LOOKS[phase.state];
        return (
          <li key={phase.name} aria-current={phase.state === "now" ? "step" : undefined} className="min-w-24 flex-1">
            <div className="flex items-center">
              <Icon size={20} className={`shrink-0 ${tone} ${phase.state === "now" ? "breathe" : ""}`} aria-hidden />
              {i < phases.length - 1 && (
                <span
                  className={`mx-2 h-0.5 flex-1 ${phase.state === "done" ? "bg-good" : "bg-line-strong"}`}
                  aria-hidden
                />
              )}
            </div>
            <div className="mt-1.5 font-medium">{phase.name}</div>
            <div className={`text-xs ${tone}`}>{word}</div>
          </li>
        );
      })}
    </ol>
  );
}
