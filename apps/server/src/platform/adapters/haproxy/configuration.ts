import { createHash } from "node:crypto";
import type { RoutePlan } from "@latchkey/core/delivery/ports";

/** HAProxy's configuration, as Latchkey writes it. Checked with HAProxy 2.6. */
export const BACKEND = "latchkey";
const WATCH = "latchkey-watch";
/** The server is asked this often whether it watches, and must answer as often in a row before it is believed again. */
const WATCH_EVERY_S = 1;
const WATCH_STEADY = 10;
/** Two releases serve at a time; the others have gone and are not yet forgotten. */
export const SLOTS = 6;
/** Tickets that visitors draw: shares are exact to a hundredth of a percent. */
export const TICKETS = 10_000;
export const VISITOR_COOKIE = "lk_visitor";
export const PLACE_COOKIE = "lk_place";

export interface Slot {
  readonly name: string;
  /** "127.0.0.1:41234"; null for one that was never used. */
  readonly address: string | null;
  readonly serves: boolean;
  /** Takes the requests of a release that can't be reached: the old one, never the canary. */
  readonly isSpare: boolean;
}
export interface HaproxyPlace {
  readonly folder: string;
  readonly bind: string;
  /** Where the server of this machine takes HAProxy's log in. */
  readonly logPort: number;
  /** Where it answers whether it watches. */
  readonly watchPort: number;
}

export const filesOf = (folder: string) => ({
  configuration: `${folder}/haproxy.cfg`,
  table: `${folder}/routes.map`,
  state: `${folder}/latchkey.json`,
  socket: `${folder}/haproxy.sock`,
});

/** A word of the configuration, whatever it holds: what is not plain goes as a hexadecimal escape. */
const word = (text: string): string =>
  [...Buffer.from(text, "utf8")]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9._/-]/.test(character) ? character : `\\x${byte.toString(16).padStart(2, "0")}`;
    })
    .join("");

/**
 * The routing as one line of a map: "epoch.n|deployment|slot of the lowest tickets|how many|slot of the rest|watched or
 * always". One line is looked up once for each request, so that a change is seen whole or not at all. "watched": the lowest
 * tickets are a canary's, which gets nobody while no server watches.
 */
export function tableLine(plan: RoutePlan, slotOf: (address: string) => string): string | null {
  const canary = plan.arms.find((arm) => arm.arm === "canary" && arm.weightPercent > 0);
  const other = plan.arms.find((arm) => arm.arm !== "canary" && arm.weightPercent > 0);
  const [first, rest] = [canary ?? other, other ?? canary];
  if (!first || !rest) return null;
  const total = (canary?.weightPercent ?? 0) + (other?.weightPercent ?? 0);
  const until = Math.round(((canary?.weightPercent ?? 0) / total) * TICKETS);
  const slots = [first, rest].map((arm) => slotOf(addressOf(arm)));
  const { epoch, n } = plan.generation;
  const condition = plan.deadMan.isArmed && canary && other ? "watched" : "always";
  return [`${epoch}.${n}`, plan.deploymentId || "none", slots[0], until, slots[1], condition].join("|");
}

/** "127.0.0.1:41234" of "http://127.0.0.1:41234". */
export const addressOf = (arm: { readonly upstreams: readonly string[] }): string =>
  new URL(arm.upstreams[0] ?? "").host;

const global = (
  place: HaproxyPlace,
  structure: string,
): string => `# Written by Latchkey, and written anew with each change of the routing. Changes by hand are lost.
global
  description latchkey-${structure}
  stats socket ${filesOf(place.folder).socket} mode 660 level admin
  stats timeout 30s
  maxconn 4000

ring latchkey-log
  format raw
  maxlen 2000
  size 4194304
  timeout connect 2s
  timeout server 10s
  server latchkey 127.0.0.1:${place.logPort}

defaults
  mode http
  timeout connect 2s
  timeout client 65s
  timeout server 60s
  timeout http-request 15s
  timeout tunnel 1h
`;

