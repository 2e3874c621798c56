/** Catalog: services, their environments and the generation of their routing. */

export { QUEUE_MAX } from "./notification-limits.ts";
export { type NotificationsOptions, type RunningNotifications, startNotifications } from "./notifications.ts";
export type { NotificationFigures } from "./notifications.view.ts";
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
