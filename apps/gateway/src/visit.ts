import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { RoutingArm, RoutingService, RoutingTable } from "@latchkey/api/gateway";
import * as cookies from "./cookies.ts";
import type { CounterRow, Counters } from "./counters.ts";
import { armOfEvent } from "./events.ts";
import { visitorProtocol } from "./headers.ts";
import { type Asked, assign, classOf, type RouteClassName, serviceOf } from "./route.ts";

/** One request and where it goes. */
export interface Visit {
  readonly service: RoutingService;
  readonly arm: RoutingArm;
  readonly routeClass: RouteClassName;
  readonly asked: Asked;
  readonly visitor: string | null;
  /**
   * Whose coin decided where it went, the unit of the judge's evidence: the visitor, whose ticket holds for all that they
   * ask for. Null for what is drawn by itself: API requests, and others that come without a cookie of ours. A document
   * without one begins a visitor; whoever keeps no cookies is a new one, and drawn anew, each time.
   */
  readonly unit: string | null;
  readonly row: CounterRow;
  /** Where what its answer means for a metric of the service is counted. */
  readonly eventRow: () => CounterRow;
  /** Set-Cookie lines that the answer should carry. */
  readonly setCookies: readonly string[];
  readonly beganMs: number;
}

export function askedOf(request: IncomingMessage): Asked {
  return {
    method: request.method ?? "GET",
    path: request.url ?? "/",
    accept: request.headers.accept,
    dest: request.headers["sec-fetch-dest"] as string | undefined,
  };
}

/** Decides where a request goes: a visit, or the status that says why it goes nowhere. */
export function planVisit(
  table: RoutingTable | null,
  request: IncomingMessage,
  counters: Counters,
  trustProxy: boolean,
): Visit | 404 | 503 {
  if (table === null) return 503;
  const service = serviceOf(table, request.headers.host);
  if (service === null) return 404;
  const asked = askedOf(request);
  const routeClass = classOf(service, asked);
  const header = request.headers.cookie;
  const held = cookies.decodeSticky(cookies.readCookie(header, cookies.ARM_COOKIE));
  const place = assign(service, routeClass, held, Math.random);
  if (place === null) return 503;
  const secure = visitorProtocol(request, trustProxy) === "https";
  const known = cookies.validVisitor(cookies.readCookie(header, cookies.VISITOR_COOKIE));
  const visitor = known ?? (routeClass === "document" ? randomUUID() : null);
  const setCookies: string[] = [];
  if (known === null && visitor !== null) setCookies.push(cookies.setCookie(cookies.VISITOR_COOKIE, visitor, secure));
  if (place.sticky !== null) {
    setCookies.push(cookies.setCookie(cookies.ARM_COOKIE, cookies.encodeSticky(place.sticky), secure));
  }
  const row = counters.row(service, place.arm, routeClass);
  const unit = routeClass === "api" ? null : (visitor ?? (held === null ? null : `ticket ${held.ticket}`));
  const eventRow = () => counters.row(service, armOfEvent(service, routeClass, held, place.arm), routeClass);
  const beganMs = performance.now();
  return { service, arm: place.arm, routeClass, asked, visitor, unit, row, eventRow, setCookies, beganMs };
}
