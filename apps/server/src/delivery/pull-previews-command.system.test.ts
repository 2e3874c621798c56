import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Cloud } from "../testing/command-target/cloud.ts";
import { connection, PushedRepository, tellOfPull, WEBHOOK_SECRET } from "../testing/github/repository.ts";
import { Installation } from "../testing/installation.ts";
import { Journey } from "../testing/journey.ts";
import { until } from "../testing/until.ts";

/** Previews that scripts run: the script serves them, and Latchkey's gateway sends visitors there. */
let journey: Journey;
let repository: PushedRepository;
let cloud: Cloud;

beforeAll(async () => {
  const installation = await Installation.start();
  await installation.stop();
  const secretFile = join(installation.dir, "webhook.secret");
  writeFileSync(secretFile, WEBHOOK_SECRET);
  repository = new PushedRepository(installation.dir, join(import.meta.dirname, "..", "testing", "workload"));
  repository.commit("The shop");
  repository.push();
  cloud = new Cloud(join(installation.dir, "cloud"));
  await installation.start({ githubUrl: repository.url, githubWebhookSecretFile: secretFile });
  journey = await Journey.beginIn(installation, {
    ...{ github: connection(), previews: { target: cloud.config({ routes: true }) } },
  });
});
afterAll(async () => {
  await journey?.end();
  cloud?.close();
});

let minute = 0;
async function push(page: string, state = "open"): Promise<void> {
  const commit = state === "open" ? repository.commit(page, undefined, { page }) : repository.git("rev-parse", "HEAD");
  repository.git("push", "-q", "-f", "origin", "HEAD:topic");
  const told = { number: 12, commit, branch: "topic", state, minute: ++minute };
  await tellOfPull(journey.installation.url, told);
}
const upstream = () =>
  journey.gateway.table?.services.find((s) => s.environment === "pr-12")?.arms[0]?.upstreams[0] ?? null;
const shows = (page: string) =>
  until(`it shows ${page}`, async () => {
    await journey.gateway.acknowledge();
    const at = upstream();
    return at !== null && (await (await fetch(at)).text()) === page ? at : null;
  });

it("the script brings each commit up, and ends what no longer serves", async () => {
  await push("first");
  const first = await shows("first");
  await push("second");
  expect(await shows("second")).not.toBe(first);
  await until("the first is retired", async () => {
    await journey.gateway.acknowledge();
    return cloud.calls("retire") === 1;
  });
  await expect(fetch(first)).rejects.toThrow();
  const second = upstream() ?? "";
  await push("second", "closed");
  await until("the second is retired", async () => {
    await journey.gateway.acknowledge();
    return upstream() === null && cloud.calls("retire") === 2;
  });
  await expect(fetch(second)).rejects.toThrow();
  // The gateway serves it: who splits the service's own traffic is not asked.
  expect([cloud.calls("route"), cloud.calls("counts"), cloud.starts]).toEqual([0, 0, 2]);
});

it("what the script says of a failure is what the preview says", async () => {
  const prepare = ["sh", "-c", "echo no room >&2; exit 3"];
  const target = { kind: "command" as const, prepare, retire: ["true"] };
  await journey.workload.apply({ github: connection(), previews: { target } });
  await push("third");
  const failed = await until("it has failed", async () => {
    const { items } = await journey.owner.listPreviews({ params: { project: "main" }, query: {} });
    return items.find((p) => p.state === "failed");
  });
  expect(failed.words).toContain("no room");
});
