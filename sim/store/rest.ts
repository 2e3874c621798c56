import type * as approvals from "../../apps/server/src/catalog/approvals.store.ts";
import type * as freezes from "../../apps/server/src/catalog/freezes.store.ts";
import type * as services from "../../apps/server/src/catalog/services.store.ts";
import type { EnvironmentRow, ServiceRow } from "../../apps/server/src/catalog/services.store.ts";
import type { DeploymentRow } from "../../apps/server/src/delivery/deployments.store.ts";
import type * as pauses from "../../apps/server/src/delivery/pauses.store.ts";
import type { PauseRow } from "../../apps/server/src/delivery/pauses.store.ts";
import type * as previews from "../../apps/server/src/delivery/pull-previews.store.ts";
import type * as routing from "../../apps/server/src/delivery/routing.view.ts";
import type * as ledger from "../../apps/server/src/ledger/ledger.store.ts";
import type { EntryRow, NewEntry, Tree } from "../../apps/server/src/ledger/ledger.store.ts";
import type * as leases from "../../apps/server/src/platform/leases.ts";
import type * as access from "../../apps/server/src/security/access.store.ts";
import type { AnswersOf } from "./answer.ts";

/** The other rooms' stores in memory, as far as delivery stands on them. */
const environmentKey = (project: string, service: string, name: string) => `${project}/${service}/${name}`;
interface Routing {
  readonly epoch: number;
  readonly n: number;
}

/** Nobody freezes anything in these worlds, nor is anybody asked. */
export const freezeAnswers = { freezeOf: () => null } satisfies AnswersOf<typeof freezes>;
export const approvalAnswers = { withdrawOf: () => [] } satisfies AnswersOf<typeof approvals>;
/** No world has pull requests. */
export const previewAnswers = { listPullPreviews: () => [] } satisfies AnswersOf<typeof previews>;
export const pauseAnswers = {
  findPause: (s, project, service, environment) =>
    s.get<PauseRow>("deployment_pause", environmentKey(project, service, environment)),
} satisfies AnswersOf<typeof pauses>;

export const catalogAnswers = {
  findService: (s, project, name) => s.get<ServiceRow>("service", `${project}/${name}`),
  allServices: (s) =>
    s.all<ServiceRow>("service").sort((a, b) => (`${a.project}/${a.name}` < `${b.project}/${b.name}` ? -1 : 1)),
  saveService: async (s, row) => {
    await s.lock("service", `${row.project}/${row.name}`);
    s.set("service", `${row.project}/${row.name}`, { ...row, manager: "file" });
    for (const name of row.config.environments) {
      const key = environmentKey(row.project, row.name, name);
      if (s.get("environment", key)) continue;
      const made: EnvironmentRow = {
        project: row.project,
        service: row.name,
        name,
        epoch: 1,
        generation: 0,
        serving_release_id: null,
        serving_deployment_id: null,
      };
      s.set("environment", key, made);
    }
  },
  environmentsOf: (s, project, service) =>
    s
      .all<EnvironmentRow>("environment")
      .filter((e) => e.project === project && e.service === service)
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  servingEnvironments: (s) =>
    s
      .all<EnvironmentRow>("environment")
      .filter((e) => e.serving_release_id !== null)
      .sort((a, b) =>
        environmentKey(a.project, a.service, a.name) < environmentKey(b.project, b.service, b.name) ? -1 : 1,
      ),
  findEnvironment: (s, project, service, name) =>
    s.get<EnvironmentRow>("environment", environmentKey(project, service, name)),
  lockEnvironment: async (s, project, service, name) => {
    const key = environmentKey(project, service, name);
    await s.lock("environment", key);
    return s.get<EnvironmentRow>("environment", key);
  },
  raiseEpoch: async (s, beyond) => {
    await s.lock("routing_generation", "");
    const before = s.get<Routing>("routing_generation", "") ?? { epoch: 1, n: 0 };
    const minutes = Math.floor((s.tables.now().getTime() - Date.UTC(2025, 0, 1)) / 60_000);
    const generation = { epoch: Math.max(before.epoch + 1, beyond + 1, minutes), n: before.n };
    s.set("routing_generation", "", generation);
    for (const row of s.all<EnvironmentRow>("environment")) {
      const key = environmentKey(row.project, row.service, row.name);
      await s.lock("environment", key);
      s.set("environment", key, { ...(s.get<EnvironmentRow>("environment", key) ?? row), epoch: generation.epoch });
    }
    return generation;
  },
  takeGeneration: async (s, place, serving) => {
    await s.lock("routing_generation", "");
    const before = s.get<Routing>("routing_generation", "") ?? { epoch: 1, n: 0 };
    const generation = { epoch: before.epoch, n: before.n + 1 };
    s.set("routing_generation", "", generation);
    const key = environmentKey(place.project, place.service, place.name);
    await s.lock("environment", key);
    const row = s.get<EnvironmentRow>("environment", key);
    const served = serving
      ? { serving_release_id: serving.releaseId, serving_deployment_id: serving.deploymentId }
      : {};
    if (row) s.set("environment", key, { ...row, epoch: generation.epoch, generation: generation.n, ...served });
    return generation;
  },
} satisfies AnswersOf<typeof services>;

