import { findService, type ServiceRow } from "../catalog/index.ts";
import type { Executor } from "../platform/database.ts";
import { ProblemError } from "../platform/problems.ts";
import { findDeployment } from "./deployments.store.ts";
import { presentDeployment } from "./presentation.ts";
import type { DeploymentSummary } from "./presented.ts";
import { findReleases } from "./releases.store.ts";

/** What a request names and must be there; LK_NOT_FOUND otherwise. */
export const notFound = (what: string, id: string): ProblemError =>
  new ProblemError("LK_NOT_FOUND", { detail: `There is no ${what} "${id}".` });

export const servicesIn =
  (db: Executor) =>
  async (project: string, name: string): Promise<ServiceRow> => {
    const row = await findService(db, project, name);
    if (!row) throw notFound("service", name);
    return row;
  };

/** How a deployment stands: also the answer to whoever asked for it. */
export const summariesIn =
  (db: Executor) =>
  async (id: string): Promise<DeploymentSummary> => {
    const row = await findDeployment(db, id);
    if (!row) throw notFound("deployment", id);
    return presentDeployment(row, await findReleases(db, [row.release_id]));
  };
