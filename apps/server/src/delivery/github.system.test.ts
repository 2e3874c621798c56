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
import { problemOf } from "../testing/problem.ts";
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

describe("the pipeline", () => {
  const pipeline = () =>
    journey.owner.getPipeline({ params: { project: "main" }, query: { service: journey.workload.name } });
  const change = (key: string) =>
    journey.owner.getChange({ params: { project: "main", service: journey.workload.name, change: key } });
  const pull = (state: "open" | "closed", merged: string | null, minute: number) => ({
    repository: { id: 7, full_name: REPOSITORY },
    pull_request: {
      number: 12,
      title: "New colours",
      state,
      user: { login: "grace" },
      head: { sha: "d".repeat(40), ref: "colours" },
      base: { ref: "main" },
      created_at: "2026-01-01T10:00:00Z",
      updated_at: `2026-01-01T10:${String(minute).padStart(2, "0")}:00Z`,
      merged_at: merged ? `2026-01-01T10:${String(minute).padStart(2, "0")}:00Z` : null,
      merge_commit_sha: merged,
    },
  });
  const check = (conclusion: string) => ({
    repository: { id: 7, full_name: REPOSITORY },
    check_run: {
      id: 5,
      name: "lint",
      head_sha: "d".repeat(40),
      status: "completed",
      conclusion,
      started_at: "2026-01-01T10:01:00Z",
      completed_at: conclusion === "failure" ? "2026-01-01T10:02:00Z" : "2026-01-01T10:03:00Z",
    },
  });

  it("shows an open pull request, and the check that is in its way", async () => {
    await send("pull_request", pull("open", null, 0));
    await send("check_run", check("failure"));
    await allTaken();
    const item = (await pipeline()).items.find((i) => i.change.key === "pr-12");
    expect(item).toMatchObject({ stage: "checks", blockedBy: "Failed: lint.", over: false });
    expect(item?.change).toMatchObject({
      state: "open",
      title: "New colours",
      author: "grace",
      pullRequest: 12,
      commit: null,
    });
  });

  it("makes one change of a pull request and its commit, whichever is heard of first", async () => {
    const commit = repository.commit("New colours (#12)");
    repository.push();
    await send("push", pushed(commit));
    await until("the commit is a change", () => change(commit).catch(() => null));
    await send("pull_request", pull("closed", commit, 9));
    await send("check_run", check("success"));
    await allTaken();
    expect(await change("pr-12")).toMatchObject({ commit, state: "merged", mergedAt: "2026-01-01T10:09:00.000Z" });
    expect((await change(commit)).key).toBe("pr-12");
    const all = await journey.owner.listChanges({ params: { project: "main", service: journey.workload.name } });
    expect(all.items.filter((c) => c.commit === commit)).toHaveLength(1);
  });

  it("follows it to production, with the time from its opening", async () => {
    const { commit } = await change("pr-12");
    const under = await until("the rollout before is under way", async () =>
      (await deployments()).find((d) => d.reason.endsWith("Second of two") && d.rolloutId !== null),
    );
    await journey.act(under.rolloutId ?? "", "abort", "make way");
    await journey.drive(under.rolloutId ?? "", {}, "aborted");
    const own = await until("it has its deployment", async () =>
      (await deployments()).find((d) => d.reason.endsWith("New colours (#12)")),
    );
    const rollout = await journey.rolloutOf(own.id);
    const shown = await until("it is shown in its canary", async () =>
      (await pipeline()).items.find((i) => i.change.key === "pr-12" && i.trafficPercent === 10),
    );
    expect(shown).toMatchObject({ stage: "canary", deploymentId: own.id, rolloutId: rollout });
    await journey.act(rollout, "promote", "seen enough");
    await journey.drive(rollout, {}, "holdback");
    const there = await until("it is in production", async () => {
      const now = await change("pr-12");
      return now.deployedAt !== null && now;
    });
    expect(there.deploymentId).toBe(own.id);
    expect(there.leadTimeMs).toBe(Date.parse(there.deployedAt ?? "") - Date.parse("2026-01-01T10:00:00Z"));
    expect((await pipeline()).items.find((i) => i.change.commit === commit)).toMatchObject({
      stage: "production",
      over: true,
    });
  });

  it("lists changes page by page, and refuses a cursor that is none", async () => {
    const params = { project: "main", service: journey.workload.name };
    const seen: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await journey.owner.listChanges({ params, query: { limit: 1, ...(cursor ? { cursor } : {}) } });
      seen.push(...page.items.map((c) => c.key));
      cursor = page.next;
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.length).toBeGreaterThan(3);
    const problem = await problemOf(journey.owner.listChanges({ params, query: { cursor: "x" } }));
    expect(problem.fields?.map((f) => f.field)).toEqual(["cursor"]);
  });
});
