import type { ArmCounter } from "@latchkey/api/gateway";
import { type HalvedMinute, SPLIT_MINUTES } from "@latchkey/core/analysis/dispersion";
import { compareGenerations } from "@latchkey/core/delivery/generation";
import type { Run } from "@latchkey/core/delivery/ports";
import { type Histogram, mergeHistograms } from "@latchkey/core/shared/histogram";
import type * as deployments from "../../apps/server/src/delivery/deployments.store.ts";
import { type DeploymentRow, ENDED } from "../../apps/server/src/delivery/deployments.store.ts";
import type * as gateways from "../../apps/server/src/delivery/gateways.store.ts";
import { type Counter, GATEWAY_LIVE_MS, type GatewayRow } from "../../apps/server/src/delivery/gateways.store.ts";
import type * as minutes from "../../apps/server/src/delivery/minutes.store.ts";
import { growthInMinute, type MinuteGrowth } from "../../apps/server/src/delivery/minutes.store.ts";
import type * as processes from "../../apps/server/src/delivery/processes.store.ts";
import type { ProcessRow } from "../../apps/server/src/delivery/processes.store.ts";
import type * as releases from "../../apps/server/src/delivery/releases.store.ts";
import type { ReleaseRow } from "../../apps/server/src/delivery/releases.store.ts";
import type * as rollouts from "../../apps/server/src/delivery/rollouts.store.ts";
import type { DecisionRow, RolloutRow, StepRow } from "../../apps/server/src/delivery/rollouts.store.ts";
import type * as slices from "../../apps/server/src/delivery/slices.store.ts";
import {
  growthInSlice,
  SLICE_SECONDS,
  SLICES_KEPT,
  type SliceGrowth,
  slicesOf,
} from "../../apps/server/src/delivery/slices.store.ts";
import type { AnswersOf } from "./answer.ts";
import { type Session, sqlError } from "./tables.ts";

/** The delivery room's stores in memory. */
const byId = (a: { readonly id: string }, b: { readonly id: string }): number => (a.id < b.id ? -1 : 1);
const placeOf = (r: { project: string; service: string; environment: string }) =>
  `${r.project}/${r.service}/${r.environment}`;

/** Rows of a table whose keys are `<owner>/<n>`, in order. */
function numbered<T extends object>(session: Session, table: string, owner: string): T[] {
  const rows: T[] = [];
  for (;;) {
    const row = session.get<T>(table, `${owner}/${rows.length}`);
    if (!row) return rows;
    rows.push(row);
  }
}

/** What stands still is not written again, as in SQL. */
const standsStill = (known: StoredCounter, c: ArmCounter): boolean =>
  known.requests === c.requests &&
  known.errors === c.errors &&
  known.pageViews === c.pageViews &&
  known.pageErrors === c.pageErrors &&
  JSON.stringify(known.events ?? null) === JSON.stringify(c.events ?? null);

