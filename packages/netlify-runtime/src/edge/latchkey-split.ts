/**
 * Latchkey's split of this site's traffic, as a Netlify Edge Function: `latchkey netlify edge --write` puts this file into
 * the repository. It needs nothing but the variable LATCHKEY_EDGE, an address with a secret behind "#".
 *
 * Each request goes to the published deploy, which answers as if this function was not there, or to the deploy of a
 * release on trial. Who gets which is decided by a ticket in a cookie and a small signed table that Latchkey serves. On any
 * doubt (no table, an old one, a wrong signature, a deploy that does not answer) the published deploy answers. What was
 * answered is counted and told to Latchkey in signed batches, without anything about the visitor.
 */
interface Arm {
  readonly arm: string;
  readonly releaseId: string;
  readonly origin: string;
  readonly weightPercent: number;
}
interface Table {
  readonly version: 1;
  readonly nonce: string;
  readonly generation: { readonly epoch: number; readonly n: number };
  readonly deploymentId: string;
  readonly arms: readonly Arm[];
  /** The arm of the release that the site itself shows. */
  readonly published: string;
  readonly apiPrefixes: readonly string[];
  readonly refreshMs: number;
  readonly maxAgeMs: number;
}
interface Context {
  readonly next: () => Promise<Response>;
  readonly waitUntil?: (work: Promise<unknown>) => void;
}
interface Row {
  generation: Table["generation"];
  arm: string;
  releaseId: string;
  routeClass: string;
  requests: number;
  errors: number;
  unitErrors: number;
  latency: Record<string, number>;
}

declare const Netlify: { readonly env: { get(name: string): string | undefined } };

const PLACE_COOKIE = "lk_place";
const ERRED_COOKIE = "lk_erred";
/** Marks what this function asks of another deploy, whose own copy of it must not split again. */
const PASSED_HEADER = "x-latchkey-arm";
const TICKETS = 1_000_000;
const TABLE_MS = 1_000;
const BATCH_MS = 1_000;
const URGENT_MS = 50;
const BATCHES_MAX = 10;
const ROWS_MAX = 50;
/** A deploy's address that answers so was not reached: Netlify's own machines speak, not the release. */
const UNREACHED = [502, 503, 504];

const edge = crypto.randomUUID();
let table: { readonly value: Table; readonly askedAt: number } | null = null;
let asking: Promise<void> | null = null;
let rows = new Map<string, Row>();
let batches: { readonly sequence: number; readonly text: string }[] = [];
let sequence = 0;
let sending: Promise<void> | null = null;

export default async function split(request: Request, context: Context): Promise<Response> {
  const place = placeOfLatchkey();
  if (place === null || request.headers.has(PASSED_HEADER)) return context.next();
  let now: Table | null = null;
  try {
    now = await currentTable(place, context);
  } catch {
    now = null;
  }
  if (now === null || now.arms.length === 0) return context.next();
  return answer(request, context, place, now);
}

export const config = { path: "/*", onError: "bypass" };

async function answer(request: Request, context: Context, place: Place, now: Table): Promise<Response> {
  const url = new URL(request.url);
  const kind = classOf(request, url.pathname, now.apiPrefixes);
  const cookies = request.headers.get("cookie") ?? "";
  const held = ticketIn(cookies, now.deploymentId);
  const ticket = kind !== "api" && held !== null ? held : Math.floor(Math.random() * TICKETS);
  const arm = armOfTicket(now.arms, ticket / TICKETS);
  const published = now.arms.find((one) => one.releaseId === now.published);
  if (arm === null || published === undefined) return context.next();
  const beganAt = Date.now();
  let response: Response | null = null;
  let failed = false;
  if (arm.releaseId === published.releaseId) response = await context.next();
  else {
    response = await askDeploy(request, url, arm);
    failed = response === null;
    if (response === null)
      // Asked twice, what changes something could be done twice.
      response = ["GET", "HEAD"].includes(request.method)
        ? await context.next()
        : new Response("The release could not be reached.", { status: 502 });
  }
  failed = failed || response.status >= 500;
  const isKnown = kind !== "api" && cookieIn(cookies, ERRED_COOKIE) === now.deploymentId;
  count(now, arm, kind, Date.now() - beganAt, failed, failed && !isKnown);
  tell(place, context, failed);
  const set: string[] = [];
  if (kind === "document" && held === null) set.push(cookie(PLACE_COOKIE, `${now.deploymentId}!${ticket}`, url));
  if (failed && kind !== "api" && !isKnown) set.push(cookie(ERRED_COOKIE, now.deploymentId, url));
  if (set.length === 0) return response;
  const answered = new Response(response.body, response);
  for (const line of set) answered.headers.append("set-cookie", line);
  // A page with somebody's place in it is nobody else's.
  answered.headers.set("cache-control", "private, no-store");
  return answered;
}

