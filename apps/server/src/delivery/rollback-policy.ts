import type { ServiceConfig } from "@latchkey/api/models";
import type { ServiceRow } from "../catalog/index.ts";

export type RollbackPolicy = NonNullable<ServiceConfig["rollback"]>;
/** What holds for a configuration that says nothing, or was applied by an older version. */
const DEFAULT: RollbackPolicy = {
  windowMs: 86_400_000,
  whenUnhealthy: true,
  unhealthyMs: 60_000,
  watchMs: 86_400_000,
  deadManMs: 300_000,
  keepWarmMs: 600_000,
  withFlags: false,
};

export const rollbackPolicyOf = (service: Pick<ServiceRow, "config">): RollbackPolicy => ({
  ...DEFAULT,
  ...service.config.rollback,
});
