import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Campaign } from "../testing/fuzz/campaign.ts";
import { Furnished, hubIn } from "../testing/fuzz/ground.ts";
import { changesBetween, stateOf } from "../testing/fuzz/untouched.ts";
import { Installation } from "../testing/installation.ts";
import { until } from "../testing/until.ts";

/** Every route of the description, asked with valid, almost valid and hostile requests: `npm run bench -- fuzz` asks more. */
const SEED = 20_250_101;
const AUTHORISED = 3_000;
const UNAUTHORISED = 1_000;
const LANES = 4;
/** How often one may ask is tested elsewhere; here it would only hide what is asked. */
const UNLIMITED = { readsPerSecond: 100_000, writesPerSecond: 100_000 };
/** Thousands of requests and dozens of builds on a machine that may be busy: a limit for what hangs. */
const HANGS_MS = 900_000;

/** What the description does not tell of, and whether anybody may ask. */
const OTHER_ROUTES: Readonly<Record<string, "open" | "closed">> = {
  "/livez": "open",
  "/readyz": "open",
  "/healthz": "open",
  "/metrics": "closed",
  "/artifacts/:releaseId/*": "closed",
  "/api/v1/openapi.json": "closed",
  "/api/v1/stream": "closed",
  "/api/v1/ledger/export": "closed",
  "/api/v1/backups/:backupId/file": "closed",
  "/api/v1/ledger/log/checkpoint": "closed",
  "/api/v1/ledger/log/tile/*": "closed",
};
/** Signed instead of asked with a credential: their own tests send them what is signed and what is not. */
const HOOKS = [
  ...["deployments", "incidents", "issues", "issue/:key/close"].map((path) => `POST /hooks/devlake/:service/${path}`),
  "POST /hooks/cdevents",
  "POST /hooks/github",
  "POST /hooks/netlify",
  "GET /edge/netlify/:id",
  "POST /edge/netlify/:id",
];
/** Asked with a key of an application, which opens nothing else. */
const OFREP = [
  ...["POST /ofrep/v1/evaluate/flags", "POST /ofrep/v1/evaluate/flags/:key", "GET /ofrep/v1/events"],
  ...["POST /flags/v1/exposures", "POST /flags/v1/events", "OPTIONS /flags/v1/exposures", "OPTIONS /flags/v1/events"],
  ...["GET /flags/v1/snapshot", "GET /flagd/v1/sync", "POST /flags/v1/seen"],
  ...["OPTIONS /ofrep/v1/evaluate/flags", "OPTIONS /ofrep/v1/evaluate/flags/:key", "OPTIONS /ofrep/v1/events"],
];
/**
 * Taken only with a token that an issuer has signed, or that a called system was given, or of a service that runs at Netlify:
 * their own tests have those.
 */
const SIGNED_ELSEWHERE = ["exchangeToken", "answerGate", "getNetlifyEdge"];

let installation: Installation;
let scene: Furnished;
const routes = new Set<string>();

/** What Fastify says when it is made: from then on it tells of every route. */
function watch(message: unknown): void {
  const { fastify } = message as {
    fastify: { addHook(name: "onRoute", hook: (route: { method: string; url: string }) => void): void };
  };
  fastify.addHook("onRoute", ({ method, url }) => {
    if (method !== "HEAD") routes.add(`${method} ${url}`);
  });
}

beforeAll(async () => {
  subscribe("fastify.initialization", watch);
  installation = await Installation.start();
  unsubscribe("fastify.initialization", watch);
  await installation.stop();
  await installation.start({ ...UNLIMITED, githubUrl: hubIn(installation.dir) });
  scene = await Furnished.make({
    get url() {
      return installation.url;
    },
    dir: installation.dir,
    mark: installation.mark,
    get owner() {
      return installation.owner;
    },
    get gateway() {
      return installation.gateway;
    },
    db: installation.database.owner.db,
    restart: async (between) => {
      await installation.stop();
      await between();
      await installation.start({ ...UNLIMITED, githubUrl: hubIn(installation.dir) });
    },
  });
});
afterAll(() => installation.close());

describe("the routes of the server", () => {
  it("are those of the description and the few that are named here", () => {
    const described = scene.operations.map((o) => `${o.method} ${o.path.replace(/\{([^}]+)\}/g, ":$1")}`);
    const others = Object.keys(OTHER_ROUTES).map((url) => `GET ${url}`);
    expect([...routes].sort()).toEqual([...described, ...others, ...HOOKS, ...OFREP].sort());
  });

  it("need a credential, all but sign-in, a workflow's and a gate's own tokens, and health", async () => {
    expect(scene.operations.filter((o) => !o.needsCredential).map((o) => o.id)).toEqual([
      "signIn",
      "exchangeToken",
      "answerGate",
    ]);
    for (const [url, may] of Object.entries(OTHER_ROUTES)) {
      const { status } = await fetch(installation.url + url.replace(/[:*]/g, "x"));
      expect(status === 401, url).toBe(may === "closed");
    }
  });
});

describe("a request by nobody", () => {
  it(
    "changes nothing, whatever it asks for",
    async () => {
      // The lease is with another server: controllers rest, so whatever changes was changed by a request.
      await scene.ground.restart(() =>
        sql`update lease set owner = 'another server', expires_at = now() + interval '1 hour'`.execute(scene.ground.db),
      );
      // What was told before is counted by whichever server is there: that is not a request's doing.
      await until("what was told is counted", async () => {
        const left = await sql`select 1 from insight_dirty`.execute(scene.ground.db);
        return left.rows.length === 0;
      });
      const campaign = new Campaign(scene, SEED);
      expect(await campaign.unauthorised(UNAUTHORISED, LANES)).toEqual([]);
      expect(campaign.tally.findings).toEqual([]);
      expect([...campaign.tally.asked.keys()].sort()).toEqual(scene.operations.map((o) => o.id).sort());
      // The same look does see a write by somebody who may.
      const before = await stateOf(scene.ground.db, installation.dir);
      await installation.owner.createSignInLink({});
      expect(changesBetween(before, await stateOf(scene.ground.db, installation.dir))).toEqual(
        expect.arrayContaining(["access_token", "sign-in.url"]),
      );
      await scene.ground.restart(() => sql`delete from lease`.execute(scene.ground.db));
    },
    HANGS_MS,
  );
});

describe("a request by somebody", () => {
  it(
    "gets an answer as described or a problem that says what to do, and the server lives on",
    async () => {
      const campaign = new Campaign(scene, SEED);
      await campaign.authorised(AUTHORISED, LANES);
      await campaign.getThrough(240);
      const { tally } = campaign;
      expect(tally.findings).toEqual([]);
      // Every operation is got through to, not only refused; but for those that want what others have signed.
      const within = scene.operations.map((o) => o.id).filter((id) => !SIGNED_ELSEWHERE.includes(id));
      expect([...tally.taken.keys()].filter((id) => !SIGNED_ELSEWHERE.includes(id)).sort()).toEqual(within.sort());
      expect(await (await fetch(`${installation.url}/livez`)).json()).toEqual({ status: "alive" });
      expect((await installation.owner.verifyLedger({})).ok).toBe(true);
    },
    HANGS_MS,
  );
});
