import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { EVENTS } from "@latchkey/core/delivery/github/facts";
import { KINDS } from "@latchkey/core/delivery/github/fold";
import examples from "@octokit/webhooks-examples/api.github.com/index.json" with { type: "json" };
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  connection,
  deliver,
  PushedRepository,
  pushed,
  REPOSITORY,
  WEBHOOK_SECRET,
} from "../testing/github/repository.ts";
import { Installation } from "../testing/installation.ts";
import { Journey } from "../testing/journey.ts";
import { until } from "../testing/until.ts";

let journey: Journey;
let repository: PushedRepository;
let secretFile: string;

beforeAll(async () => {
  const installation = await Installation.start();
  await installation.stop();
  secretFile = join(installation.dir, "webhook.secret");
  writeFileSync(secretFile, `${WEBHOOK_SECRET}\n`);
  repository = new PushedRepository(installation.dir, join(import.meta.dirname, "..", "testing", "workload"));
  repository.commit("The shop");
  repository.push();
  await installation.start({ githubUrl: repository.url, githubWebhookSecretFile: secretFile });
  journey = await Journey.beginIn(installation, { github: connection(), strategy: { batch: { when: "off" } } });
});
afterAll(() => journey?.end());

const db = () => journey.installation.database.owner.db;
const send = (event: string, payload: unknown, more: { id?: string; secret?: string } = {}) =>
  deliver(journey.installation.url, { event, payload, ...more });
const storedCount = async () =>
  Number((await sql<{ n: string }>`select count(*) as n from github_delivery`.execute(db())).rows[0]?.n);
const allTaken = () =>
  until("all deliveries are taken in", async () => {
    const left = await sql`select 1 from github_delivery where taken_at is null`.execute(db());
    return left.rows.length === 0;
  });
const states = async () =>
  (await sql`select repository, kind, key, fields from github_state order by repository, kind, key`.execute(db())).rows;
const deployments = async () =>
  (await journey.owner.listDeployments({ params: { project: "main" }, query: { service: journey.workload.name } }))
    .items;

describe("a delivery", () => {
  it("is stored and answered with 202, once for its id", async () => {
    const id = "11111111-0000-0000-0000-000000000001";
    const payload = { zen: "a ping" };
    const first = await send("ping", payload, { id });
    expect([first.status, await first.json()]).toEqual([202, { delivery: id, stored: true }]);
    const second = await send("ping", payload, { id });
    expect([second.status, await second.json()]).toEqual([202, { delivery: id, stored: false }]);
  });

  it("with another signature is refused, and nothing is stored", async () => {
    const before = await storedCount();
    const refused = await send("push", pushed("a".repeat(40)), { secret: "guessed" });
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([401, "LK_UNAUTHENTICATED"]);
    const unsigned = await fetch(`${journey.installation.url}/hooks/github`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-github-delivery": "x", "x-github-event": "push" },
      body: "{}",
    });
    expect(unsigned.status).toBe(401);
    expect(await storedCount()).toBe(before);
  });

  it("without GitHub's headers is refused by the header's name", async () => {
    const bare = await fetch(`${journey.installation.url}/hooks/github`, { method: "POST", body: "{}" });
    expect([bare.status, ((await bare.json()) as { detail: string }).detail]).toEqual([
      400,
      "The header x-github-delivery is missing or not as GitHub sends it.",
    ]);
  });

  it("may be signed with the old or the new secret while it is changed", async () => {
    writeFileSync(secretFile, `the next secret\n${WEBHOOK_SECRET}\n`);
    await until(
      "the new secret is good",
      async () => (await send("ping", {}, { secret: "the next secret" })).status === 202,
    );
    expect((await send("ping", {})).status).toBe(202);
  });

  it("of every kind that GitHub publishes is taken in, and its body goes", async () => {
    const published = (examples as { name: string; examples: unknown[] }[]).filter(({ name }) =>
      (EVENTS as readonly string[]).includes(name),
    );
    for (const { name, examples: payloads } of published)
      for (const payload of payloads) expect((await send(name, payload)).status).toBe(202);
    await allTaken();
    const left =
      await sql`select event, problem from github_delivery where problem is not null or body is not null`.execute(db());
    expect(left.rows).toEqual([]);
    const kinds = new Set(((await states()) as { kind: string }[]).map((row) => row.kind));
    expect(KINDS.filter((kind) => !kinds.has(kind))).toEqual(["secret_scanning_alert"]);
  });

  it("names nobody in clear once it is taken in", async () => {
    const text = JSON.stringify(await states());
    expect(text).toContain("sealed(");
    expect(text).not.toMatch(/"author":\{[^}]*"value":"Codertocat"/);
  });

  it("that can't be read is kept with the reason, and does not stop the others", async () => {
    await send("pull_request", { repository: { id: 1, full_name: REPOSITORY } });
    await allTaken();
    const bad = await sql<{ problem: string }>`select problem from github_delivery where problem is not null`.execute(
      db(),
    );
    expect(bad.rows).toEqual([{ problem: "pull_request: pull_request is missing" }]);
  });
});

describe("a push to the branch", () => {
  it("of what was there when the service was connected deploys nothing", async () => {
    await until("the branch was fetched", async () => {
      const rows = await sql`select 1 from github_branch where seen_sha is not null`.execute(db());
      return rows.rows.length > 0;
    });
    expect(await deployments()).toEqual([]);
  });

  it("is built from the commit, and its release says so", async () => {
    const commit = repository.commit("Wider form");
    repository.push();
    await send("push", pushed(commit));
    const [made] = await until("it is deployed", async () => {
      const all = await deployments();
      return all.length > 0 && all;
    });
    const rollout = await journey.rolloutOf(made?.id ?? "");
    await journey.drive(rollout, {}, "completed");
    const ended = await journey.deployment(made?.id ?? "");
    expect(ended).toMatchObject({ status: "succeeded", createdBy: "GitHub", reason: "Merged to main: Wider form" });
    expect(ended.release).toMatchObject({ commit, branch: "main", dirty: false, message: "Wider form", author: "Ada" });
    expect(ended.changes.map((c) => c.commit)).toEqual([commit]);
  });

  it("that changes nothing of the service is not deployed, nor is one to another branch", async () => {
    const before = (await deployments()).length;
    const commit = repository.commit("A note", "README.md");
    repository.push();
    await send("push", pushed(commit));
    await send("push", { ...pushed(commit), ref: "refs/heads/other" });
    await until("the commit was seen", async () => {
      const rows = await sql`select 1 from github_branch where seen_sha = ${commit}`.execute(db());
      return rows.rows.length > 0;
    });
    expect(await deployments()).toHaveLength(before);
  });

  it("after another that still waits makes that one needless", async () => {
    const first = repository.commit("First of two", undefined, { gate: "wait" });
    repository.push();
    await send("push", pushed(first));
    const waiting = await until("the first is at its gate", async () =>
      (await deployments()).find((d) => d.reason.endsWith("First of two") && d.status === "gating"),
    );
    const second = repository.commit("Second of two");
    repository.push();
    await send("push", pushed(second));
    const newest = await until("the second was asked for", async () =>
      (await deployments()).find((d) => d.reason.endsWith("Second of two")),
    );
    expect(await journey.deployment(waiting.id)).toMatchObject({
      status: "superseded",
      words: `A newer merge contains it: deployment ${newest.id} follows.`,
    });
    await journey.untilDeployment(newest.id, "rolling_out");
    expect((await journey.deployment(newest.id)).changes.map((c) => c.message)).toEqual([
      "Second of two",
      "First of two",
    ]);
  });
});