export const rolloutAnswers = {
  insertRollout: async (s, row) => {
    await s.lock("rollout_active", placeOf(row));
    const taken = s.all<RolloutRow>("rollout").some((r) => r.finished_at === null && placeOf(r) === placeOf(row));
    if (taken) throw sqlError("23505", 'duplicate key value violates unique constraint "rollout_one_active"');
    const made: RolloutRow = {
      ...row,
      first_machine: row.machine,
      report: null,
      shares: {},
      taken: {},
      metric_anchors: {},
      restarts_seen: {},
      step_count: 0,
      evidence_sha256: "",
      started_at: new Date(row.machine.createdAtMs),
      finished_at: null,
      time_at_ms: row.machine.createdAtMs,
      time_seen_ms: row.machine.createdAtMs,
    };
    s.set("rollout", row.id, made);
  },
  findRollout: (s, id) => s.get<RolloutRow>("rollout", id),
  findWholeRollout: (s, id) => s.get<RolloutRow>("rollout", id),
  lockRollout: async (s, id) => {
    await s.lock("rollout", id);
    return s.get<RolloutRow>("rollout", id);
  },
  activeRollouts: (s) =>
    s
      .all<RolloutRow>("rollout")
      .filter((r) => r.finished_at === null)
      .sort(byId),
  findActiveRollout: (s, project, service, environment) =>
    s
      .all<RolloutRow>("rollout")
      .find((r) => r.finished_at === null && placeOf(r) === placeOf({ project, service, environment })) ?? null,
  updateRollout: async (s, id, row) => {
    await s.lock("rollout", id);
    const known = s.get<RolloutRow>("rollout", id);
    if (known) s.set("rollout", id, { ...known, ...row });
  },
  judgedTimes: (s, project, service, environment, limit) => {
    const ends = ["holdback", "completed", "rolled_back"];
    return s
      .all<RolloutRow>("rollout")
      .filter((r) => placeOf(r) === placeOf({ project, service, environment }))
      .filter((r) => r.baseline_release_id !== null && ends.includes(r.machine.state))
      .sort((a, b) => b.started_at.getTime() - a.started_at.getTime() || byId(b, a))
      .slice(0, limit)
      .flatMap((r) => {
        const decisions = numbered<DecisionRow>(s, "rollout_decision", r.id);
        const end = decisions.find((d) => ends.includes(d.decision.toState));
        return end ? [end.at.getTime() - r.started_at.getTime()] : [];
      });
  },
  moveToEpoch: async (s, epoch) => {
    for (const { id } of s.all<RolloutRow>("rollout").filter((r) => r.finished_at === null)) {
      await s.lock("rollout", id);
      const row = s.get<RolloutRow>("rollout", id);
      if (row && row.finished_at === null) s.set("rollout", id, { ...row, generation_epoch: epoch });
    }
  },
  insertStep: (s, rolloutId, row) => {
    if (s.get("rollout_step", `${rolloutId}/${row.n}`)) throw sqlError("23505", "duplicate step");
    s.set("rollout_step", `${rolloutId}/${row.n}`, row);
  },
  recordedSteps: (s, rolloutId) =>
    numbered<StepRow>(s, "rollout_step", rolloutId).map(({ recorded }, i, all) => ({
      text: recorded,
      recorded: JSON.parse(recorded),
      told: all.slice(i + 1).some((later) => later.recorded.includes('"kind":"judge_changed"'))
        ? (all[i]?.summary ?? null)
        : null,
    })),
  insertDecision: (s, rolloutId, row) => {
    if (s.get("rollout_decision", `${rolloutId}/${row.n}`)) throw sqlError("23505", "duplicate decision");
    s.set("rollout_decision", `${rolloutId}/${row.n}`, row);
  },
  countDecisions: (s, rolloutId) => numbered(s, "rollout_decision", rolloutId).length,
  decisionsOf: (s, rolloutId) => numbered<DecisionRow>(s, "rollout_decision", rolloutId),
} satisfies AnswersOf<typeof rollouts>;

export const deploymentAnswers = {
  insertDeployment: (s, row) => {
    const made: DeploymentRow = {
      ...row,
      created_at: s.tables.now(),
      finished_at: null,
      previous_release_id: null,
      rollout_id: null,
      build_output: "",
      changes: [],
      carrier_id: null,
      freeze_override: row.freeze_override ?? null,
      window_override: row.window_override ?? null,
      splits_id: row.splits_id ?? null,
      after_id: row.after_id ?? null,
      carries: row.carries ?? [],
      source: row.source ?? null,
      rollback: row.rollback ?? null,
      by_machine: row.by_machine ?? false,
      promoted_from: row.promoted_from ?? null,
    };
    s.set("deployment", row.id, made);
  },
  findDeployment: (s, id) => s.get<DeploymentRow>("deployment", id),
  activeDeployments: (s) =>
    s
      .all<DeploymentRow>("deployment")
      .filter((d) => d.finished_at === null)
      .sort(byId),
  splitsOf: (s, id) =>
    s
      .all<DeploymentRow>("deployment")
      .filter((d) => d.splits_id === id)
      .sort(byId),
  askedTimes: (s, project, service, environment, limit) =>
    s
      .all<DeploymentRow>("deployment")
      .filter((d) => placeOf(d) === placeOf({ project, service, environment }))
      .map((d) => d.created_at)
      .sort((a, b) => b.getTime() - a.getTime())
      .slice(0, limit),
  lockPhase: async (s, id, phase) => {
    const matches = () => {
      const row = s.get<DeploymentRow>("deployment", id);
      return row !== null && row.status === phase && row.finished_at === null;
    };
    if (!matches()) return false;
    await s.lock("deployment", id);
    return matches();
  },
  updateDeployment: async (s, id, set) => {
    await s.lock("deployment", id);
    const row = s.get<DeploymentRow>("deployment", id);
    if (!row) return;
    // A copy: the caller goes on changing what it gave.
    const given = structuredClone(
      Object.fromEntries(Object.entries(set).filter(([, value]) => value !== undefined && value !== null)),
    );
    const ended = set.status !== undefined && ENDED.includes(set.status);
    const finished_at = ended ? (row.finished_at ?? s.tables.now()) : row.finished_at;
    s.set("deployment", id, { ...row, ...given, finished_at });
  },
} satisfies AnswersOf<typeof deployments>;

