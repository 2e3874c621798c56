import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FakeGithub } from "../testing/github/fake.ts";
import { connection, PushedRepository } from "../testing/github/repository.ts";
import { Installation } from "../testing/installation.ts";
import { until } from "../testing/until.ts";
import { Workload } from "../testing/workload.ts";

let installation: Installation;
let workload: Workload;
let repository: PushedRepository;
let github: FakeGithub;

const tokenFile = () => join(installation.dir, "token");
beforeAll(async () => {
  github = await FakeGithub.start();
  installation = await Installation.start();
  await installation.stop();
  writeFileSync(tokenFile(), github.token);
  repository = new PushedRepository(installation.dir, join(import.meta.dirname, "..", "testing", "workload"));
  repository.commit("The shop");
  github.head = repository.push();
  workload = new Workload(installation);
});
afterAll(async () => {
  await installation.close();
  await github.stop();
});
const start = (more: object = {}) =>
  installation.start({ githubUrl: repository.url, githubApiUrl: github.url, githubTokenFile: tokenFile(), ...more });
const due = () => sql`update github_poll set next_at = now()`.execute(installation.database.owner.db);
const params = { project: "main" };

describe("a server that GitHub can't reach", () => {
  beforeAll(async () => {
    await start({ githubPollSeconds: 10 });
    await workload.apply({ github: connection(), strategy: { batch: { when: "off" } } });
    await until("the branch was fetched", async () =>
      (await installation.owner.getPipeline({ params })).connections.some((c) => c.seenCommit === github.head),
    );
  });

  it("asks for pull requests, their checks and alerts, and finds a merge by the branch", async () => {
    github.pulls.push({
      id: 1,
      number: 12,
      title: "New colours",
      state: "open",
      user: { login: "grace" },
      head: { sha: "d".repeat(40), ref: "colours" },
      base: { ref: "main" },
      created_at: "2026-01-01T10:00:00Z",
      updated_at: "2026-01-01T10:00:00Z",
      merged_at: null,
    });
    github.checks.push({
      id: 5,
      name: "lint",
      head_sha: "d".repeat(40),
      status: "completed",
      conclusion: "failure",
      started_at: "2026-01-01T10:01:00Z",
      completed_at: "2026-01-01T10:02:00Z",
    });
    github.alerts.dependabot = [
      {
        id: 1,
        number: 3,
        state: "open",
        created_at: "2026-01-01T10:00:00Z",
        updated_at: "2026-01-01T10:00:00Z",
        security_advisory: { severity: "high", ghsa_id: "GHSA-x" },
      },
    ];
    const item = await until("the check is known", async () => {
      await due();
      return (await installation.owner.getPipeline({ params })).items.find((i) => i.blockedBy === "Failed: lint.");
    });
    expect(item.change).toMatchObject({ key: "pr-12", author: "grace" });
    await until("the alert is known", async () => {
      const found = await sql`select 1 from github_state where kind = 'dependabot_alert' and key = '3'`.execute(
        installation.database.owner.db,
      );
      return found.rows.length > 0;
    });
    github.head = repository.commit("Wider form");
    repository.push();
    const made = await until("it is deployed", async () => {
      await due();
      return (await installation.owner.listDeployments({ params })).items[0];
    });
    expect(made.reason).toBe("Merged to main: Wider form");
  });

  it("asks with the ETag of the answer before, and is not told the same again", async () => {
    await due();
    const before = github.asked.length;
    await until("it has asked again", () => github.asked.slice(before).some((line) => line.includes("/pulls?")));
    const etags = await sql<{ what: string }>`select what from github_poll where etag is not null`.execute(
      installation.database.owner.db,
    );
    expect(etags.rows.map((row) => row.what)).toEqual(expect.arrayContaining(["pull_request/main", "branch/main"]));
  });

  it("waits as long as GitHub says when its allowance is used up", async () => {
    const reset = Math.floor(Date.now() / 1000) + 1_800;
    await due();
    for (let i = 0; i < 8; i++)
      github.refusals.push({
        status: 403,
        headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(reset) },
      });
    const row = await until("it waits", async () => {
      const found = await sql<{
        seconds: number;
      }>`select extract(epoch from next_at - now())::float as seconds from github_poll
        where what = 'pull_request/main' and problem is not null`.execute(installation.database.owner.db);
      return found.rows[0];
    });
    expect(row.seconds).toBeGreaterThan(1_700);
    github.refusals.length = 0;
  });
});

describe("a server that GitHub could not reach for a while", () => {
  it("asks for what failed to be delivered, and for nothing that came in the end", async () => {
    await installation.stop();
    const at = new Date().toISOString();
    const delivery = (id: number, guid: string, status: string) => ({
      id,
      guid,
      status,
      delivered_at: at,
      event: "push",
    });
    github.hooks.push({
      id: 9,
      config: { url: "https://latchkey.example/hooks/github" },
      deliveries: [
        delivery(4, "c", "OK"),
        delivery(3, "c", "Invalid HTTP Response: 503"),
        delivery(2, "b", "failed to connect to host"),
        delivery(1, "a", "OK"),
      ],
      redelivered: [],
    });
    // It asks as soon as it is there, and then only after ten minutes.
    await start({ publicUrl: "https://latchkey.example" });
    await until("it has asked", () => (github.hooks[0]?.redelivered.length ?? 0) > 0);
    expect(github.hooks[0]?.redelivered).toEqual([2]);
    expect(github.violations).toEqual([]);
  });
});