export const routingAnswers = {
  currentGeneration: (s) => s.get<Routing>("routing_generation", "") ?? { epoch: 1, n: 0 },
  recentReleases: (s, service, environment) => {
    const dayAgo = s.tables.now().getTime() - 24 * 3_600_000;
    const newest = new Map<string, string>();
    for (const d of s.all<DeploymentRow>("deployment")) {
      if (d.service !== service || d.environment !== environment || !d.release_id || !d.rollout_id) continue;
      if (d.finished_at !== null && d.finished_at.getTime() <= dayAgo) continue;
      if ((newest.get(d.release_id) ?? "") < d.id) newest.set(d.release_id, d.id);
    }
    return [...newest]
      .sort(([, a], [, b]) => (a < b ? 1 : -1))
      .slice(0, 20)
      .map(([id]) => id);
  },
} satisfies AnswersOf<typeof routing>;

interface Outbox {
  readonly id: string;
  readonly envelope: string;
  readonly written_at: Date;
  readonly position: string;
}
const EMPTY: Tree = { size: 0, peaks: [] };

export const ledgerAnswers = {
  writeOutbox: (s, id, envelope) => {
    const position = String(s.tables.nextPosition());
    const row: Outbox = { id, envelope, written_at: s.tables.now(), position };
    s.set("ledger_outbox", id, row);
  },
  drainOutbox: async (s, limit) => {
    await s.lock("ledger_tree", "");
    const tree = s.get<Tree>("ledger_tree", "") ?? EMPTY;
    const taken = s
      .all<Outbox>("ledger_outbox")
      .sort((a, b) => Number(a.position) - Number(b.position))
      .slice(0, limit);
    for (const { id } of taken) s.set("ledger_outbox", id, null);
    return {
      tree,
      lowestLevel: 4,
      taken: taken.map(({ id, envelope, written_at }) => ({ id, envelope, written_at })),
    };
  },
  outboxIsEmpty: (s) => s.all("ledger_outbox").length === 0,
  readTree: (s) => s.get<Tree>("ledger_tree", "") ?? EMPTY,
  appendEntries: (s, entries, _nodes, tree) => {
    for (const entry of entries) {
      s.set("ledger_entry", String(entry.sequence), entry);
      s.set("ledger_entry_id", entry.id, { sequence: entry.sequence });
    }
    s.set("ledger_tree", "", { size: tree.size, peaks: [...tree.peaks] });
  },
  allEntriesAfter: (s, after, limit) => {
    const rows: EntryRow[] = [];
    while (rows.length < limit) {
      const row = s.get<NewEntry>("ledger_entry", String(after + 1 + rows.length));
      if (!row) break;
      rows.push({ sequence: row.sequence, canonical: row.canonical, leaf_hash: Buffer.from(row.leafHash) });
    }
    return rows;
  },
  sequencesOf: (s, ids) => {
    const found = new Map<string, number>();
    for (const id of ids) {
      const row = s.get<{ sequence: number }>("ledger_entry_id", id);
      if (row) found.set(id, row.sequence);
    }
    return found;
  },
} satisfies AnswersOf<typeof ledger>;