export const releaseAnswers = {
  findRelease: (s, id) => s.get<ReleaseRow>("release", id),
  findReleases: (s, ids) => {
    const found = new Map<string, ReleaseRow>();
    for (const id of ids) {
      const row = id === null ? null : s.get<ReleaseRow>("release", id);
      if (row) found.set(row.id, row);
    }
    return found;
  },
  findReleaseByDigest: (s, project, service, digest) =>
    s.all<ReleaseRow>("release").find((r) => r.project === project && r.service === service && r.digest === digest) ??
    null,
  insertRelease: async (s, { sizeBytes, files: _, ...release }) => {
    await s.lock("service", `${release.project}/${release.service}`);
    const others = s
      .all<ReleaseRow>("release")
      .filter((r) => r.project === release.project && r.service === release.service);
    const known = others.find((r) => r.digest === release.digest);
    if (known) return known;
    const number = Math.max(0, ...others.map((r) => r.number)) + 1;
    const row: ReleaseRow = { ...release, number, created_at: s.tables.now(), size_bytes: String(sizeBytes) };
    s.set("release", row.id, row);
    return row;
  },
} satisfies AnswersOf<typeof releases>;

interface StoredGateway extends GatewayRow {
  readonly report_sequence: number;
}
interface StoredCounter extends Counter {
  readonly service: string;
  readonly environment: string;
  readonly halfErrors?: number;
  readonly halfUnitErrors?: number;
  readonly halfPageErrors?: number;
  readonly halfUnitPageErrors?: number;
  readonly halfLatency?: Histogram;
}
interface StoredSlice extends SliceGrowth {
  readonly gateway: string;
  readonly slice: number;
}
interface StoredMinute extends MinuteGrowth {
  readonly gateway: string;
  readonly minute: number;
}
const MINUTE_MS = 60_000;
const minuteOf = (s: Session): number => Math.floor(s.tables.now().getTime() / MINUTE_MS);

function addToMinute(s: Session, gateway: string, growth: readonly MinuteGrowth[]): void {
  const minute = minuteOf(s);
  for (const g of growth) {
    const key = [g.service, g.environment, g.releaseId, minute, gateway].join("/");
    const known = s.get<StoredMinute>("arm_minute", key);
    const half = (a: number | null, b: number | null | undefined) => (a === null || b === null ? null : a + (b ?? 0));
    s.set("arm_minute", key, {
      ...g,
      ...{ gateway, minute },
      requests: g.requests + (known?.requests ?? 0),
      errors: g.errors + (known?.errors ?? 0),
      unitErrors: g.unitErrors + (known?.unitErrors ?? 0),
      pageViews: g.pageViews + (known?.pageViews ?? 0),
      pageErrors: g.pageErrors + (known?.pageErrors ?? 0),
      halfErrors: half(g.halfErrors, known?.halfErrors),
      halfUnitErrors: half(g.halfUnitErrors, known?.halfUnitErrors),
      unitPageErrors: half(g.unitPageErrors, known?.unitPageErrors),
      halfPageErrors: half(g.halfPageErrors, known?.halfPageErrors),
      halfUnitPageErrors: half(g.halfUnitPageErrors, known?.halfUnitPageErrors),
    });
  }
}

const sliceOf = (s: Session): number => Math.floor(s.tables.now().getTime() / (SLICE_SECONDS * 1_000));

