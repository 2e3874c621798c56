import { writeFileSync } from "node:fs";
import { join } from "node:path";
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

let journey: Journey;
let repository: PushedRepository;
let github: FakeGithub;

beforeAll(async () => {
  github = await FakeGithub.start();
  const installation = await Installation.start();
  await installation.stop();
  const file = (name: string, text: string) => {
    writeFileSync(join(installation.dir, name), text);
    return join(installation.dir, name);
  };
  repository = new PushedRepository(installation.dir, join(import.meta.dirname, "..", "testing", "workload"));
  repository.commit("The shop");
  repository.push();
  await installation.start({
    githubUrl: repository.url,
    githubApiUrl: github.url,
    githubAppId: github.appId,
    githubAppKeyFile: file("app.pem", github.appKey),
    githubWebhookSecretFile: file("secret", WEBHOOK_SECRET),
  });
  journey = await Journey.beginIn(installation, { github: connection() });
  await until("the branch was fetched", async () => {
    const { connections } = await journey.owner.getPipeline({ params: { project: "main" } });
    return connections.some((c) => c.fetchedAt !== null);
  });
});
afterAll(async () => {
  await journey?.end();
  await github?.stop();
});

const send = (event: string, payload: unknown) => deliver(journey.installation.url, { event, payload });
const pull = (number: number, commit: string) => ({
  repository: { id: 7, full_name: REPOSITORY },
  pull_request: {
    number,
    title: `Pull request ${number}`,
    state: "closed",
    user: { login: "grace" },
    head: { sha: "d".repeat(40), ref: "topic" },
    base: { ref: "main" },
    created_at: "2026-01-01T10:00:00Z",
    updated_at: "2026-01-01T11:00:00Z",
    merged_at: "2026-01-01T11:00:00Z",
    merge_commit_sha: commit,
  },
});
/** Merges a pull request; answers its commit and, once there is one, its deployment. */
async function merge(number: number, behaviour: object = {}): Promise<{ commit: string; deploymentId: string }> {
  const commit = repository.commit(`Change ${number}`, undefined, behaviour);
  repository.push();
  await send("pull_request", pull(number, commit));
  await send("push", pushed(commit));
  const made = await until("it is deployed", async () =>
    (await journey.owner.listDeployments({ params: { project: "main" } })).items.find((d) =>
      d.reason.endsWith(`Change ${number}`),
    ),
  );
  return { commit, deploymentId: made.id };
}
const checkOf = (commit: string) => github.checks.filter((c) => c.head_sha === commit);
const commentOf = (number: number) => github.comments.filter((c) => c.issue === number);

describe("what GitHub is told", () => {
  it("of a merge that goes well: one check, one deployment, one comment, each kept up to date", async () => {
    const { commit, deploymentId } = await merge(1);
    await journey.drive(await journey.rolloutOf(deploymentId), {}, "completed");
    await until(
      "GitHub knows",
      () => github.deployments[0]?.statuses.at(-1)?.state === "success" && commentOf(1).length > 0,
    );
    await until("the check says so", () => checkOf(commit)[0]?.conclusion === "success");
    expect(checkOf(commit)).toMatchObject([
      {
        name: `Latchkey gates: ${journey.workload.name}`,
        external_id: deploymentId,
        status: "completed",
        conclusion: "success",
      },
    ]);
    expect(github.deployments).toMatchObject([
      {
        ref: commit,
        environment: "production",
        payload: { latchkey: deploymentId },
        required_contexts: [],
        auto_merge: false,
      },
    ]);
    await until("the comment says it", () => String(commentOf(1)[0]?.body).includes("is in **production**"));
    expect(commentOf(1)).toHaveLength(1);
  });

  it("of a gate that fails, while GitHub answers with errors and loses answers", async () => {
    github.refusals.push({ status: 502 }, { status: 403, headers: { "retry-after": "1" } });
    github.lostAnswers.push(/^POST .*check-runs/, /^POST .*comments/, /^POST .*\/deployments$/);
    const { commit, deploymentId } = await merge(2, { gate: "fail" });
    await journey.untilDeployment(deploymentId, "failed_gate");
    await until("the check says so", () => checkOf(commit)[0]?.conclusion === "failure");
    const told = () => github.deployments.filter((d) => d.ref === commit);
    await until("the deployment says so", () => told()[0]?.statuses.at(-1)?.state === "failure");
    await until("the comment says so", () => String(commentOf(2)[0]?.body).includes("did not reach **production**"));
    expect([checkOf(commit).length, told().length, commentOf(2).length]).toEqual([1, 1, 1]);
    expect(github.lostAnswers).toEqual([]);
  });

  it("makes the comment again when somebody has deleted it and there is news", async () => {
    const { commit, deploymentId } = await merge(3);
    await until("it is there", () => commentOf(3).length === 1);
    github.comments.splice(
      github.comments.findIndex((c) => c.issue === 3),
      1,
    );
    const rollout = await journey.rolloutOf(deploymentId);
    await journey.act(rollout, "roll_back", "the test says so");
    await journey.drive(rollout, {}, "rolled_back");
    await until("it is there again", () => String(commentOf(3)[0]?.body).includes("did not reach"));
    expect(checkOf(commit)).toMatchObject([{ conclusion: "success" }]);
  });

  it("fits GitHub's own description of its API", () => {
    expect(github.asked.length).toBeGreaterThan(10);
    expect(github.violations).toEqual([]);
  });
});
