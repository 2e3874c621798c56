import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BuiltServer } from "../testing/built-server.ts";
import { FakeGithub } from "../testing/github/fake.ts";
import { connection, PushedRepository } from "../testing/github/repository.ts";
import { Journey } from "../testing/journey.ts";
import { until } from "../testing/until.ts";

/** A server that is killed between the steps of a preview, and that GitHub never reaches: polling alone tells it. */
let server: BuiltServer;
let journey: Journey<BuiltServer>;
let github: FakeGithub;
let repository: PushedRepository;

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
    githubAppKeyFile: file("app.pem", github.appKey),
  };
  file("config.json", JSON.stringify(told));
  await server.start();
  journey = await Journey.beginIn(server, { github: connection(), previews: { database: "own" } });
});
afterAll(async () => {
  await journey?.end();
  await github?.stop();
});

const db = () => server.database.owner.db;
const names = async (query: ReturnType<typeof sql<{ name: string }>>) =>
  (await query.execute(db())).rows.map((row) => row.name);
const runs = () => names(sql<{ name: string }>`select release_id as name from release_process`);
const row = async () =>
  (
    await sql<{
      state: string;
      run_id: string | null;
      run_digest: string | null;
      serving_commit: string | null;
    }>`select state, run_id, run_digest, serving_commit from preview`.execute(db())
  ).rows[0];
const ask = () => sql`update github_poll set next_at = now()`.execute(db());
const again = async () => {
  await server.kill();
  await ask();
  await server.start();
};
/** As GitHub's list has it, at a later time each. */
function list(commit: string, state: "open" | "closed"): void {
  github.pulls.splice(0, 1, {
    ...{ id: 1, number: 12, title: "A topic", state, user: { login: "grace" }, merged_at: null },
    head: { sha: commit, ref: "topic", repo: { id: 7 } },
    base: { ref: "main", repo: { id: 7 } },
    created_at: "2026-01-01T10:00:00Z",
    updated_at: new Date(Date.UTC(2026, 0, 1, 11, 0, ++minute)).toISOString(),
  });
}
const statesOf = (commit: string) =>
  github.deployments.filter((d) => d.ref === commit).map((d) => d.statuses.map((s) => s.state));
const commentsOf = () => github.comments.filter((c) => c.issue === 12).map((c) => String(c.body));
let minute = 0;
function push(page: string): string {
  const commit = repository.commit(page, undefined, { page });
  repository.git("push", "-q", "-f", "origin", "HEAD:topic");
  list(commit, "open");
  return commit;
}

it("comes up, is renewed and goes without a trace, with a kill at every step", async () => {
  const pids = new Set<number>();
  const note = async () => {
    const found = await sql<{ pid: number | null }>`select pid from release_process`.execute(db());
    for (const { pid } of found.rows) if (pid !== null) pids.add(pid);
  };
  const commits: string[] = [];
  for (const page of ["first", "second"]) {
    const commit = push(page);
    commits.push(commit);
    await ask();
    await until("it is on record", async () => (await row())?.run_id);
    await again();
    await until("it is built, or serves already", async () => {
      const now = await row();
      return now?.run_digest !== null || now?.serving_commit === commit;
    });
    await again();
    await until("it serves", async () => {
      await note();
      return (await row())?.serving_commit === commit;
    });
    await again();
    await until("one process is left, which answers", async () => {
      await note();
      await journey.gateway.acknowledge().catch(() => {});
      if ((await runs()).length !== 1) return false;
      const upstream = journey.gateway.table?.services.find((s) => s.environment === "pr-12")?.arms[0]?.upstreams[0];
      if (!commentsOf().some((body) => body.includes(commit.slice(0, 8)))) return false;
      if (statesOf(commit)[0]?.at(-1) !== "success") return false;
      return upstream !== undefined && (await (await fetch(upstream)).text().catch(() => "")) === page;
    });
  }
  await server.kill();
  // It closes while nobody is there to be told.
  list("d".repeat(40), "closed");
  await ask();
  await server.start();
  await until("it ended", async () => ((await row())?.state ?? "ended") === "ended");
  await again();
  await until("nothing is left", async () => {
    await journey.gateway.acknowledge().catch(() => {});
    const databases = await names(sql<{ name: string }>`select datname as name from pg_database
      where datname = ${`${journey.workload.name}_pr-12`}`);
    return (await row()) === undefined && (await runs()).length + databases.length === 0;
  });
  // One comment, whatever was killed, and it says in the end that there is nothing any more.
  expect(commentsOf()).toEqual([expect.stringContaining("has no preview now")]);
  await until("GitHub shows no environment", () => commits.every((c) => statesOf(c)[0]?.at(-1) === "inactive"));
  // One deployment for each commit, and nothing of them is kept to be told again.
  for (const commit of commits) expect(statesOf(commit)).toEqual([expect.arrayContaining(["success", "inactive"])]);
  await until(
    "nothing is left to tell",
    async () => (await names(sql<{ name: string }>`select deployment_id as name from github_report`)).length === 0,
  );
  expect(github.violations).toEqual([]);
  expect(pids.size).toBeGreaterThan(1);
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow();
  expect(journey.gateway.table?.services.some((s) => s.environment === "pr-12")).toBe(false);
});
