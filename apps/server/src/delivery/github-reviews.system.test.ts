import { writeFileSync } from "node:fs";
import { join } from "node:path";
import examples from "@octokit/webhooks-examples/api.github.com/index.json" with { type: "json" };
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FakeGithub } from "../testing/github/fake.ts";
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

/** Reviews on GitHub are approvals: of people who are known there, of the commit that is merged, and never of one's own. */
let journey: Journey;
let repository: PushedRepository;
let github: FakeGithub;
let number = 100;

const main = { project: "main" };
beforeAll(async () => {
  github = await FakeGithub.start();
  const installation = await Installation.start();
  await installation.stop();
  const file = (name: string, text: string) => {
    const path = join(installation.dir, name);
    writeFileSync(path, text);
    return path;
  };
  repository = new PushedRepository(installation.dir, join(import.meta.dirname, "..", "testing", "workload"));
  repository.commit("The shop");
  github.head = repository.push();
  await installation.start({
    githubUrl: repository.url,
    githubApiUrl: github.url,
    githubTokenFile: file("token", github.token),
    githubWebhookSecretFile: file("secret", WEBHOOK_SECRET),
    githubPollSeconds: 10,
  });
  journey = await Journey.beginIn(installation, {
    github: connection(),
    strategy: { batch: { when: "off" } },
    gates: [{ name: "second pair of eyes", kind: "approval" }],
  });
  await journey.owner.addPerson({ params: main, body: { name: "Ada", role: "owner", githubLogin: "ada-writes" } });
  for (const [name, githubLogin, role] of [
    ["Grace H.", "Grace-H", "deployer"],
    ["Vera V.", "vera", "viewer"],
  ] as const)
    await journey.owner.addPerson({ params: main, body: { name, role, githubLogin } });
  await until("the branch was fetched", async () =>
    (await journey.owner.getPipeline({ params: main })).connections.some((c) => c.seenCommit === github.head),
  );
});
afterAll(async () => {
  await journey?.end();
  await github?.stop();
});

type Payload = Record<string, Record<string, unknown>>;
const example = (examples as unknown as { name: string; examples: Payload[] }[]).find(
  (e) => e.name === "pull_request_review",
)?.examples[0];
const HEAD = "d".repeat(40);

/** A pull request of Ada's that is merged as the commit. */
const merged = (pull: number, commit: string, author = "Ada-Writes") => ({
  action: "closed",
  repository: { id: 7, full_name: REPOSITORY },
  pull_request: {
    number: pull,
    title: "Wider form",
    state: "closed",
    user: { login: author },
    head: { sha: HEAD, ref: "form" },
    base: { ref: "main" },
    created_at: "2026-01-01T10:00:00Z",
    updated_at: "2026-01-01T12:00:00Z",
    merged_at: new Date().toISOString(),
    merge_commit_sha: commit,
  },
});
/** GitHub's own example, of another review. */
const review = (pull: number, login: string, state: string, more: object = {}) => ({
  ...example,
  repository: { id: 7, full_name: REPOSITORY },
  pull_request: { ...example?.pull_request, number: pull },
  review: {
    ...example?.review,
    ...{ id: pull * 10, state, user: { login }, commit_id: HEAD, submitted_at: "2026-01-01T11:00:00Z" },
    ...{ updated_at: "2026-01-01T11:00:00Z", ...more },
  },
});
const send = async (event: string, payload: unknown) =>
  expect((await deliver(journey.installation.url, { event, payload })).status).toBe(202);

/** Merges a commit, and answers its deployment when it waits for an approval. */
async function merge(): Promise<{ id: string; pull: number; commit: string }> {
  number += 1;
  const commit = repository.commit(`Change ${number}`);
  github.head = repository.push();
  await send("push", pushed(commit));
  const id = await until("it waits for people", async () => {
    const { items } = await journey.owner.listDeployments({ params: main, query: {} });
    const own = items.find((d) => d.reason === `Merged to main: Change ${number}`);
    return own && (await gateOf(own.id))?.status === "pending" ? own.id : undefined;
  });
  return { id, pull: number, commit };
}
const gateOf = async (id: string) => (await journey.deployment(id)).gates[0];
const saysOf = (id: string, words: RegExp) =>
  until(`the gate says ${words}`, async () => {
    const gate = await gateOf(id);
    return words.test(JSON.stringify(gate)) ? gate : undefined;
  });

describe("a review on GitHub", () => {
  it("of the merged commit by somebody who may is an approval, whatever comes first and however often", async () => {
    const { id, pull, commit } = await merge();
    for (const once of [1, 2])
      await send("pull_request_review", review(pull, "grace-h", "approved", { body: `${once}` }));
    await send("pull_request", merged(pull, commit));
    const gate = await saysOf(id, /"passed"/);
    expect(gate).toMatchObject({ status: "passed", words: "Approved by Grace H.." });
    const { items } = await journey.owner.listApprovals({ params: main, query: {} });
    expect(items.find((a) => a.subject === `deployment/${id}`)?.voices).toMatchObject([
      { person: "Grace H.", via: "github", reason: `Approved pull request #${pull} on GitHub.` },
    ]);
    await journey.drive(await journey.rolloutOf(id), {}, "completed");
    const given = await journey.owner.listLedger({ query: { type: "catalog.approval.given" } });
    expect(given.items.map((e) => [e.actor.kind, e.actor.name])).toEqual([["person", "Grace H."]]);
  });

  it("is none of the author, of a viewer, of nobody known, of another commit, or of a commit without a pull request", async () => {
    const { id, pull, commit } = await merge();
    await saysOf(id, /came without a pull request/);
    await send("pull_request_review", review(pull, "ada-writes", "approved"));
    await send("pull_request_review", review(pull, "vera", "approved", { id: 1 }));
    await send("pull_request_review", review(pull, "stranger", "approved", { id: 2 }));
    await send("pull_request_review", review(pull, "grace-h", "approved", { id: 3, commit_id: "e".repeat(40) }));
    await send("pull_request", merged(pull, commit));
    const gate = await until("the pull request was looked at", async () => {
      const seen = await gateOf(id);
      return JSON.stringify(seen).includes("came without") ? undefined : seen;
    });
    expect(gate?.status).toBe("pending");
    await send(
      "pull_request_review",
      review(pull, "grace-h", "changes_requested", { id: 4, submitted_at: "2026-01-01T11:10:00Z" }),
    );
    await saysOf(id, /Grace H\. asks for changes on GitHub/);
    // Found by asking: the word of its dismissal was lost, and so was that of the yes after it.
    github.reviews[pull] = [
      { id: 4, user: { login: "grace-h" }, state: "DISMISSED", commit_id: HEAD, submitted_at: "2026-01-01T11:10:00Z" },
      { id: 5, user: { login: "grace-h" }, state: "APPROVED", commit_id: HEAD, submitted_at: "2026-01-01T11:20:00Z" },
    ];
    await until("it has passed", async () => {
      await sql`update github_poll set next_at = now()`.execute(journey.installation.database.owner.db);
      return (await gateOf(id))?.status === "passed";
    });
    expect(github.violations).toEqual([]);
  });
});