/** The deploy's own address; null where it can't be reached. */
async function askDeploy(request: Request, url: URL, arm: Arm): Promise<Response | null> {
  const headers = new Headers(request.headers);
  headers.set(PASSED_HEADER, arm.arm);
  headers.set("x-forwarded-host", url.host);
  headers.delete("host");
  try {
    const hasBody = request.body !== null && !["GET", "HEAD"].includes(request.method);
    const init = { method: request.method, headers, redirect: "manual" as const };
    const asked = arm.origin + url.pathname + url.search;
    const response = await fetch(asked, hasBody ? { ...init, body: await request.arrayBuffer() } : init);
    return UNREACHED.includes(response.status) ? null : response;
  } catch {
    return null;
  }
}

interface Place {
  readonly url: string;
  readonly secret: string;
}
function placeOfLatchkey(): Place | null {
  const [url, secret, ...more] = (Netlify.env.get("LATCHKEY_EDGE") ?? "").split("#");
  return url && secret && more.length === 0 ? { url, secret } : null;
}

/** The table, if one is young enough. A middle-aged one holds while a newer one is asked for. */
async function currentTable(place: Place, context: Context): Promise<Table | null> {
  const age = table === null ? Number.POSITIVE_INFINITY : Date.now() - table.askedAt;
  if (table !== null && age >= 0 && age < table.value.refreshMs) return table.value;
  asking ??= askTable(place).finally(() => {
    asking = null;
  });
  if (table !== null && age >= 0 && age < table.value.maxAgeMs) {
    context.waitUntil?.(asking.catch(() => {}));
    return table.value;
  }
  table = null;
  await asking.catch(() => {});
  return (table as { readonly value: Table } | null)?.value ?? null;
}

async function askTable(place: Place): Promise<void> {
  const askedAt = Date.now();
  const nonce = crypto.randomUUID();
  const response = await fetch(`${place.url}?nonce=${nonce}`, { signal: AbortSignal.timeout(TABLE_MS) });
  const text = await response.text();
  const signature = response.headers.get("x-latchkey-signature") ?? "";
  if (response.status !== 200 || signature !== (await sign(place.secret, text))) return;
  const value = JSON.parse(text) as Table;
  // Its own nonce: a table of before, sent again, is none.
  if (value.version === 1 && value.nonce === nonce && value.maxAgeMs <= 60_000) table = { value, askedAt };
}

