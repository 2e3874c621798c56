import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fold } from "../../shared/registers.ts";
import { commitOf, deploymentOf, type Fact, pullRequestOf, type Thing } from "../history.ts";
import { problemLine } from "./fact.ts";
import { githubEventFacts, githubKind } from "./github.ts";
import { type GithubPage, githubPagesFacts, repositoryInPages } from "./github-pages.ts";

const API = "https://api.github.com/repos/hidden/shop";
const sha = (n: number): string => String(n).padStart(40, "a");
const time = (minute: number): string => new Date(Date.UTC(2026, 10, 1, 12, minute)).toISOString();
const ms = (minute: number): number => Date.UTC(2026, 10, 1, 12, minute);
const context = { repository: "hidden/shop", service: "leads", environment: "production" };

const commit = (n: number, parents: readonly number[], message = `change ${n}`) => ({
  ...{ sha: sha(n), url: `${API}/commits/${sha(n)}`, parents: parents.map((parent) => ({ sha: sha(parent) })) },
  commit: { message, author: { name: "Ada", date: time(n) }, committer: { name: "Ada", date: time(n + 1) } },
});
const pull = {
  ...{
    url: `${API}/pulls/12`,
    number: 12,
    title: "A form",
    state: "closed",
    labels: [{ name: "form" }, { name: "ui" }],
  },
  ...{ created_at: time(1), updated_at: time(9), closed_at: time(8), merged_at: time(8), merge_commit_sha: sha(2) },
  base: { ref: "main" },
};
const deployment = (id: number, n: number, minute: number, environment = "Production") => ({
  ...{ url: `${API}/deployments/${id}`, id, sha: sha(n), ref: "main", task: "deploy", environment },
  ...{ created_at: time(minute), updated_at: time(minute + 5), production_environment: environment === "Production" },
});
const status = (id: number, of: number, state: string, minute: number) => ({
  ...{ url: `${API}/deployments/${of}/statuses/${id}`, id, state, created_at: time(minute) },
  deployment_url: `${API}/deployments/${of}`,
});
const review = (id: number, state: string, minute: number) => ({
  ...{ id, state, submitted_at: time(minute), pull_request_url: `${API}/pulls/12`, user: { login: "bob" } },
});
/** 1 <- 2 <- 3 (takes 2 back); then 2 is deployed again. */
const PAGES: readonly GithubPage[] = [
  {
    place: "commits.json",
    body: [commit(1, []), commit(2, [1]), commit(3, [2], `Revert\n\nThis reverts commit ${sha(2)}.`)],
  },
  { place: "pulls.json", body: [pull] },
  {
    place: "reviews.json",
    body: [review(1, "CHANGES_REQUESTED", 5), review(2, "APPROVED", 7), review(3, "COMMENTED", 3)],
  },
  { place: "deployments.json", body: [1, 2, 3, 2].map((n, i) => deployment(i + 1, n, 10 * (i + 1))) },
  {
    place: "statuses.json",
    body: [1, 2, 3, 4].flatMap((id) => [
      ...[status(id * 10, id, "queued", id * 10), status(id * 10 + 1, id, "in_progress", id * 10 + 1)],
      ...[status(id * 10 + 2, id, "success", id * 10 + 2), status(id * 10 + 3, id, "inactive", id * 10 + 12)],
    ]),
  },
  { place: "issues.json", body: [{ id: 1, title: "a question" }] },
];
const read = (pages: readonly GithubPage[]) => {
  const made = githubPagesFacts(pages, context);
  if (!made.ok) throw new Error(made.error.map(problemLine).join("\n"));
  return made.value;
};
function statesOf(facts: readonly Fact[]): Record<string, Thing> {
  const things: Record<string, Thing> = {};
  for (const fact of facts) things[fact.key] = fold(things[fact.key] ?? {}, fact);
  return things;
}
const key = (id: number): string => `github:hidden/shop/deployment/${id}`;
const deployed = (facts: readonly Fact[], id: number) => deploymentOf(key(id), statesOf(facts)[key(id)] ?? {});