function addToSlice(s: Session, gateway: string, growth: readonly SliceGrowth[]): void {
  const slice = sliceOf(s);
  for (const g of growth) {
    const key = [g.service, g.environment, g.releaseId, gateway, slice % SLICES_KEPT].join("/");
    const found = s.get<StoredSlice>("arm_slice", key);
    const known = found?.slice === slice ? found : null;
    const [a, b] = [g.halfLatency, known ? known.halfLatency : {}];
    s.set("arm_slice", key, {
      ...g,
      ...{ gateway, slice },
      latency: mergeHistograms(g.latency, known?.latency ?? {}),
      halfLatency: a === null || b === null ? null : mergeHistograms(a, b),
    });
  }
}
const isLive = (s: Session, g: GatewayRow) => g.seen_at.getTime() > s.tables.now().getTime() - GATEWAY_LIVE_MS;

export const gatewayAnswers = {
  seeGateway: async (s, id, boot, applied) => {
    await s.lock("gateway", id);
    const row = s.get<StoredGateway>("gateway", id);
    const before = row && { epoch: row.applied_epoch, n: row.applied_n };
    if (row && before && row.boot === boot && compareGenerations(before, applied) > 0) return;
    const made: StoredGateway = {
      id,
      boot,
      applied_epoch: applied.epoch,
      applied_n: applied.n,
      seen_at: s.tables.now(),
      report_sequence: row?.boot === boot ? row.report_sequence : 0,
      clock_ahead_ms: row?.clock_ahead_ms ?? 0,
    };
    s.set("gateway", id, made);
  },
  liveGateways: (s) =>
    s
      .all<StoredGateway>("gateway")
      .filter((g) => isLive(s, g))
      .sort((a, b) => (a.id < b.id ? -1 : 1)),
  saveReport: async (s, report) => {
    await s.lock("gateway", report.gateway);
    const row = s.get<StoredGateway>("gateway", report.gateway);
    if (row && row.boot === report.boot && row.report_sequence >= report.sequence) return false;
    const made: StoredGateway = {
      id: report.gateway,
      boot: report.boot,
      applied_epoch: report.applied.epoch,
      applied_n: report.applied.n,
      seen_at: s.tables.now(),
      report_sequence: report.sequence,
      clock_ahead_ms: Date.parse(report.at) - s.tables.now().getTime(),
    };
    s.set("gateway", report.gateway, made);
    const grown: { now: ArmCounter; before: StoredCounter | null }[] = [];
    for (const c of report.counters) {
      const { epoch, n } = c.generation;
      const key = [report.gateway, report.boot, epoch, n, c.releaseId, c.routeClass].join("/");
      const place = `${c.service}/${c.environment}/${key}`;
      const known = s.get<StoredCounter>("arm_counter", place);
      if (known && (known.requests > c.requests || standsStill(known, c))) continue;
      grown.push({ now: c, before: known });
      const { service, environment, releaseId, routeClass, generation, users } = c;
      const { unitErrors, unitPageErrors, halfErrors, halfUnitErrors, halfPageErrors, halfUnitPageErrors } = c;
      const counts = { requests: c.requests, errors: c.errors, latency: c.latency };
      const pages = { pageViews: c.pageViews, pageErrors: c.pageErrors };
      const counter: StoredCounter = {
        ...{ key, service, environment, releaseId, routeClass, generation, users },
        ...counts,
        ...pages,
        ...(unitErrors === undefined ? {} : { unitErrors }),
        ...(unitPageErrors === undefined ? {} : { unitPageErrors }),
        ...(halfErrors === undefined ? {} : { halfErrors }),
        ...(halfUnitErrors === undefined ? {} : { halfUnitErrors }),
        ...(halfPageErrors === undefined ? {} : { halfPageErrors }),
        ...(halfUnitPageErrors === undefined ? {} : { halfUnitPageErrors }),
        ...(c.halfLatency === undefined ? {} : { halfLatency: c.halfLatency }),
        events: c.events ?? null,
      };
      s.set("arm_counter", place, counter);
    }
    addToMinute(s, report.gateway, growthInMinute(grown));
    addToSlice(s, report.gateway, growthInSlice(grown));
    return true;
  },
  countersSince: (s, service, environment, from, before = null) =>
    s
      .all<StoredCounter>("arm_counter")
      .filter(
        (c) =>
          c.service === service &&
          c.environment === environment &&
          compareGenerations(c.generation, from) >= 0 &&
          (before === null || compareGenerations(c.generation, before) < 0),
      )
      .sort((a, b) => (a.key < b.key ? -1 : 1)),
} satisfies AnswersOf<typeof gateways>;

