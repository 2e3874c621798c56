import {
  Ban,
  CircleAlert,
  CircleCheck,
  CircleDashed,
  CircleDot,
  CirclePause,
  CircleX,
  Equal,
  Undo2,
} from "lucide-react";
import type { ReactNode } from "react";
import type { DeploymentStatus, Gate, RolloutState, Verdict } from "../api/types.ts";
import { sentence, spaced } from "./format.ts";

export type Tone = "good" | "bad" | "warn" | "live" | "calm";

const TONES: Record<Tone, string> = {
  good: "bg-good-soft text-good",
  bad: "bg-bad-soft text-bad",
  warn: "bg-warn-soft text-warn",
  live: "bg-accent-soft text-accent",
  calm: "bg-sunken text-soft",
};

export function Badge({ tone, icon, children }: { tone: Tone; icon?: ReactNode; children: ReactNode }) {
  return (
    <span
      className={`inline-flex h-5.5 shrink-0 items-center gap-1 rounded-full px-2 text-xs font-medium whitespace-nowrap ${TONES[tone]}`}
    >
      {icon}
      {children}
    </span>
  );
}

type State = DeploymentStatus | RolloutState | Gate["status"];

const TONE_OF: Record<State, Tone> = {
  building: "live",
  gating: "live",
  queued: "calm",
  starting: "live",
  rolling_out: "live",
  holdback: "live",
  succeeded: "good",
  rolled_back: "bad",
  failed_build: "bad",
  failed_gate: "bad",
  failed_start: "bad",
  aborted: "warn",
  superseded: "calm",
  unchanged: "calm",
  progressing: "live",
  paused: "warn",
  promoting: "live",
  rolling_back: "bad",
  completed: "good",
  failed: "bad",
  waiting: "calm",
  running: "live",
  passed: "good",
  timed_out: "bad",
  could_not_run: "bad",
  pending: "warn",
  waived: "warn",
};

/** Shape as well as colour says how it stands. */
function iconOf(state: State): ReactNode {
  const props = { size: 12, "aria-hidden": true, strokeWidth: 2.25 } as const;
  if (state === "rolled_back" || state === "rolling_back") return <Undo2 {...props} />;
  if (state === "paused") return <CirclePause {...props} />;
  if (state === "aborted") return <Ban {...props} />;
  if (state === "unchanged") return <Equal {...props} />;
  const tone = TONE_OF[state];
  if (tone === "good") return <CircleCheck {...props} />;
  if (tone === "bad") return <CircleX {...props} />;
  if (tone === "live") return <CircleDot {...props} className="breathe" />;
  return <CircleDashed {...props} />;
}

export function StateBadge({ state }: { state: State }) {
  return (
    <Badge tone={TONE_OF[state]} icon={iconOf(state)}>
      {sentence(spaced(state))}
    </Badge>
  );
}

export function VerdictBadge({ verdict }: { verdict: Verdict }) {
  if (verdict === "FAIL")
    return (
      <Badge tone="bad" icon={<CircleX size={12} aria-hidden />}>
        Harm shown
      </Badge>
    );
  if (verdict === "PASS")
    return (
      <Badge tone="good" icon={<CircleCheck size={12} aria-hidden />}>
        Proved safe
      </Badge>
    );
  return (
    <Badge tone="calm" icon={<CircleDashed size={12} aria-hidden />}>
      Not decided yet
    </Badge>
  );
}

/** A release that is a rehearsal says so wherever it is named. */
export function FaultBadge({ fault }: { fault: string | null }) {
  if (fault === null) return null;
  return (
    <Badge tone="warn" icon={<CircleAlert size={12} aria-hidden />}>
      {fault === "none" ? "healthy rehearsal" : `rehearsal: ${fault}`}
    </Badge>
  );
}
