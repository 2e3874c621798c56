import type { Http } from "../platform/http.ts";
import { registerNotifications } from "./notifications.routes.ts";
import { type NotificationsOptions, type RunningNotifications, runNotifications } from "./notifications.ts";

/** Catalog: services, their environments and the generation of their routing; and who is told of what happens. */
export { expireApproval, requestApproval, takeReviews, withdrawApprovals } from "./approvals.controller.ts";
export { registerApprovals } from "./approvals.routes.ts";
export { type ApprovalRow, findApprovalOf, type VoiceRow, voicesOf } from "./approvals.store.ts";
export { changesBackTo, putBack } from "./configurations.ts";
export { type FreezeRow, freezeOf } from "./freezes.store.ts";
export { QUEUE_MAX } from "./notification-limits.ts";
export type { NotificationFigures } from "./notifications.view.ts";
export {
  countOwners,
  findPeople,
  findPersonBySubject,
  insertPerson,
  knownBy,
  listPeople,
  lockPerson,
  type PersonRow,
  removePerson,
  updatePerson,
} from "./people.store.ts";
export { applyService } from "./services.controller.ts";
export {
  allServices,
  type EnvironmentRow,
  environmentsOf,
  findEnvironment,
  findService,
  listServices,
  lockEnvironment,
  PRODUCTION,
  productionOf,
  publicEnvironmentOf,
  raiseEpoch,
  type ServiceRow,
  servicesNamed,
  servicesWith,
  servicesWithTargets,
  servingEnvironments,
  takeGeneration,
} from "./services.store.ts";

/** Starts telling people what happens, and adds the routes for it. */
export function startNotifications(http: Http, o: NotificationsOptions): RunningNotifications {
  const running = runNotifications(o);
  registerNotifications(http, running.forRoutes);
  return running;
}
