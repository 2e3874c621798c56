import { exponential, pick, type Random } from "@latchkey/core/shared/random";
import type { Browser } from "./browser.ts";
import type { Kind } from "./tally.ts";

/**
 * What visitors of the leads site do. Think times are a tenth of what people take, so that a rehearsal of minutes
 * holds whole sessions; the mix of routes is unchanged by that, only more sessions come per second.
 */
export interface Scene {
  readonly browser: Browser;
  readonly random: Random;
  /** Resolves after about `meanMs`; at once when the traffic stops. */
  readonly think: (meanMs: number) => Promise<void>;
}
const GLANCE_MS = 600;
const READ_MS = 1_500;
const WRITE_MS = 3_000;
const BEFORE_RETRY_MS = 1_000;

/** From "new" to each status, as core's table of the workload has it; the agent offers only what is legal. */
const LEGAL: Readonly<Record<string, readonly string[]>> = {
  new: ["contacted", "disqualified", "lost"],
  contacted: ["qualified", "disqualified", "lost"],
  qualified: ["nurturing", "converted", "disqualified", "lost"],
  nurturing: ["qualified", "converted", "disqualified", "lost"],
};

const CITIES = ["Austin", "Houston", "Dallas", "San Antonio"] as const;
const TYPES = ["single_family", "multi_family", "condo", "land", "commercial"] as const;

export function newLead(random: Random): Record<string, unknown> {
  const n = Math.floor(random() * 1e9);
  return {
    contact: { name: `Visitor ${n}`, email: `visitor${n}@example.com`, phone: "512-555-0100" },
    property: {
      address: `${1 + (n % 9_999)} Example Street`,
      city: pick(random, CITIES),
      state: "TX",
      zip: String(73_301 + (n % 5_000)),
      type: pick(random, TYPES),
    },
    message: random() < 0.3 ? "The roof needs work." : "",
    website: "",
  };
}

/** Opens a page; when nothing comes or nothing runs, half of the people load it once more, the others leave. */
async function arrive(scene: Scene, path: string, route: string): Promise<boolean> {
  if (await scene.browser.open(path, route)) return true;
  if (scene.random() < 0.5) return false;
  await scene.think(BEFORE_RETRY_MS);
  return scene.browser.open(path, route);
}

async function bounce(scene: Scene): Promise<void> {
  await arrive(scene, "/", "/");
  await scene.think(READ_MS);
}

async function sell(scene: Scene): Promise<void> {
  if (!(await arrive(scene, "/", "/"))) return;
  await scene.think(READ_MS + WRITE_MS);
  const key = `form-${Math.floor(scene.random() * 2 ** 48).toString(36)}`;
  const lead = newLead(scene.random);
  const send = (body: unknown) => scene.browser.api("POST", "/api/leads", "/api/leads", body, key);
  if (scene.random() < 0.05) {
    // A slip of the pen: the form says what is wrong, and it is sent again.
    await send({ ...lead, property: { ...(lead.property as object), zip: "787" } });
    await scene.think(READ_MS);
  }
  const answer = await send(lead);
  const failed = answer.status === null || answer.status >= 500;
  // The form keeps its key: pressing the button again sends the same lead, not another.
  if (failed ? scene.random() < 0.7 : scene.random() < 0.03) {
    await scene.think(BEFORE_RETRY_MS);
    await send(lead);
  }
}

interface ListedLeads {
  readonly items?: readonly { readonly id: string; readonly status: string }[];
  readonly next?: string | null;
}
const parsed = <T>(text: string): T | null => {
  try {
    return JSON.parse(text) as T;
  } catch {
    return null;
  }
};

async function list(scene: Scene, query: string): Promise<ListedLeads> {
  const ask = () => scene.browser.api("GET", `/api/leads?${query}`, "/api/leads");
  let answer = await ask();
  if ((answer.status === null || answer.status >= 500) && scene.random() < 0.7) {
    await scene.think(BEFORE_RETRY_MS);
    answer = await ask();
  }
  return (answer.status === 200 ? parsed<ListedLeads>(answer.text) : null) ?? {};
}

async function work(scene: Scene): Promise<void> {
  const filter = scene.random() < 0.6 ? `status=${pick(scene.random, ["new", "contacted", "qualified"] as const)}` : "";
  if (!(await arrive(scene, `/crm${filter === "" ? "" : `?${filter}`}`, "/crm"))) return;
  let listed = await list(scene, filter);
  if (listed.next && scene.random() < 0.3) {
    await scene.think(READ_MS);
    listed = await list(scene, `${filter}${filter === "" ? "" : "&"}cursor=${encodeURIComponent(listed.next)}`);
  }
  const details = 1 + Math.floor(scene.random() * 3);
  for (let i = 0; i < details; i++) {
    const found = listed.items ?? [];
    const lead = found[Math.floor(scene.random() * found.length)];
    if (!lead) return;
    await scene.think(GLANCE_MS);
    if (!(await handle(scene, lead.id))) return;
  }
}

/** One lead: its page, its data and notes side by side as the page asks for them, perhaps a note and a move. */
async function handle(scene: Scene, id: string): Promise<boolean> {
  const { browser, random } = scene;
  if (!(await arrive(scene, `/crm/${id}`, "/crm/:id"))) return false;
  const read = () => browser.api("GET", `/api/leads/${id}`, "/api/leads/:id");
  const notes = () => browser.api("GET", `/api/leads/${id}/notes`, "/api/leads/:id/notes");
  const [lead] = await Promise.all([read(), notes()]);
  const status = parsed<{ status?: string }>(lead.text)?.status ?? "";
  await scene.think(READ_MS);
  if (random() < 0.4) {
    await browser.api("POST", `/api/leads/${id}/notes`, "/api/leads/:id/notes", { body: "Called; calls back." });
    await notes();
  }
  const legal = LEGAL[status] ?? [];
  if (legal.length > 0 && random() < 0.4) {
    const to = legal[Math.floor(random() ** 2 * legal.length)];
    await browser.api("POST", `/api/leads/${id}/status`, "/api/leads/:id/status", { status: to });
    await read();
  }
  return true;
}

export const JOURNEYS: Readonly<Record<Kind, (scene: Scene) => Promise<void>>> = {
  seller: sell,
  bouncer: bounce,
  agent: work,
};

/** A wait that a stop cuts short. */
export function thinker(random: Random, signal: AbortSignal): Scene["think"] {
  return (meanMs) =>
    new Promise((done) => {
      if (signal.aborted) return done();
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        done();
      };
      const timer = setTimeout(end, exponential(random, meanMs));
      signal.addEventListener("abort", end, { once: true });
    });
}
