import type { z } from "zod";
import { ListQuery, NEXT, NewLead, NewNote, StatusChange } from "./lead.ts";
import type { LeadStore } from "./store.ts";

/** The API, separate from whatever server is around it: a request as data in, an answer as data out. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly idempotencyKey: string | null;
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

export async function handleApi(store: LeadStore, request: ApiRequest, observe: Observer): Promise<ApiAnswer> {
  const [, , resource, id, sub, ...rest] = request.path.split("/");
  const { method } = request;
  if (resource === "leads" && rest.length === 0) {
    if (!id && method === "POST") return create(store, request, observe);
    if (!id && method === "GET") return list(store, request);
    if (id && !sub && method === "GET") {
      const lead = await store.find(id);
      return lead ? { route: "/api/leads/:id", status: 200, body: lead } : noLead("/api/leads/:id", id);
    }
    if (id && sub === "status" && method === "POST") return move(store, id, request, observe);
    if (id && sub === "notes" && (method === "GET" || method === "POST")) return notes(store, id, request);
  }
  return problem("unknown", 404, "Not found", `There is nothing at ${method} ${request.path}.`);
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
  const { lead, created } = await store.add(parsed.data, request.idempotencyKey);
  if (created) observe.leadProcessed(lead.source, lead.duplicateOf ? "duplicate" : "new");
  return { route, status: created ? 201 : 200, body: lead };
}

async function list(store: LeadStore, request: ApiRequest): Promise<ApiAnswer> {
  const parsed = ListQuery.safeParse(request.query);
  return parsed.success
    ? { route: "/api/leads", status: 200, body: await store.list(parsed.data) }
    : invalid("/api/leads", parsed.error);
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
