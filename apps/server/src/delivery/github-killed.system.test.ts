import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BuiltServer } from "../testing/built-server.ts";
import { FakeGithub } from "../testing/github/fake.ts";
import {
  connection,
  deliver,
  PushedRepository,
  pushed,
  REPOSITORY,
  WEBHOOK_SECRET,
} from "../testing/github/repository.ts";
import { Journey } from "../testing/journey.ts";
import { until } from "../testing/until.ts";

/** A server that is killed again and again while GitHub delivers: what was acknowledged is not lost, and nothing is done twice. */
let server: BuiltServer;
let journey: Journey<BuiltServer>;
let github: FakeGithub;
let repository: PushedRepository;
const main = { project: "main" };
const MERGES = 4;

beforeAll(async () => {
  github = await FakeGithub.start();
  server = await BuiltServer.start();
  await server.kill();
  const file = (name: string, text: string) => {
    writeFileSync(join(server.dir, name), text);
    return join(server.dir, name);
  };
  repository = new PushedRepository(server.dir, join(import.meta.dirname, "..", "testing", "workload"));
  repository.commit("The shop");
  github.head = repository.push();
  const told = {
    ...{ githubUrl: repository.url, githubApiUrl: github.url, githubAppId: github.appId, githubPollSeconds: 10 },
    ...{ githubAppKeyFile: file("app.pem", github.appKey), githubWebhookSecretFile: file("secret", WEBHOOK_SECRET) },
  };
  file("config.json", JSON.stringify(told));
  await server.start();
  journey = await Journey.beginIn(server, {
    github: connection(),
    gates: [{ name: "wait", kind: "approval" }],
    strategy: { batch: { when: "always" } },
  });
  await until("the branch was fetched", async () =>
    (await journey.owner.getPipeline({ params: main })).connections.some((c) => c.seenCommit === github.head),
  );
});
afterAll(async () => {
  await journey?.end();
  await github?.stop();
});

const merged = (number: number, commit: string) => ({
  repository: { id: 7, full_name: REPOSITORY },
  pull_request: {
    ...{ number, title: `Pull request ${number}`, state: "closed", user: { login: "grace" } },
    ...{ head: { sha: "d".repeat(40), ref: "topic" }, base: { ref: "main" }, merge_commit_sha: commit },
    ...{ created_at: "2026-01-01T10:00:00Z", updated_at: "2026-01-01T11:00:00Z", merged_at: "2026-01-01T11:00:00Z" },
  },
});
/** Delivers until it is acknowledged, as GitHub does when it is asked for what failed. */
async function acknowledged(event: string, payload: unknown, id: string): Promise<void> {
  await until(
    `${event} is acknowledged`,
    async () => (await deliver(server.url, { id, event, payload })).status === 202,
  );
}

it("loses nothing that it acknowledged, and tells GitHub of each merge once", async () => {
  const ids: string[] = [];
  const commits: string[] = [];
  for (let n = 1; n <= MERGES; n++) {
    const commit = repository.commit(`Change ${n}`);
    commits.push(commit);
    github.head = repository.push();
    // Answers are lost, too: GitHub has done what the server does not know of when it dies.
    github.lostAnswers.push(/^POST .*check-runs/, /^POST .*\/deployments$/, /^POST .*comments/);
    for (const [event, payload] of [
      ["pull_request", merged(n, commit)],
      ["push", pushed(commit)],
    ] as const) {
      const id = `00000000-0000-0000-0000-${String(ids.length).padStart(12, "0")}`;
      await acknowledged(event, payload, id);
      ids.push(id);
      await server.kill();
      await server.start();
    }
    await until("GitHub is told of it", () => github.checks.some((check) => check.head_sha === commit));
    await server.kill();
    await server.start();
  }
  const { db } = server.database.owner;
  await until("all deliveries are taken in", async () => {
    const taken = await sql<{
      id: string;
    }>`select id from github_delivery where taken_at is not null and problem is null
      order by id`.execute(db);
    return ids.every((id) => taken.rows.some((row) => row.id === id));
  });
  const deployments = await sql<{
    sha: string;
    n: number;
  }>`select source ->> 'commit' as sha, count(*)::int as n from deployment
    group by 1`.execute(db);
  expect(Object.fromEntries(deployments.rows.map((row) => [row.sha, row.n]))).toEqual(
    Object.fromEntries(commits.map((commit) => [commit, 1])),
  );
  await until("GitHub shows each merge", () =>
    commits.every((commit, i) => {
      const isTold = github.deployments.some((d) => d.ref === commit && d.statuses.length > 0);
      return isTold && github.comments.some((c) => c.issue === i + 1);
    }),
  );
  for (const [i, commit] of commits.entries())
    expect({
      checks: github.checks.filter((c) => c.head_sha === commit).length,
      deployments: github.deployments.filter((d) => d.ref === commit).length,
      comments: github.comments.filter((c) => c.issue === i + 1).length,
    }).toEqual({ checks: 1, deployments: 1, comments: 1 });
  const asked = await journey.owner.listLedger({ query: { type: "delivery.deployment.requested", limit: 200 } });
  expect(asked.items).toHaveLength(MERGES);
  expect(github.violations).toEqual([]);
});

it("asks GitHub on from where it was: what it had seen is not read again", async () => {
  const { db } = server.database.owner;
  const cursors = async () => {
    const { rows } = await sql<{ what: string; etag: string | null; polled_at: Date }>`select what, etag, polled_at
      from github_poll where repository = ${REPOSITORY} and etag is not null order by what`.execute(db);
    return new Map(rows.map((row) => [row.what, row]));
  };
  const before = await until("the branch was asked for", async () => {
    const seen = await cursors();
    return seen.has("branch/main") && seen;
  });
  const deployments = async () => (await journey.owner.listDeployments({})).items.length;
  const known = await deployments();
  await server.kill();
  expect(await cursors()).toEqual(before);
  await sql`update github_poll set next_at = now()`.execute(db);
  await server.start();
  const after = await until("it asked again", async () => {
    const seen = await cursors();
    const newer = seen.get("branch/main");
    return newer !== undefined && newer.polled_at > (before.get("branch/main")?.polled_at ?? newer.polled_at) && seen;
  });
  expect(after.get("branch/main")?.etag).toBe(before.get("branch/main")?.etag);
  expect(await deployments()).toBe(known);
});
