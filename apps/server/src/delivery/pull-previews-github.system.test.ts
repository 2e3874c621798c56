import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { FakeGithub } from "../testing/github/fake.ts";
import { connection, PushedRepository, tellOfPull, WEBHOOK_SECRET } from "../testing/github/repository.ts";
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
  github.head = repository.push();
  await installation.start({
    ...{ githubUrl: repository.url, githubApiUrl: github.url, githubAppId: github.appId },
    githubAppKeyFile: file("app.pem", github.appKey),
    githubWebhookSecretFile: file("secret", WEBHOOK_SECRET),
  });
  journey = await Journey.beginIn(installation, { github: connection(), previews: {} });
});
afterAll(async () => {
  await journey?.end();
  await github?.stop();
});

let minute = 0;
const tell = (commit: string, state: string) =>
  tellOfPull(journey.installation.url, { ...{ number: 12, commit, branch: "topic", state }, minute: ++minute });
async function push(behaviour: { page: string; build?: "fail" }): Promise<string> {
  const commit = repository.commit(behaviour.page, undefined, behaviour);
  repository.git("push", "-q", "-f", "origin", "HEAD:topic");
  await tell(commit, "open");
  return commit;
}
const deploymentsOf = (commit: string) => github.deployments.filter((d) => d.ref === commit);
const says = (commit: string, state: string) =>
  until(`GitHub shows ${state}`, async () => {
    await journey.gateway.acknowledge();
    return deploymentsOf(commit)[0]?.statuses.at(-1)?.state === state;
  });

it("GitHub shows each commit of a preview once, whatever it refuses and whichever answers are lost", async () => {
  github.lostAnswers.push(/^POST .*\/deployments$/, /^POST .*\/statuses$/);
  github.refusedRoutes.push({ form: /\/deployments\?/, status: 502 }, { form: /\/statuses$/, status: 502 });
  const first = await push({ page: "first" });
  await says(first, "success");
  expect(github.lostAnswers).toEqual([]);
  expect(github.refusedRoutes).toEqual([]);
  expect(deploymentsOf(first)).toMatchObject([
    {
      ...{ environment: "pr-12", transient_environment: true, production_environment: false, auto_merge: false },
      required_contexts: [],
    },
  ]);
  const { statuses } = deploymentsOf(first)[0] ?? { statuses: [] };
  const said = statuses.map((s) => `${s.state} ${s.description} ${s.environment_url ?? ""}`);
  expect(new Set(said).size).toBe(said.length);
  expect(statuses.at(-1)?.environment_url).toMatch(
    new RegExp(`^http://pr-12\\.${journey.workload.name}\\.localhost:\\d+/$`),
  );
  expect(statuses.at(-1)?.log_url).toMatch(new RegExp(`/services/${journey.workload.name}$`));
});

it("a commit that can't be built has failed there, and the one that is served is still shown", async () => {
  const [served] = github.deployments;
  const bad = await push({ page: "bad", build: "fail" });
  await says(bad, "failure");
  expect(served?.statuses.at(-1)?.state).toBe("success");
  const good = await push({ page: "good" });
  await says(good, "success");
  await says(bad, "inactive");
  await says(String(served?.ref), "inactive");
});

it("one whose pull request closes is inactive, and comes back with it", async () => {
  const good = repository.git("rev-parse", "HEAD");
  await tell(good, "closed");
  await says(good, "inactive");
  await tell(good, "open");
  await until("it is shown again", async () => {
    await journey.gateway.acknowledge();
    return deploymentsOf(good).at(-1)?.statuses.at(-1)?.state === "success";
  });
  expect(github.violations).toEqual([]);
});
