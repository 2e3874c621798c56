import type { ServiceConfigInput } from "@latchkey/api/models";

/** Describes a service, with completion and type checks in the editor. What is left out has a default. */
export function defineService(config: ServiceConfigInput): ServiceConfigInput {
  return config;
}

export type { ServiceConfigInput } from "@latchkey/api/models";
