import { join } from "node:path";
import type { Repositories } from "@latchkey/core/delivery/ports";
import { ok, type Result } from "@latchkey/core/shared/result";
import type { ServiceRow } from "../catalog/index.ts";
import type { DeploymentRow } from "./deployments.store.ts";

/** Where a deployment's sources are: the folder, or why there is none. */
export type SourcesOf = (
  deployment: Pick<DeploymentRow, "id" | "source">,
  service: Pick<ServiceRow, "root" | "config">,
) => Promise<Result<string, string>>;

/** The folder that a service was applied from. */
export const workingTree: SourcesOf = async (_deployment, service) => ok(join(service.root, service.config.source));

/** A commit's files in a folder of their own, for a deployment that names one; the service's folder for all others. */
export const sourcesIn =
  (repositories: Repositories): SourcesOf =>
  async (deployment, service) => {
    const { source } = deployment;
    if (source === null) return workingTree(deployment, service);
    let folder = await repositories.checkout(source.repository, source.commit, deployment.id);
    if (!folder.ok && (await repositories.fetch(source.repository, source.branch)).ok)
      // Another server's clone may have had it: this one's has not.
      folder = await repositories.checkout(source.repository, source.commit, deployment.id);
    return folder.ok ? ok(join(folder.value, source.path, service.config.source)) : folder;
  };