async function sign(secret: string, text: string): Promise<string> {
  const bytes = new TextEncoder();
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytes.encode(secret), algorithm, false, ["sign"]);
  const digest = new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes.encode(text)));
  return `sha256=${[...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** The canary has the lowest tickets: a visitor moves once at most while its share grows. */
function armOfTicket(arms: readonly Arm[], ticket: number): Arm | null {
  const some = arms.filter((one) => one.weightPercent > 0);
  let left = ticket * some.reduce((sum, one) => sum + one.weightPercent, 0);
  const isCanary = (one: Arm) => one.arm === "canary";
  const inOrder = [...some.filter(isCanary), ...some.filter((one) => !isCanary(one))];
  for (const one of inOrder) {
    if (left < one.weightPercent) return one;
    left -= one.weightPercent;
  }
  return inOrder.at(-1) ?? null;
}

/** What is asked for: pages stay with a visitor, and calls of the API are drawn one by one. */
function classOf(request: Request, path: string, apiPrefixes: readonly string[]): string {
  const isBelow = (prefix: string) => path === prefix || path.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`);
  if (apiPrefixes.some((prefix) => prefix === "/" || isBelow(prefix))) return "api";
  if (request.method !== "GET" && request.method !== "HEAD") return "other";
  const dest = request.headers.get("sec-fetch-dest");
  if (dest !== null) {
    if (["document", "iframe", "frame", "embed", "object"].includes(dest)) return "document";
    return dest === "empty" ? "other" : "asset";
  }
  const extension = /\.([a-z0-9]{1,8})$/i.exec(path)?.[1]?.toLowerCase();
  if (extension !== undefined && extension !== "html" && extension !== "htm") return "asset";
  const accept = request.headers.get("accept") ?? "*/*";
  return accept.includes("text/html") || accept.includes("*/*") ? "document" : "other";
}

function cookieIn(header: string, name: string): string | null {
  for (const part of header.split(";")) {
    const at = part.indexOf("=");
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return null;
}

function ticketIn(header: string, deploymentId: string): number | null {
  const [deployment, ticket = "", ...more] = cookieIn(header, PLACE_COOKIE)?.split("!") ?? [];
  const isOurs = deployment === deploymentId && more.length === 0 && /^\d{1,6}$/.test(ticket);
  return isOurs ? Number(ticket) : null;
}

const cookie = (name: string, value: string, url: URL): string =>
  `${name}=${value}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax${url.protocol === "https:" ? "; Secure" : ""}`;

function count(now: Table, arm: Arm, kind: string, ms: number, failed: boolean, isFirst: boolean): void {
  const key = [now.generation.epoch, now.generation.n, arm.releaseId, kind].join("/");
  let row = rows.get(key);
  if (!row) {
    if (rows.size >= ROWS_MAX) return;
    const { arm: name, releaseId } = arm;
    const none = { requests: 0, errors: 0, unitErrors: 0, latency: {} };
    row = { generation: now.generation, arm: name, releaseId, routeClass: kind, ...none };
    rows.set(key, row);
  }
  row.requests += 1;
  if (failed) row.errors += 1;
  if (isFirst) row.unitErrors += 1;
  // OpenTelemetry's exponential buckets of scale 4: 16 for each doubling.
  const bucket = String(Math.ceil(Math.log2(Math.max(ms, 0.001)) * 16 - 1e-9) - 1);
  row.latency[bucket] = (row.latency[bucket] ?? 0) + 1;
}

/** A batch a second, sooner after an error. What could not be told is told again, as the same batch. */
function tell(place: Place, context: Context, isUrgent: boolean): void {
  if (sending !== null) return;
  sending = new Promise<void>((resolve) => setTimeout(resolve, isUrgent ? URGENT_MS : BATCH_MS))
    .then(() => sendBatches(place))
    .catch(() => {})
    .finally(() => {
      sending = null;
    });
  context.waitUntil?.(sending);
}

async function sendBatches(place: Place): Promise<void> {
  if (rows.size > 0) {
    sequence += 1;
    batches = [...batches, { sequence, text: JSON.stringify({ edge, sequence, rows: [...rows.values()] }) }];
    rows = new Map();
    // The oldest go: Latchkey was away for longer than anybody judges.
    batches = batches.slice(-BATCHES_MAX);
  }
  while (batches[0] !== undefined) {
    const { text } = batches[0];
    const headers = { "content-type": "application/json", "x-latchkey-signature": await sign(place.secret, text) };
    const told = await fetch(place.url, { method: "POST", headers, body: text, signal: AbortSignal.timeout(5_000) });
    // What Latchkey refuses is refused the next time too.
    if (told.status >= 500 || told.status === 429) return;
    batches = batches.slice(1);
  }
}
