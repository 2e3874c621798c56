import { GATE_KINDS, type GateConfig, type GateKind, gateKind, gateTimeoutMs } from "@latchkey/api/gates";
import type { GateJudgement } from "@latchkey/core/delivery/gates/judgement";
import type { ServiceRow } from "../catalog/index.ts";
import type { DeploymentRow, GateRow } from "./deployments.store.ts";
import type { ReleaseRow } from "./releases.store.ts";

/** What a gate is asked about. */
export interface GateContext {
  readonly deployment: DeploymentRow;
  readonly service: ServiceRow;
  readonly release: ReleaseRow | null;
  /** Where the service's sources are. */
  readonly folder: string;
  /** When this gate began: the first time it was asked, for one that is pending. */
  readonly beganAtMs: number;
  readonly nowMs: number;
  /** Whether it has said before that it waits. */
  readonly wasPending: boolean;
}

/** It came to an end. */
export interface GateConclusion extends Omit<GateJudgement, "status"> {
  readonly status: GateJudgement["status"] | "timed_out";
  /** The last lines of what ran. */
  readonly output?: string;
}
/** It waits for somebody, or for something elsewhere. */
export interface GatePending {
  readonly status: "pending";
  /** What it waits for: a sentence. */
  readonly words: string;
  readonly askAgainMs: number;
  readonly details?: readonly string[];
}
export type GateOutcome = GateConclusion | GatePending;

/**
 * One kind of gate. Asked again after every restart and for as long as it is pending, so that asking twice must be asking
 * once. It never throws for what is wrong with the evidence: what can't be read could not run.
 */
export interface GateRunner {
  run(gate: GateConfig, context: GateContext): Promise<GateOutcome>;
  /** True where what it says holds for the moment only, such as a window: it is asked once all others have passed. */
  readonly isOfTheMoment?: boolean;
}
export type GateRunners = Readonly<Record<GateKind, GateRunner>>;

/** Kinds whose room is not built yet. Nothing was checked, so that nothing passes. */
export const unavailable = (what: string): GateRunner => ({
  run: async () => ({
    status: "could_not_run",
    words: `Unavailable: this version of Latchkey has no ${what} yet. Take the gate away, or make it required: false.`,
    figures: [],
    details: [],
  }),
});

/** All kinds without a room: where only some are built, they are put over these. */
export const UNAVAILABLE = Object.fromEntries(
  GATE_KINDS.map((kind) => [kind, unavailable(kind)]),
) as unknown as GateRunners;

/** The row of a gate that nobody has asked yet. */
export const waitingRow = (gate: GateConfig): GateRow => ({
  name: gate.name,
  kind: gateKind(gate),
  owner: gate.owner ?? null,
  status: "waiting",
  required: gate.required,
  startedAt: null,
  finishedAt: null,
  words: "",
  figures: [],
  details: [],
  output: "",
  waiver: null,
});

/** The gates that a deployment to this environment must pass. */
export const gatesFor = (service: ServiceRow, environment: string): readonly GateConfig[] =>
  service.config.gates.filter((gate) => gate.environments?.includes(environment) ?? true);

export const isSettled = (row: GateRow): boolean => !["waiting", "running", "pending"].includes(row.status);
/** Whether a deployment has this behind it: it may go on. */
export const lets = (row: GateRow): boolean => ["passed", "waived"].includes(row.status) || !row.required;

/** Some gate is to be run, not only waited for: it takes a build's place. */
export const hasWork = (rows: readonly GateRow[]): boolean =>
  !rows.some(({ status }) => status === "pending") ||
  rows.some(({ status }) => status === "waiting" || status === "running");

export const outOfTime = (gate: GateConfig): GateConclusion => ({
  status: "timed_out",
  words: `It did not end within ${spanOf(gateTimeoutMs(gate))}.`,
  figures: [],
  details: [],
});

/** "90 s", "2 hours", "7 days". */
export function spanOf(ms: number): string {
  const [n, unit] =
    ms < 7_200_000 ? [ms / 1_000, "s"] : ms < 172_800_000 ? [ms / 3_600_000, "hours"] : [ms / 86_400_000, "days"];
  return `${Math.round(n * 10) / 10} ${unit}`;
}