describe("pages of GitHub's API", () => {
  it("give a deployment for each of its ids, however many statuses it has", () => {
    const { facts, counts, others } = read(PAGES);
    expect({ counts, others }).toEqual({
      counts: { pull: 1, review: 3, commit: 3, deployment: 4, status: 16, release: 0 },
      others: 1,
    });
    expect(new Set(facts.filter(({ kind }) => kind === "deployment").map((fact) => fact.key)).size).toBe(4);
    expect(deployed(facts, 1)).toMatchObject({
      ...{
        service: "leads",
        environment: "production",
        isProduction: true,
        outcome: "succeeded",
        commit: sha(1),
        commits: null,
      },
      ...{ requestedAtMs: ms(10), startedAtMs: ms(11), servedAllAtMs: ms(12), finishedAtMs: ms(12) },
    });
  });
  it("tell what each deployment brought, which one mends, and which goes back", () => {
    const { facts } = read(PAGES);
    expect(deployed(facts, 2)).toMatchObject({ kind: "planned", commits: [sha(2)], previousCommit: sha(1) });
    expect(deployed(facts, 3)).toMatchObject({ kind: "hotfix", commits: [sha(3)], remedies: key(2) });
    expect(deployed(facts, 4)).toMatchObject({ kind: "rollback", commits: [], remedies: key(3) });
  });
  it("leave open what was brought where a commit on the way is missing", () => {
    const [commits, ...rest] = PAGES;
    const { facts } = read([{ place: "commits.json", body: ((commits?.body ?? []) as object[]).slice(2) }, ...rest]);
    expect(deployed(facts, 2)).toMatchObject({ commits: null, kind: "planned" });
    expect(deployed(facts, 3)).toMatchObject({ commits: [sha(3)] });
  });
  it("tell of a pull request, its first review and its approval, and of commits", () => {
    const things = statesOf(read(PAGES).facts);
    expect(pullRequestOf("", things["hidden/shop#12"] ?? {})).toMatchObject({
      ...{ number: 12, title: "A form", labels: ["form", "ui"], openedAtMs: ms(1), firstReviewedAtMs: ms(3) },
      ...{ approvedAtMs: ms(7), mergedAtMs: ms(8), closedAtMs: ms(8), mergeCommit: sha(2) },
    });
    expect(commitOf("", things[sha(3)] ?? {})).toMatchObject({
      ...{
        repository: "hidden/shop",
        title: "Revert",
        reverts: sha(2),
        authoredAtMs: ms(3),
        committedAtMs: ms(4),
        isMerge: false,
      },
    });
  });
  it("give the same state in whatever order and however often they come", () => {
    const once = statesOf(read(PAGES).facts);
    fc.assert(
      fc.property(fc.shuffledSubarray([...PAGES, ...PAGES], { minLength: PAGES.length * 2 }), (pages) => {
        expect(statesOf(read(pages).facts)).toEqual(once);
      }),
      { numRuns: 50 },
    );
  });
  it("take releases for deployments only where there is none", () => {
    const release = (id: number, o: object = {}) => ({
      ...{
        id,
        tag_name: `v${id}`,
        target_commitish: sha(id),
        published_at: time(id),
        draft: false,
        prerelease: false,
        ...o,
      },
    });
    const page = {
      place: "releases.json",
      body: [release(1), release(2, { draft: true }), release(3, { prerelease: true })],
    };
    const alone = read([page]);
    expect(alone.isByRelease).toBe(true);
    expect(alone.facts.map((fact) => fact.fields.label)).toEqual(["v1"]);
    expect(read([...PAGES, page]).facts).toEqual(read(PAGES).facts);
  });
  it.each([
    [{ ...pull, created_at: "yesterday" }, "p.json[0].created_at: must be a time"],
    [{ ...pull, merge_commit_sha: "abc" }, "p.json[0].merge_commit_sha: must be the full name of a commit"],
    [status(1, 1, "splendid", 1), "p.json[0].state: is splendid"],
    [{ ...status(1, 1, "success", 1), deployment_url: "x" }, "p.json[0].deployment_url: must end with"],
    [{ ...deployment(1, 1, 1), sha: null }, ""],
    [{ ...commit(1, []), commit: null }, "p.json[0].commit: is missing"],
  ])("are refused as a whole with the place of what is wrong: %#", (wrong, words) => {
    const made = githubPagesFacts([...PAGES, { place: "p.json", body: [wrong] }], context);
    if (words === "") expect(made.ok).toBe(true);
    else
      expect(made.ok ? [] : made.error.map(problemLine)).toEqual(
        expect.arrayContaining([expect.stringContaining(words)]),
      );
  });
  it("say which repository they are of", () => {
    expect(repositoryInPages(PAGES)).toBe("hidden/shop");
    expect(repositoryInPages([{ place: "", body: [{ id: 1 }] }])).toBeNull();
  });
  it("of an unknown thing are known for none", () =>
    expect(["text", null, {}, { number: 1 }].map(githubKind)).toEqual([null, null, null, null]));
});

describe("events of GitHub", () => {
  const repository = { full_name: "hidden/shop" };
  const o = { service: "leads", environment: "production" };
  it("make the same of a deployment as its pages do", () => {
    const body = {
      action: "created",
      repository,
      deployment: deployment(1, 1, 10),
      deployment_status: status(12, 1, "success", 12),
    };
    const made = githubEventFacts("deployment_status", body, o);
    const pages = read([{ place: "", body: [body.deployment, body.deployment_status] }]);
    expect(made).toEqual({ ok: true, value: pages.facts });
  });
  it("tell of a pull request; a try at merging is no merge", () => {
    const open = { ...pull, state: "open", merged_at: null, closed_at: null };
    const made = githubEventFacts("pull_request", { action: "opened", repository, pull_request: open }, o);
    const fields = made.ok ? made.value[0]?.fields : {};
    expect(fields).toMatchObject({ openedAtMs: ms(1) });
    expect(fields).not.toHaveProperty("mergeCommit");
  });
  it("of other things make nothing, and broken ones are refused", () => {
    expect(githubEventFacts("star", {}, o)).toEqual({ ok: true, value: [] });
    const broken = githubEventFacts("deployment", { repository }, o);
    expect(broken.ok ? [] : broken.error.map(problemLine)).toContain("deployment: is missing: what the event is about");
  });
});
