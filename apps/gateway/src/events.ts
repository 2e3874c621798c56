import type { RoutingArm, RoutingService } from "@latchkey/api/gateway";
import type { Sticky } from "./cookies.ts";
import { type Asked, pathname, type RouteClassName } from "./route.ts";

/** The metrics of a service that count this answer, by name. */
export function eventsOf(service: Pick<RoutingService, "counted">, asked: Asked, status: number): string[] {
  const found: string[] = [];
  for (const rule of service.counted ?? [])
    if (rule.status === status && rule.method === asked.method && rule.path === pathname(asked.path))
      found.push(rule.name);
  return found;
}

/**
 * The release that an event is counted for: the one that the visitor's page came from, for it is the page that brings a
 * visitor to send a form; the API call behind it goes to either release. Without a page, the one that answered.
 */
export function armOfEvent(
  service: Pick<RoutingService, "arms">,
  routeClass: RouteClassName,
  held: Sticky | null,
  answered: RoutingArm,
): RoutingArm {
  if (routeClass === "document" || held === null) return answered;
  return service.arms.find((arm) => arm.releaseId === held.releaseId) ?? answered;
}
