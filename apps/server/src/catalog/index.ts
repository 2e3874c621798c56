/** Catalog: services, their environments and the generation of their routing. */

export { requestApproval, withdrawApprovals } from "./approvals.controller.ts";
export { registerApprovals } from "./approvals.routes.ts";
export { findApprovalOf, type VoiceRow, voicesOf } from "./approvals.store.ts";
export { type FreezeRow, freezeOf } from "./freezes.store.ts";
export { QUEUE_MAX } from "./notification-limits.ts";
export { type NotificationsOptions, type RunningNotifications, startNotifications } from "./notifications.ts";
export type { NotificationFigures } from "./notifications.view.ts";
export {
  countOwners,
  findPeople,
  findPersonBySubject,
  insertPerson,
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
  raiseEpoch,
  type ServiceRow,
  takeGeneration,
} from "./services.store.ts";
