/** Catalog: services, their environments and the generation of their routing. */
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
