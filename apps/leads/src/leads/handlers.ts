import type { z } from "zod";
import { type Lead, ListQuery, NEXT, NewLead, NewNote, StatusChange } from "./lead.ts";
import type { LeadStore } from "./store.ts";

/** The API, separate from whatever server is around it: a request as data in, an answer as data out. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly idempotencyKey: string | null;
  /** From a synthetic journey: what it writes is marked, counted nowhere, and deleted again. */
  readonly synthetic?: boolean;
}
export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
  /** The route's pattern, for metrics. */
  readonly route: string;
}
export interface Observer {
  leadProcessed(source: string, status: string): void;
}

function problem(
  route: string,
  status: number,
  title: string,
  detail: string,
  fields?: { field: string; message: string }[],
): ApiAnswer {
  return { route, status, body: { title, status, detail, ...(fields ? { fields } : {}) } };
}

function invalid(route: string, error: z.ZodError): ApiAnswer {
  const fields = error.issues.map((issue) => ({ field: issue.path.join(".") || "body", message: issue.message }));
  return problem(
    route,
    400,
    "The request is not valid",
    fields.map((f) => `${f.field}: ${f.message}`).join("; "),
    fields,
  );
}

/** How a lead is shown: with what is turned on for it. */
export type Present = (lead: Lead) => Lead;

export async function handleApi(
  store: LeadStore,
  request: ApiRequest,
  observe: Observer,
  present: Present = (lead) => lead,
): Promise<ApiAnswer> {
  const [, , resource, id, sub, ...rest] = request.path.replace(/\/$/, "").split("/");
  const { method } = request;
  const isKnown = resource === "leads" && rest.length === 0 && (!sub || sub === "status" || sub === "notes");
  if (!isKnown) return problem("unknown", 404, "Not found", `There is nothing at ${request.path}.`);
  if (!id) {
    if (method === "POST") return create(store, request, observe);
    return method === "GET" ? list(store, request, present) : notAllowed("/api/leads", method, "GET and POST");
  }
  if (!sub) {
    const route = "/api/leads/:id";
    if (method !== "GET") return notAllowed(route, method, "GET");
    const lead = await store.find(id);
    return lead ? { route, status: 200, body: present(lead) } : noLead(route, id);
  }
  if (sub === "status")
    return method === "POST" ? move(store, id, request, observe) : notAllowed("/api/leads/:id/status", method, "POST");
  return method === "GET" || method === "POST"
    ? notes(store, id, request)
    : notAllowed("/api/leads/:id/notes", method, "GET and POST");
}

const notAllowed = (route: string, method: string, allowed: string): ApiAnswer =>
  problem(route, 405, "Method not allowed", `${method} does nothing here; ${allowed} do.`);

const KEY_MAX = 200;

/** Whether a stored lead is what was sent: its status may have moved on since. */
function isSame(lead: Lead, asked: NewLead): boolean {
  const parts = ({ contact: c, property: p, source, message }: Lead | NewLead) =>
    JSON.stringify([
      c.name,
      c.email,
      c.phone,
      p.address,
      p.city,
      p.state,
      p.zip,
      p.type,
      p.valueCents ?? null,
      source,
      message,
    ]);
  return parts(lead) === parts(asked);
}

const noLead = (route: string, id: string) => problem(route, 404, "Not found", `There is no lead ${id}.`);

async function create(store: LeadStore, request: ApiRequest, observe: Observer): Promise<ApiAnswer> {
  const route = "/api/leads";
  const parsed = NewLead.safeParse(request.body);
  if (!parsed.success) return invalid(route, parsed.error);
  // Whoever fills in the hidden field gets a friendly answer and no lead, so that it learns nothing.
  if (parsed.data.website !== "") {
    observe.leadProcessed(parsed.data.source, "spam");
    return { route, status: 202, body: { accepted: true } };
  }
  const key = request.idempotencyKey;
  if (key !== null && (key.length === 0 || key.length > KEY_MAX))
    return problem(route, 400, "The request is not valid", `Idempotency-Key must have 1 to ${KEY_MAX} characters.`);
  const { lead, created } = await store.add(parsed.data, key, request.synthetic === true);
  // Answering another lead as if it were this one would lose this one without a word.
  if (!created && !isSame(lead, parsed.data))
    return problem(
      route,
      422,
      "The Idempotency-Key was used for another lead",
      "Send a new key with a new lead, and the same body with the same key.",
    );
  if (created && request.synthetic !== true) observe.leadProcessed(lead.source, lead.duplicateOf ? "duplicate" : "new");
  return { route, status: created ? 201 : 200, body: lead };
}

async function list(store: LeadStore, request: ApiRequest, present: Present): Promise<ApiAnswer> {
  const parsed = ListQuery.safeParse(request.query);
  if (!parsed.success) return invalid("/api/leads", parsed.error);
  const { items, next } = await store.list(parsed.data);
  return { route: "/api/leads", status: 200, body: { items: items.map(present), next } };
}

async function move(store: LeadStore, id: string, request: ApiRequest, observe: Observer): Promise<ApiAnswer> {
  const route = "/api/leads/:id/status";
  const parsed = StatusChange.safeParse(request.body);
  if (!parsed.success) return invalid(route, parsed.error);
  const lead = await store.find(id);
  if (!lead) return noLead(route, id);
  const to = parsed.data.status;
  if (lead.status === to) return { route, status: 200, body: lead };
  const legal = NEXT[lead.status];
  if (!legal.includes(to)) {
    const ways = legal.length === 0 ? "nowhere: it has ended" : legal.join(", ");
    return problem(
      route,
      409,
      "Not from this status",
      `A lead that is ${lead.status} can't become ${to}; it can go to ${ways}.`,
    );
  }
  const moved = await store.move(id, lead.status, to);
  if (!moved) return problem(route, 409, "Somebody was quicker", "The lead was moved in between. Load it again.");
  observe.leadProcessed(moved.source, to);
  return { route, status: 200, body: moved };
}

async function notes(store: LeadStore, id: string, request: ApiRequest): Promise<ApiAnswer> {
  const route = "/api/leads/:id/notes";
  if (!(await store.find(id))) return noLead(route, id);
  if (request.method === "GET") return { route, status: 200, body: { items: await store.notes(id) } };
  const parsed = NewNote.safeParse(request.body);
  if (!parsed.success) return invalid(route, parsed.error);
  return { route, status: 201, body: await store.addNote(id, parsed.data.author, parsed.data.body) };
}