export const sliceAnswers = {
  halvedSlices: (s, service, environment, releaseId) =>
    slicesOf(
      s
        .all<StoredSlice>("arm_slice")
        .filter((r) => r.service === service && r.environment === environment && r.releaseId === releaseId)
        .filter((r) => r.slice > sliceOf(s) - SLICES_KEPT)
        .sort((a, b) => a.slice - b.slice || (a.gateway < b.gateway ? -1 : 1)),
    ),
} satisfies AnswersOf<typeof slices>;

type Pages = Omit<HalvedMinute, "pages">;
function pagesOf(m: StoredMinute, sum: Pages | null | undefined): Pages | null {
  const { pageErrors, unitPageErrors, halfPageErrors, halfUnitPageErrors } = m;
  if (unitPageErrors === null || halfPageErrors === null || halfUnitPageErrors === null || sum === null) return null;
  return {
    errors: pageErrors + (sum?.errors ?? 0),
    unitErrors: unitPageErrors + (sum?.unitErrors ?? 0),
    halfErrors: halfPageErrors + (sum?.halfErrors ?? 0),
    halfUnitErrors: halfUnitPageErrors + (sum?.halfUnitErrors ?? 0),
  };
}

export const minuteAnswers = {
  halvedMinutes: (s, service, environment, releaseId) => {
    const since = s.tables.now().getTime() - SPLIT_MINUTES * MINUTE_MS;
    const sums = new Map<number, HalvedMinute>();
    const rows = s.all<StoredMinute>("arm_minute").filter((m) => m.minute * MINUTE_MS > since);
    for (const m of rows.sort((a, b) => a.minute - b.minute)) {
      if (m.service !== service || m.environment !== environment || m.releaseId !== releaseId) continue;
      if (m.halfErrors === null || m.halfUnitErrors === null) continue;
      const sum = sums.get(m.minute);
      sums.set(m.minute, {
        errors: m.errors + (sum?.errors ?? 0),
        unitErrors: m.unitErrors + (sum?.unitErrors ?? 0),
        halfErrors: m.halfErrors + (sum?.halfErrors ?? 0),
        halfUnitErrors: m.halfUnitErrors + (sum?.halfUnitErrors ?? 0),
        pages: pagesOf(m, sum?.pages),
      });
    }
    return [...sums.values()];
  },
} satisfies AnswersOf<typeof minutes>;

const runKey = ({ releaseId, environment }: Run): string => `${releaseId} ${environment}`;
const keyOfRow = ({ release_id, spec }: Pick<ProcessRow, "release_id" | "spec">): string =>
  runKey({ releaseId: release_id, environment: spec.environment });

export const processAnswers = {
  findProcess: (s, run) => s.get<ProcessRow>("release_process", runKey(run)),
  listProcesses: (s) => s.all<ProcessRow>("release_process").sort((a, b) => (keyOfRow(a) < keyOfRow(b) ? -1 : 1)),
  saveProcess: async (s, row, known) => {
    const key = keyOfRow(row);
    await s.lock("release_process", key);
    const now = s.get<ProcessRow>("release_process", key);
    const is = (other: Pick<ProcessRow, "pid" | "pid_started" | "machine"> | null) =>
      now?.pid === (other?.pid ?? null) &&
      now.pid_started === (other?.pid_started ?? null) &&
      now.machine === (other?.machine ?? null);
    if (now && !is(known) && !is(row)) return false;
    s.set("release_process", key, { ...row, environment: row.spec.environment, retire_at: now?.retire_at ?? null });
    return true;
  },
  setRetirement: async (s, run, at) => {
    const key = runKey(run);
    await s.lock("release_process", key);
    const known = s.get<ProcessRow>("release_process", key);
    if (known) s.set("release_process", key, { ...known, retire_at: at });
  },
  deleteProcess: async (s, run) => {
    await s.lock("release_process", runKey(run));
    s.set("release_process", runKey(run), null);
  },
} satisfies AnswersOf<typeof processes>;
