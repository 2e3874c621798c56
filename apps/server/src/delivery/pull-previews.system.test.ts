import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connection, PushedRepository, tellOfPull, WEBHOOK_SECRET } from "../testing/github/repository.ts";
import { Installation } from "../testing/installation.ts";
import { Journey } from "../testing/journey.ts";
import { problemOf } from "../testing/problem.ts";
import { until } from "../testing/until.ts";

let journey: Journey;
let repository: PushedRepository;
const previews = { most: 2, database: "own", variables: { SHOP_MODE: "preview" } } as const;

beforeAll(async () => {
  const installation = await Installation.start();
  await installation.stop();
  const secretFile = join(installation.dir, "webhook.secret");
  writeFileSync(secretFile, WEBHOOK_SECRET);
  repository = new PushedRepository(installation.dir, join(import.meta.dirname, "..", "testing", "workload"));
  repository.commit("The shop");
  repository.push();
  await installation.start({ githubUrl: repository.url, githubWebhookSecretFile: secretFile });
  journey = await Journey.beginIn(installation, { github: connection(), previews });
});
afterAll(() => journey?.end());

let clock = 0;
/** Pushes a commit to a branch and tells of its pull request; answers the commit. */
async function pull(number: number, o: { page?: string; build?: string; state?: string; fork?: boolean } = {}) {
  const branch = `topic-${number}`;
  let commit = repository.git("rev-parse", "HEAD");
  if (o.state !== "closed") {
    commit = repository.commit(`Pull ${number}`, undefined, { page: o.page ?? "a page", build: o.build ?? "pass" });
    repository.git("push", "-q", "-f", "origin", `HEAD:${branch}`);
  }
  await tell(number, commit, o.state ?? "open", o.fork ?? false);
  return commit;
}
async function tell(number: number, commit: string, state: string, fork = false): Promise<void> {
  clock += 1;
  const told = { ...{ number, commit, branch: `topic-${number}`, state, fork }, minute: clock };
  expect((await tellOfPull(journey.installation.url, told)).status).toBe(202);
}
const all = async () => (await journey.owner.listPreviews({ params: { project: "main" }, query: {} })).items;
const of = async (number: number) => (await all()).find((p) => p.pullRequest === number);
const inState = (number: number, state: string) =>
  until(`preview ${number} is ${state}`, async () => {
    await journey.gateway.acknowledge();
    const seen = await of(number);
    return seen?.state === state ? seen : null;
  });
const serving = (number: number, commit: string) =>
  until(`preview ${number} serves ${commit}`, async () => {
    await journey.gateway.acknowledge();
    const seen = await of(number);
    return seen?.servingCommit === commit ? seen : null;
  });
const routes = () => (journey.gateway.table?.services ?? []).filter((s) => s.environment.startsWith("pr-"));
const upstream = (number: number) =>
  routes().find((s) => s.environment === `pr-${number}`)?.arms[0]?.upstreams[0] ?? "";
const db = () => journey.installation.database.owner.db;
/** What there is of previews: rows, processes, databases, checkouts and routes. */
async function traces() {
  const { dir } = journey.installation;
  const ids = async (query: ReturnType<typeof sql<{ name: string }>>) =>
    (await query.execute(db())).rows.map((row) => row.name);
  const folder = (name: string) => (existsSync(join(dir, name)) ? readdirSync(join(dir, name)) : []);
  return {
    rows: (await all()).length,
    processes: await ids(sql<{ name: string }>`select release_id as name from release_process`),
    databases: await ids(
      sql<{
        name: string;
      }>`select datname as name from pg_database where datname like ${`${journey.workload.name}\\_pr-%`}`,
    ),
    checkouts: folder("checkouts"),
    routes: routes().length,
  };
}