/** Who goes where: an API request draws its own ticket; whoever loads pages keeps the one of this deployment. */
function frontend(place: HaproxyPlace, plan: RoutePlan): string {
  const prefixes = plan.apiPrefixes.map((prefix) => prefix.replace(/\/$/, ""));
  const api = prefixes.flatMap((prefix) =>
    prefix === ""
      ? ["  acl api always_true"]
      : [`  acl api path ${word(prefix)}`, `  acl api path_beg ${word(`${prefix}/`)}`],
  );
  return `
frontend visitors
  bind ${place.bind}
  log ring@latchkey-log local0
  option forwardfor
${(api.length > 0 ? api : ["  acl api always_false"]).join("\n")}
  acl loads_page req.hdr(sec-fetch-dest) -m str document iframe frame embed object
  acl no_dest req.hdr(sec-fetch-dest) -m len 0
  acl has_dest req.hdr(sec-fetch-dest) -m found
  acl takes_html req.hdr(accept) -m sub text/html */*
  acl says_accept req.hdr(accept) -m found
  acl reads method GET HEAD
  acl known var(txn.visitor) -m reg ^[0-9a-f-]{36}$
  acl watched srv_is_up(${WATCH}/server)
  acl to_be_watched var(txn.condition) -m str watched
  acl same var(txn.held),strcmp(txn.deployment) eq 0
  http-request del-header x-latchkey- -m beg
  http-request set-var(txn.path) path,bytes(0,500)
  http-request set-var(txn.dest) req.hdr(sec-fetch-dest)
  http-request set-var(txn.accept) req.hdr(accept),bytes(0,200)
  http-request set-var(txn.table) str(table),map_str(${filesOf(place.folder).table})
  http-request set-var(txn.generation) var(txn.table),field(1,|)
  http-request set-var(txn.deployment) var(txn.table),field(2,|)
  http-request set-var(txn.until) var(txn.table),field(4,|)
  http-request set-var(txn.slot) var(txn.table),field(5,|)
  http-request set-var(txn.condition) var(txn.table),field(6,|)
  http-request set-var(txn.page) bool(true) if reads !api loads_page
  http-request set-var(txn.page) bool(true) if reads !api !has_dest takes_html
  http-request set-var(txn.page) bool(true) if reads !api !has_dest !says_accept
  http-request set-var(txn.visitor) req.cook(${VISITOR_COOKIE})
  http-request set-var(txn.newcomer) uuid() if { var(txn.page) -m bool } !known
  http-request unset-var(txn.visitor) unless known
  http-request set-var(txn.visitor) var(txn.newcomer) if { var(txn.newcomer) -m found }
  http-request set-var(txn.held) req.cook(${PLACE_COOKIE}),field(1,!)
  http-request set-var(txn.ticket) req.cook(${PLACE_COOKIE}),field(2,!),mod(${TICKETS}) if same !api
  http-request set-var(txn.drawn) rand(${TICKETS}) unless { var(txn.ticket) -m found }
  http-request set-var(txn.ticket) var(txn.drawn) if { var(txn.drawn) -m found }
  acl drawn_first var(txn.ticket),sub(txn.until) lt 0
  http-request set-var(txn.slot) var(txn.table),field(3,|) if drawn_first !to_be_watched
  http-request set-var(txn.slot) var(txn.table),field(3,|) if drawn_first watched
  http-response add-header set-cookie "${VISITOR_COOKIE}=%[var(txn.newcomer)]; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax" if { var(txn.newcomer) -m found }
  http-response add-header set-cookie "${PLACE_COOKIE}=%[var(txn.deployment)]!%[var(txn.ticket)]; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax" if { var(txn.page) -m bool } { var(txn.drawn) -m found }
  log-format "%[var(txn.generation)]\\t%[var(txn.slot)]\\t%s\\t%ST\\t%Tw\\t%Tc\\t%Tr\\t%ts\\t%HM\\t%[var(txn.visitor)]\\t%[var(txn.path)]\\t%[var(txn.dest)]\\t%[var(txn.accept)]"
  default_backend ${BACKEND}
`;
}

/** The dead man's switch: a server that is down by HAProxy's own checks is one that does not watch. */
const watchedBy = (place: HaproxyPlace, { deadMan }: RoutePlan): string => `
backend ${WATCH}
  timeout check 800ms
  option httpchk
  http-check send meth GET uri /watching
  http-check expect status 200
  server server 127.0.0.1:${place.watchPort} check inter ${WATCH_EVERY_S}s fall ${Math.max(1, Math.ceil(deadMan.afterMs / 1_000 / WATCH_EVERY_S))} rise ${WATCH_STEADY}
`;

const serverLine = ({ name, address, serves, isSpare }: Slot): string =>
  `  server ${name} ${address ?? "127.0.0.1:1"} check inter 1s fall 3 rise 1 weight ${isSpare ? 100 : 0}${serves ? "" : " disabled"}`;

/**
 * The whole file. `structure` names all of it but the releases: those change in a running HAProxy, the rest only with a
 * reload. A server without weight is not drawn when another can't be reached, and still takes what is sent to it by name.
 */
export function configurationOf(
  place: HaproxyPlace,
  plan: RoutePlan,
  slots: readonly Slot[],
): { readonly text: string; readonly structure: string } {
  const body = `${frontend(place, plan)}
backend ${BACKEND}
  balance random
  option redispatch 1
  retries 1
  option httpchk
  http-check send meth GET uri ${word(plan.healthPath)}
  http-check expect status 200
  use-server %[var(txn.slot)] if { var(txn.slot) -m found }
`;
  const watch = watchedBy(place, plan);
  const structure = createHash("sha256")
    .update(global(place, ""))
    .update(watch)
    .update(body)
    .digest("hex")
    .slice(0, 12);
  return {
    text: `${global(place, structure)}${watch}${body}${slots.map((slot) => `${serverLine(slot)}\n`).join("")}`,
    structure,
  };
}
