import type { Client } from "@latchkey/api/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation } from "../testing/installation.ts";
import { until } from "../testing/until.ts";

/** What other systems tell by themselves, over HTTP as they send it. */
let here: Installation;
let owner: Client;
let secret = "";
const main = { project: "main" };
beforeAll(async () => {
  here = await Installation.start({ writesPerSecond: 1_000 });
  owner = here.owner;
  secret = (await owner.createToken({ params: main, body: { name: "events", role: "ci" } })).secret;
});
afterAll(() => here.close());

const send = (path: string, body: unknown, headers: Record<string, string> = {}, token = secret) =>
  fetch(`${here.url}/hooks/${path}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
const AT = "2026-11-20T10:00:00Z";
const SHA = "a".repeat(40);
const event = (id: string, type: string, subject: string, content: object) => ({
  context: { version: "0.4.1", id, source: "ci/one", type: `dev.cdevents.${type}.0.2.0`, timestamp: AT },
  subject: { id: subject, source: "ci/one", type: type.split(".")[0], content },
});
const deployments = async (service: string) =>
  (
    await owner.listInsightDeployments({
      params: main,
      query: { service, from: "2026-11-01T00:00:00Z", to: "2026-11-30T00:00:00Z" },
    })
  ).items;

describe("CDEvents", () => {
  it("come in both modes, twice, and with the artifact told of after its deployment", async () => {
    const deployed = event("e-1", "service.deployed", "shop", {
      environment: { id: "production" },
      artifactId: "pkg:oci/shop@1",
    });
    const structured = { specversion: "1.0", id: "e-1", source: "ci/one", type: deployed.context.type, data: deployed };
    const first = await send("cdevents", structured, { "content-type": "application/cloudevents+json" });
    expect([first.status, await first.json()]).toEqual([202, { accepted: 1 }]);
    const binary = { "ce-specversion": "1.0", "ce-id": "e-1", "ce-source": "ci/one", "ce-type": deployed.context.type };
    expect(await (await send("cdevents", deployed, binary)).json()).toEqual({ accepted: 0 });
    const packaged = event("e-0", "artifact.packaged", "pkg:oci/shop@1", { change: { id: SHA } });
    expect(await (await send("cdevents", packaged)).json()).toEqual({ accepted: 1 });
    const [told] = await until("the deployment has its commit", async () => {
      const found = await deployments("shop");
      return found[0]?.commit === null ? null : found.length > 0 && found;
    });
    expect(told).toMatchObject({ commit: SHA, kind: "planned", outcome: "succeeded", source: "cdevents:ci/one" });
  });

  it("that are wrong are answered with the field, and nothing of them is taken", async () => {
    const good = event("e-2", "service.deployed", "wrong", { environment: { id: "production" }, artifactId: "a" });
    const bad = { ...good, context: { ...good.context, id: "e-3", timestamp: "yesterday" } };
    const answer = await send("cdevents", [good, bad], { "content-type": "application/cloudevents-batch+json" });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: "LK_INVALID", fields: [{ field: "context.timestamp" }] });
    expect((await send("cdevents", "no json")).status).toBe(400);
    expect(await deployments("wrong")).toEqual([]);
  });
});

describe("the bodies of DevLake's webhooks", () => {
  it("tell of deployments and incidents of the service in the address", async () => {
    const deployment = {
      ...{
        id: "42",
        startedDate: AT,
        finishedDate: "2026-11-20T10:05:00Z",
        result: "SUCCESS",
        environment: "PRODUCTION",
      },
      deploymentCommits: [{ repoUrl: "https://git.example/hidden/key.git", commitSha: SHA, refName: "main" }],
    };
    expect((await send("devlake/crm/deployments", deployment)).status).toBe(202);
    const incident = {
      issueKey: "P-1",
      title: "Slow",
      type: "INCIDENT",
      createdDate: AT,
      status: "TODO",
      originalStatus: "open",
    };
    expect((await send("devlake/crm/issues", incident)).status).toBe(202);
    expect((await send("devlake/crm/issue/P-1/close", undefined)).status).toBe(202);
    const [told] = await until("the deployment is told", async () => {
      const found = await deployments("crm");
      return found.length > 0 && found;
    });
    expect(told).toMatchObject({ commit: SHA, outcome: "succeeded", environment: "production" });
    const ended = await until("the incident is over", async () => {
      const { items } = await owner.listInsightIncidents({
        params: main,
        query: { service: "crm", from: "2026-11-01T00:00:00Z" },
      });
      return items.find(({ resolvedAt }) => resolvedAt !== null);
    });
    // It came after the deployment, and nothing else speaks for it.
    expect(ended.deployment).toBeNull();
  });
});

it("is refused without a token, and with one that may only read", async () => {
  const viewer = await owner.createToken({ params: main, body: { name: "reader", role: "viewer" } });
  for (const path of ["cdevents", "devlake/crm/deployments"]) {
    expect((await send(path, {}, {}, "")).status).toBe(401);
    expect((await send(path, {}, {}, viewer.secret)).status).toBe(403);
  }
});