interface LeaseRow {
  readonly owner: string;
  readonly fence: number;
  readonly expiresMs: number;
  readonly vacantMs: number;
}

export const leaseAnswers = {
  claim: async (s, name, owner, ttlMs, anew = false) => {
    await s.lock("lease", name);
    const nowMs = s.tables.now().getTime();
    const row = s.get<LeaseRow>("lease", name);
    if (row && row.owner !== owner && row.expiresMs > nowMs) return null;
    const kept = row !== null && row.owner === owner && row.expiresMs > nowMs && !anew;
    const fence = row === null ? 1 : kept ? row.fence : row.fence + 1;
    const vacantMs = row === null ? 0 : kept ? row.vacantMs : row.vacantMs + Math.max(0, nowMs - row.expiresMs);
    const made: LeaseRow = { owner, fence, expiresMs: nowMs + ttlMs, vacantMs };
    s.set("lease", name, made);
    return fence;
  },
  holdsFence: async (s, name, owner, fence) => {
    await s.lock("lease", name);
    const row = s.get<LeaseRow>("lease", name);
    return row?.owner === owner && row.fence === fence;
  },
  vacantBefore: (s, name, fence) => {
    const row = s.get<LeaseRow>("lease", name);
    return row?.fence === fence ? row.vacantMs : 0;
  },
  noteWatched: async (s, name, owner, fence) => {
    await s.lock("lease", name);
    const row = s.get<LeaseRow>("lease", name);
    if (row?.owner === owner && row.fence === fence) s.set("lease", name, { ...row, vacantMs: 0 });
  },
  giveUp: async (s, name, owner) => {
    await s.lock("lease", name);
    const row = s.get<LeaseRow>("lease", name);
    if (row?.owner === owner) s.set("lease", name, { ...row, expiresMs: s.tables.now().getTime() });
  },
} satisfies AnswersOf<typeof leases>;

interface AnswerRow {
  readonly body_sha256: string;
  readonly status: number | null;
  readonly answer: string | null;
  readonly reference: string | null;
  readonly server: string | null;
  readonly createdMs: number;
}
const DAY_MS = 24 * 3_600_000;
const STUCK_MS = 60_000;

export const accessAnswers = {
  beginAnswer: async (s, actor, route, key, bodySha256, server) => {
    const id = [actor, route, key].join("\n");
    await s.lock("idempotent_answer", id);
    const row = s.get<AnswerRow>("idempotent_answer", id);
    const age = s.tables.now().getTime() - (row?.createdMs ?? 0);
    const isStuck = row !== null && row.status === null && row.reference === null && age > STUCK_MS;
    if (row && age <= DAY_MS && !isStuck) return row;
    const made: AnswerRow = {
      body_sha256: bodySha256,
      status: null,
      answer: null,
      reference: null,
      server,
      createdMs: s.tables.now().getTime(),
    };
    s.set("idempotent_answer", id, made);
    return null;
  },
  rememberAnswer: async (s, actor, route, key, reference) => {
    const id = [actor, route, key].join("\n");
    await s.lock("idempotent_answer", id);
    const row = s.get<AnswerRow>("idempotent_answer", id);
    if (!row || row.reference !== null) return false;
    s.set("idempotent_answer", id, { ...row, reference });
    return true;
  },
  finishAnswer: async (s, actor, route, key, status, answer) => {
    const id = [actor, route, key].join("\n");
    await s.lock("idempotent_answer", id);
    const row = s.get<AnswerRow>("idempotent_answer", id);
    if (row) s.set("idempotent_answer", id, { ...row, status, answer });
  },
  forgetAnswer: async (s, actor, route, key, server) => {
    const id = [actor, route, key].join("\n");
    await s.lock("idempotent_answer", id);
    const row = s.get<AnswerRow>("idempotent_answer", id);
    if (row?.server === server && row.status === null && row.reference === null) s.set("idempotent_answer", id, null);
  },
} satisfies AnswersOf<typeof access>;
