import { spawnSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** The built functions, called as Netlify calls them. */
const LEADS = join(dirname(fileURLToPath(import.meta.url)), "..");
// In node_modules, so that the test runner loads the built files as they are, and does not compile them once more.
const CACHE = join(LEADS, "..", "..", "node_modules", ".cache");
mkdirSync(CACHE, { recursive: true });
const out = mkdtempSync(join(CACHE, "leads-netlify-"));
const again = mkdtempSync(join(CACHE, "leads-netlify-again-"));
const databaseUrl = process.env.DATABASE_URL;

interface BuiltFunction {
  readonly default: (request: Request, context: object) => Promise<Response>;
  readonly config: { readonly path: readonly string[] };
}

/** Whatever an answer may hold: the tests look at what they expect. */
interface Body {
  readonly id: string;
  readonly status: string | number;
  readonly duplicateOf: string | null;
  readonly items: readonly { readonly id: string }[];
  readonly next: string | null;
}

function build(into: string): void {
  const { DATABASE_URL: _, ...env } = process.env;
  const done = spawnSync(process.execPath, ["build.mjs", "--netlify"], {
    cwd: LEADS,
    env: { ...env, LATCHKEY_ARTIFACT: into },
    encoding: "utf8",
  });
  expect(done.stderr).toBe("");
  expect(done.status).toBe(0);
}

function digest(dir: string): string {
  const hash = createHash("sha256");
  for (const path of readdirSync(dir, { recursive: true, encoding: "utf8" }).sort()) {
    if (/\.\w+$/.test(path)) hash.update(path).update(readFileSync(join(dir, path)));
  }
  return hash.digest("hex");
}

/** Loads a function afresh, with its own environment: an instance reads it once. */
async function load(name: string, url: string | undefined): Promise<BuiltFunction> {
  const kept = process.env.DATABASE_URL;
  if (url === undefined) delete process.env.DATABASE_URL;
  else process.env.DATABASE_URL = url;
  process.env.LOG_LEVEL = "silent";
  try {
    const file = pathToFileURL(join(out, "functions", `${name}.mjs`)).href;
    return (await import(`${file}?${randomUUID()}`)) as BuiltFunction;
  } finally {
    if (kept === undefined) delete process.env.DATABASE_URL;
    else process.env.DATABASE_URL = kept;
  }
}

const lead = (email: string) => ({
  contact: { name: "Sam Example", email, phone: "555-0100-200" },
  property: { address: "1 Main St", city: "Austin", state: "TX", zip: "78701", type: "condo" },
});

/** What a visitor and an agent do, from form to note, through one function. */
async function journey(leads: BuiltFunction): Promise<void> {
  const email = `${randomUUID()}@example.com`;
  const call = async (method: string, path: string, body?: unknown, key?: string) => {
    const request = new Request(`https://leads.example${path}`, {
      method,
      headers: { "content-type": "application/json", ...(key ? { "idempotency-key": key } : {}) },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const response = await leads.default(request, {});
    return { status: response.status, headers: response.headers, body: (await response.json()) as Body };
  };
  const key = randomUUID();
  const made = await call("POST", "/api/leads", lead(email), key);
  expect(made.status).toBe(201);
  expect(made.headers.get("x-correlation-id")).toMatch(/^[0-9a-f-]{36}$/);
  expect(await call("POST", "/api/leads", lead(email), key)).toMatchObject({ status: 200, body: { id: made.body.id } });
  expect((await call("POST", "/api/leads", lead("other@example.com"), key)).status).toBe(422);
  expect((await call("POST", "/api/leads", { ...lead(email), website: "http://spam" })).status).toBe(202);
  expect((await call("POST", "/api/leads", "{")).status).toBe(400);
  const twin = await call("POST", "/api/leads", lead(email.toUpperCase()));
  expect(twin.body.duplicateOf).toBe(made.body.id);
  const listed = await call("GET", `/api/leads?status=new&q=${encodeURIComponent(email)}&limit=1`);
  expect(listed.body.items.map((l) => l.id)).toEqual([twin.body.id]);
  const older = await call("GET", `/api/leads?q=${encodeURIComponent(email)}&cursor=${listed.body.next}`);
  expect(older.body.items.map((l) => l.id)).toEqual([made.body.id]);
  const path = `/api/leads/${made.body.id}`;
  expect((await call("POST", `${path}/status`, { status: "converted" })).status).toBe(409);
  expect((await call("POST", `${path}/status`, { status: "contacted" })).body.status).toBe("contacted");
  expect((await call("POST", `${path}/notes`, { body: "Called." })).status).toBe(201);
  expect((await call("GET", `${path}/notes`)).body.items).toHaveLength(1);
  expect((await call("GET", path)).body.status).toBe("contacted");
  expect((await call("GET", "/api/leads/none")).status).toBe(404);
}

beforeAll(() => build(out));
afterAll(() => {
  for (const dir of [out, again]) rmSync(dir, { recursive: true, force: true });
});

describe("the Netlify build", () => {
  it("is the same for the same sources", () => {
    build(again);
    expect(digest(again)).toBe(digest(out));
  });
  it("has functions with paths, and the catch-all for the page behind them", async () => {
    expect(readdirSync(join(out, "functions")).sort()).toEqual(["health.mjs", "leads.mjs"]);
    expect((await load("leads", undefined)).config.path).toEqual(["/api/leads", "/api/leads/*"]);
    expect((await load("health", undefined)).config.path).toContain("/healthz");
    const toml = readFileSync(join(out, "netlify.toml"), "utf8");
    expect(toml).toMatch(/from = "\/\*"\n {2}to = "\/index.html"\n {2}status = 200/);
  });
});

describe("the functions", () => {
  it("serve a lead from form to note, in memory", async () => {
    await journey(await load("leads", undefined));
  });
  it("tell their health, and 503 when the database is not there", async () => {
    const ask = async (url: string | undefined) => {
      const response = await (await load("health", url)).default(new Request("https://leads.example/healthz"), {});
      return { status: response.status, body: (await response.json()) as { checks: object } };
    };
    const { status, body } = await ask(undefined);
    expect(status).toBe(200);
    expect(Object.keys(body.checks)).toEqual(["database", "cache", "externalApis", "queue"]);
    expect((await ask("postgres://nobody:secret@127.0.0.1:9/none")).status).toBe(503);
  });
});

if (!databaseUrl)
  console.warn("SKIPPED: the functions on a real PostgreSQL. Set DATABASE_URL to an empty database to run them.");
describe.skipIf(!databaseUrl)("the functions on a real PostgreSQL (DATABASE_URL)", () => {
  it("migrate once, and serve a lead from form to note", async () => {
    for (let i = 0; i < 2; i++) {
      const done = spawnSync(process.execPath, [join(out, "migrate.mjs")], { encoding: "utf8" });
      expect(done.stdout).toBe("The schema is up to date.\n");
    }
    await journey(await load("leads", databaseUrl));
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    const { rows } = await client.query("select count(*)::int as count from leads_migration");
    await client.end();
    expect(rows[0]).toEqual({ count: readdirSync(join(LEADS, "migrations")).length });
  });
});