describe("the preview of a pull request", () => {
  it("is built, served under its own name with nothing of production's, renewed, and removed without a trace", async () => {
    const before = await traces();
    const first = await pull(1, { page: "first" });
    const ready = await serving(1, first);
    expect(ready.address).toMatch(new RegExp(`^http://pr-1\\.${journey.workload.name}\\.localhost:\\d+/$`));
    expect(ready.state).toBe("ready");
    await until("it is routed", async () => {
      await journey.gateway.acknowledge();
      return upstream(1) !== "";
    });
    const firstUpstream = upstream(1);
    expect(await (await fetch(firstUpstream)).text()).toBe("first");
    const { env, pid } = (await (await fetch(`${firstUpstream}/who`)).json()) as {
      env: Record<string, string>;
      pid: number;
    };
    expect(env).toMatchObject({ SHOP_MODE: "preview", LATCHKEY_ENVIRONMENT: "pr-1" });
    expect(new URL(env.DATABASE_URL ?? "").pathname).toBe(`/${journey.workload.name}_pr-1`);
    // It asks for flags with keys of its own, in the environment of previews.
    const asks = (key: string | undefined) =>
      fetch(`${env.LATCHKEY_FLAGS_URL}/ofrep/v1/evaluate/flags/form`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        body: JSON.stringify({ context: { targetingKey: "u-1" } }),
      });
    const rules = { isEnabled: true, otherwise: { kind: "variant" as const, variant: "on" } };
    await journey.owner.putFlag({
      params: { project: "main", flag: "form" },
      body: { definition: { isPublic: true, environments: { preview: rules } }, reason: "a test" },
    });
    const flagKeys = [env.LATCHKEY_FLAGS_KEY, env.LATCHKEY_FLAGS_BROWSER_KEY];
    for (const key of flagKeys) expect(await (await asks(key)).json()).toMatchObject({ value: true });

    const second = await pull(1, { page: "second" });
    await serving(1, second);
    await until("the old process is gone and the new one is routed", async () => {
      await journey.gateway.acknowledge();
      return (await traces()).processes.length === 1 && upstream(1) !== firstUpstream;
    });
    expect(await (await fetch(upstream(1))).text()).toBe("second");
    expect(() => process.kill(pid, 0)).toThrow();

    await tell(1, second, "closed");
    await until("it is gone", async () => {
      await journey.gateway.acknowledge();
      const left = await traces();
      return left.rows + left.processes.length + left.databases.length + left.checkouts.length + left.routes === 0;
    });
    expect(await traces()).toEqual(before);
    for (const key of flagKeys) expect((await asks(key)).status).toBe(401);
    expect((await journey.owner.listFlagKeys({ params: { project: "main" } })).items).toEqual([]);
    // It counts nowhere: it was no deployment and no release.
    const main = { params: { project: "main" } };
    expect((await journey.owner.listDeployments({ ...main, query: {} })).items).toEqual([]);
  });

  it("is never built of a fork", async () => {
    await pull(2, { fork: true });
    const commit = await pull(3);
    await serving(3, commit);
    expect(await of(2)).toBeUndefined();
    await tell(3, commit, "closed");
    await until("it is gone", async () => {
      await journey.gateway.acknowledge();
      return !(await of(3));
    });
  });

  it("says why a build failed, and goes on serving what it served before", async () => {
    const good = await pull(4, { page: "good" });
    await serving(4, good);
    await pull(4, { build: "fail" });
    const failed = await inState(4, "failed");
    expect(failed.words).toContain("Unexpected token in app.ts:3");
    expect(failed.servingCommit).toBe(good);
    const mended = await pull(4, { page: "mended" });
    expect((await serving(4, mended)).state).toBe("ready");
  });

  it("waits where there are as many as there may be, and is kept or removed by people", async () => {
    const five = await pull(5);
    await serving(5, five);
    const six = await pull(6);
    await until("it waits with words", async () => (await of(6))?.words.includes("to be built"));
    const at = (pullRequest: number) => ({
      params: { project: "main", service: journey.workload.name, preview: String(pullRequest) },
    });
    const kept = await journey.owner.keepPreview({ ...at(5), body: { forMs: 86_400_000 * 30, reason: "a demo" } });
    expect(Date.parse(kept.endsAt)).toBeGreaterThan(Date.now() + 86_400_000 * 29);
    const removed = await journey.owner.removePreview({ ...at(4), body: { reason: "looked at" } });
    expect([removed.state, removed.address]).toEqual(["ended", null]);
    expect((await problemOf(journey.owner.removePreview({ ...at(4), body: { reason: "again" } }))).code).toBe(
      "LK_INVALID",
    );
    expect((await problemOf(journey.owner.removePreview({ ...at(77), body: { reason: "none" } }))).code).toBe(
      "LK_NOT_FOUND",
    );
    await serving(6, six);
  });

  it("ends by time", async () => {
    await sql`update preview set ends_at = now() where pull_request = 5`.execute(db());
    expect((await inState(5, "ended")).words).toContain("no new commit");
  });

  it("is made by hand of a branch or a commit without a pull request, once, and goes when it is removed", async () => {
    const params = { project: "main", service: journey.workload.name };
    await journey.owner.removePreview({ params: { ...params, preview: "pr-6" }, body: { reason: "room" } });
    const first = repository.commit("By hand", undefined, { page: "by hand" });
    repository.git("push", "-q", "-f", "origin", "HEAD:Feature/New_form");
    const create = (body: Parameters<typeof journey.owner.createPreview>[0]["body"]) =>
      journey.owner.createPreview({ params, body });
    const called = (name: string, commit: string) =>
      until(`${name} serves ${commit}`, async () => {
        await journey.gateway.acknowledge();
        return (await all()).find((p) => p.name === name && p.servingCommit === commit);
      });
    const made = await create({ branch: "Feature/New_form" });
    expect(made).toMatchObject({ name: "feature-new-form", pullRequest: null, commit: first, state: "waiting" });
    await called("feature-new-form", first);
    // Asked again it is the same one, and brings what is newest.
    const second = repository.commit("Newer", undefined, { page: "newer" });
    repository.git("push", "-q", "-f", "origin", "HEAD:Feature/New_form");
    expect((await create({ branch: "Feature/New_form", reason: "a look" })).name).toBe("feature-new-form");
    await called("feature-new-form", second);
    const one = await create({ branch: "Feature/New_form", commit: first.slice(0, 10) });
    expect(one).toMatchObject({ name: `commit-${first.slice(0, 8)}`, commit: first });
    await called(one.name, first);
    // Each has a database of its own, whose name no environment and no pull request has.
    const { rows } = await sql<{ name: string }>`select datname as name from pg_database
      where starts_with(datname, ${`${journey.workload.name}_by-hand_`})`.execute(db());
    expect(rows).toHaveLength(2);

    const refused = async (body: Parameters<typeof create>[0]) => {
      const { code, fields, detail } = await problemOf(create(body));
      return [code, fields?.[0]?.field, detail];
    };
    expect(await refused({ branch: "nobody" })).toEqual(["LK_INVALID", "branch", expect.stringContaining("no branch")]);
    expect(await refused({})).toEqual(["LK_INVALID", "branch", expect.any(String)]);
    // It is on another branch: what a fork has is not taken by its bare name either.
    expect(await refused({ commit: second })).toEqual(["LK_INVALID", "commit", expect.stringContaining('"main"')]);
    expect(await refused({ branch: "Feature/New_form", commit: "f".repeat(40) })).toEqual(
      expect.arrayContaining(["LK_INVALID", "commit"]),
    );

    const preview = "feature-new-form";
    await journey.owner.removePreview({ params: { ...params, preview }, body: { reason: "looked at" } });
    await until("it is forgotten", async () => {
      await journey.gateway.acknowledge();
      return !(await all()).some((p) => p.name === preview);
    });
    const asked = await until("the ledger has what was asked", async () => {
      const { items } = await journey.owner.listLedger({
        params: { project: "main" },
        query: { type: "delivery.preview.opened" },
      });
      const byPeople = items.filter((entry) => entry.actor.kind !== "system");
      return byPeople.length === 3 && byPeople;
    });
    expect(asked.map((entry) => (entry.data as { reason: string | null }).reason).sort()).toEqual([
      "a look",
      null,
      null,
    ]);
  });

  it("ends with its configuration, all of it", async () => {
    await journey.workload.apply({ github: connection() });
    await until("nothing is left", async () => {
      await journey.gateway.acknowledge();
      const left = await traces();
      return left.rows + left.processes.length + left.databases.length + left.checkouts.length + left.routes === 0;
    });
  });
});
