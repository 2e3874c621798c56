import { createHash } from "node:crypto";
import type {
  CheckReport,
  CommentReport,
  DeploymentReport,
  GithubRefusal,
  GithubTelling,
  StatusReport,
} from "@latchkey/core/delivery/github/ports";
import { reportsOf } from "@latchkey/core/delivery/github/reports";
import { deploymentsOfPreview, previewIsGone } from "@latchkey/core/delivery/preview";
import { canonicalJson } from "@latchkey/core/shared/canonical-json";
import type { Result } from "@latchkey/core/shared/result";
import type { Logger } from "pino";
import { allServices, productionOf, type ServiceRow } from "../catalog/index.ts";
import type { Transactions } from "../platform/database.ts";
import type { Lease } from "../platform/leases.ts";
import {
  dueReports,
  forgetToldPreviews,
  type ReportedDeployment,
  type ReportKind,
  type ReportRow,
  reportedDeployments,
  reportFailed,
  reportTold,
  toldPreviews,
  wishReports,
} from "./github-reports.store.ts";
import { listPullPreviews } from "./pull-previews.store.ts";
import { addressOfPreview } from "./pull-previews.view.ts";

/** In one round, one after the other: GitHub asks for no more than that of writes. */
const AT_ONCE = 20;
const WAIT_FIRST_MS = 2_000;
const WAIT_MAX_MS = 15 * 60_000;

export interface ReportsOptions {
  readonly database: Transactions;
  readonly log: Logger;
  readonly lease: Pick<Lease, "fence" | "guards">;
  readonly telling: GithubTelling;
  readonly hasToken: () => Promise<boolean>;
  /** Address of the console. */
  readonly consoleUrl: string;
  readonly gatewayUrl: string;
}

/**
 * Tells GitHub how deployments do. What it should show is written first, and told after: a deployment never waits for GitHub,
 * and what could not be told is told later, as it is then.
 */
export class ReportsController {
  readonly #o: ReportsOptions;

  constructor(options: ReportsOptions) {
    this.#o = options;
  }

  async tick(): Promise<boolean> {
    const { database, lease } = this.#o;
    const fence = lease.fence();
    if (fence === null || !(await this.#o.hasToken())) return false;
    const services = await allServices(database.db);
    for (const service of services) if (service.config.github) await this.#wish(service, fence);
    await this.#wishPreviews(services, fence);
    const due = await dueReports(database.db, AT_ONCE);
    for (const row of due) if (lease.fence() === fence) await this.#tell(row);
    return due.length === AT_ONCE;
  }

  async #wish(service: ServiceRow, fence: number): Promise<void> {
    const { database, lease } = this.#o;
    const deployments = await reportedDeployments(database.db, service.project, service.name);
    const rows = deployments.flatMap((d) => this.#rowsOf(d, service));
    if (rows.length === 0) return;
    await database.transaction(async (tx) => {
      if (await lease.guards(tx, fence)) await wishReports(tx, rows);
    });
  }

  /** Of each preview that is there, and that the others are gone: whoever ended them, and whatever was killed meanwhile. */
  async #wishPreviews(services: readonly ServiceRow[], fence: number): Promise<void> {
    const { database, lease, gatewayUrl, consoleUrl } = this.#o;
    const told = await toldPreviews(database.db);
    const previews = await listPullPreviews(database.db);
    const rows = previews.flatMap((row) => {
      const service = services.find((s) => s.project === row.project && s.name === row.service);
      const repository = service?.config.github?.repository;
      if (repository === undefined) return [];
      return deploymentsOfPreview({
        ...{ id: row.id, service: row.service, name: row.name, state: row.state, words: row.words },
        ...{ wantedCommit: row.wanted_commit, servingCommit: row.serving_commit },
        address: row.serving_id === null ? null : addressOfPreview(gatewayUrl, row),
        url: `${consoleUrl}/services/${row.service}`,
      }).flatMap(({ mark, deployment, status }) => [
        wished(mark, "deployment", repository, deployment),
        wished(mark, "status", repository, status),
      ]);
    });
    const there = new Set(rows.map((row) => row.deployment_id));
    const gone = told
      .filter((row) => !there.has(row.deployment_id))
      .map((row) => wished(row.deployment_id, "status", row.repository, previewIsGone(row.log_url)));
    if (rows.length + gone.length === 0) return;
    await database.transaction(async (tx) => {
      if (!(await lease.guards(tx, fence))) return;
      await wishReports(tx, [...rows, ...gone]);
      await forgetToldPreviews(tx, [...there]);
    });
  }

  #rowsOf(d: ReportedDeployment, service: ServiceRow) {
    const reports = reportsOf({
      deploymentId: d.id,
      service: d.service,
      environment: d.environment,
      isProduction: d.environment === productionOf(service.config),
      commit: d.commit_sha,
      status: d.status,
      words: d.words,
      gates: d.gates,
      trafficPercent: d.traffic_percent,
      promoted: d.promoted,
      pullRequest: d.pull_request,
      url: `${this.#o.consoleUrl}/deployments/${d.id}`,
    });
    const repository = d.source?.repository ?? service.config.github?.repository ?? "";
    return (Object.keys(reports) as ReportKind[]).flatMap((kind) => {
      const desired = reports[kind];
      return desired === null ? [] : [wished(d.id, kind, repository, desired)];
    });
  }

  async #tell(row: ReportRow): Promise<void> {
    const { database, log } = this.#o;
    const told = await this.#ask(row);
    if (told.ok) return reportTold(database.db, row, row.digest, told.value);
    const { words, retryAfterMs, isGone } = told.error;
    const waitMs = Math.max(retryAfterMs ?? 0, Math.min(WAIT_MAX_MS, WAIT_FIRST_MS * 2 ** Math.min(row.attempts, 20)));
    log.warn({ deploymentId: row.deployment_id, kind: row.kind, problem: words, waitMs }, "GitHub could not be told");
    await reportFailed(database.db, row, { problem: words, waitMs, forget: isGone });
  }

  #ask({ kind, repository, desired, remote_id, told_deployment }: ReportRow): Promise<Result<number, GithubRefusal>> {
    const { telling } = this.#o;
    const known = remote_id === null ? null : Number(remote_id);
    if (kind === "check") return telling.check(repository, desired as CheckReport, known);
    if (kind === "deployment") return telling.deployment(repository, desired as DeploymentReport);
    if (kind === "status") return telling.status(repository, Number(told_deployment), desired as StatusReport);
    return telling.comment(repository, desired as CommentReport, known);
  }
}

const wished = (deployment_id: string, kind: ReportKind, repository: string, desired: object) => ({
  ...{ deployment_id, kind, repository, desired },
  digest: createHash("sha256").update(canonicalJson(desired)).digest("hex"),
});
