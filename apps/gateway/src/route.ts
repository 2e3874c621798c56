import type { RoutingArm, RoutingService, RoutingTable } from "@latchkey/api/gateway";
import { armOfTicket } from "@latchkey/core/delivery/split";
import { roundTicket, type Sticky } from "./cookies.ts";

export type RouteClassName = "document" | "asset" | "api" | "other";

/** The parts of a request that decide where it goes. */
export interface Asked {
  readonly method: string;
  /** Path with query, as in the request line. */
  readonly path: string;
  readonly accept: string | undefined;
  /** Sec-Fetch-Dest, which browsers send and scripts cannot forge. */
  readonly dest: string | undefined;
}

/** What was found for a table's hosts, so that it is searched once; made-up hosts can't make it grow. */
const found = new WeakMap<RoutingTable, Map<string, RoutingService | null>>();
const FOUND_MAX = 200;

/** The service whose host names contain this one (port ignored); the service of "*" where none does. */
export function serviceOf(table: RoutingTable, host = ""): RoutingService | null {
  const byHost = found.get(table) ?? new Map<string, RoutingService | null>();
  found.set(table, byHost);
  const known = byHost.get(host);
  if (known !== undefined) return known;
  const service = searchService(table, host);
  if (byHost.size < FOUND_MAX) byHost.set(host, service);
  return service;
}

function searchService(table: RoutingTable, host: string): RoutingService | null {
  const name = host.toLowerCase().replace(/\.?(?::\d+)?$/, "");
  return (
    table.services.find((s) => s.hosts.some((h) => h.toLowerCase() === name)) ??
    table.services.find((s) => s.hosts.includes("*")) ??
    null
  );
}

/** The path without its query. */
export function pathname(path: string): string {
  const end = path.search(/[?#]/);
  return end < 0 ? path : path.slice(0, end);
}

function underPrefix(path: string, prefix: string): boolean {
  const bare = prefix.endsWith("/") ? prefix.slice(0, -1) : prefix;
  return bare === "" || path === bare || path.startsWith(`${bare}/`);
}

const DOCUMENT_DESTS = new Set(["document", "iframe", "frame", "embed", "object"]);

/**
 * What kind of thing is asked for. Browsers say it themselves (Sec-Fetch-Dest); of other clients a file
 * extension means an asset, and any other GET that would take HTML means a document.
 */
export function classOf(service: Pick<RoutingService, "apiPrefixes">, asked: Asked): RouteClassName {
  const path = pathname(asked.path);
  if (service.apiPrefixes.some((p) => underPrefix(path, p))) return "api";
  if (asked.method !== "GET" && asked.method !== "HEAD") return "other";
  if (asked.dest !== undefined) {
    if (DOCUMENT_DESTS.has(asked.dest)) return "document";
    return asked.dest === "empty" ? "other" : "asset";
  }
  const extension = /\.([a-z0-9]{1,8})$/i.exec(path)?.[1]?.toLowerCase();
  if (extension !== undefined && extension !== "html" && extension !== "htm") return "asset";
  const accept = asked.accept ?? "*/*";
  return accept.includes("text/html") || accept.includes("*/*") ? "document" : "other";
}

export interface Assignment {
  readonly arm: RoutingArm;
  /** The place to write into the visitor's cookie, or null when it is already there or not wanted. */
  readonly sticky: Sticky | null;
}

/**
 * The arm for a request. API requests are drawn one by one. Documents follow the visitor's ticket, which is
 * drawn once per deployment: with unchanged weights a visitor stays, and while the canary grows a visitor
 * moves at most once, at a page load. What a page asks for afterwards comes from that page's release, even
 * when its weight has fallen to 0 (assets only). Null when no arm has weight. `draw` gives [0, 1).
 */
export function assign(
  service: Pick<RoutingService, "arms" | "deploymentId">,
  routeClass: RouteClassName,
  held: Sticky | null,
  draw: () => number,
): Assignment | null {
  if (routeClass !== "api" && routeClass !== "document" && held !== null) {
    const arm = service.arms.find((a) => a.releaseId === held.releaseId);
    if (arm !== undefined && (arm.weightPercent > 0 || routeClass === "asset")) return { arm, sticky: null };
  }
  const keeps = routeClass !== "api" && held !== null && held.deploymentId === service.deploymentId;
  const ticket = keeps ? held.ticket : roundTicket(draw());
  const arm = armOfTicket(service.arms, ticket);
  if (arm === null) return null;
  if (routeClass !== "document" || (keeps && held.releaseId === arm.releaseId)) return { arm, sticky: null };
  return { arm, sticky: { deploymentId: service.deploymentId, releaseId: arm.releaseId, ticket } };
}

/**
 * Where a request goes whose arm could not be connected to: the old release, or the promoted one where the
 * holdback is what failed. Never from baseline to canary, which would give it more than its share.
 */
export function secondArm(service: Pick<RoutingService, "arms">, first: RoutingArm): RoutingArm | null {
  const wanted = first.arm === "holdback" ? ["baseline", "canary"] : ["baseline", "holdback"];
  for (const name of wanted) {
    const arm = service.arms.find((a) => a.arm === name && a !== first);
    if (arm !== undefined) return arm;
  }
  return null;
}
