import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation } from "../testing/installation.ts";
import { until } from "../testing/until.ts";

/** What other systems post of themselves, to a real server on a real PostgreSQL. */
let here: Installation;
beforeAll(async () => {
  here = await Installation.start({ writesPerSecond: 1_000 });
});
afterAll(() => here.close());

const main = { project: "main" };
const SHA = "015e3d3b480e417aede5a1293bd61de9b0fd051d";
const window = { from: "2026-03-02T00:00:00Z", to: "2026-03-12T00:00:00Z" };
async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const sent = { method: "POST", body: text, headers: { "content-type": "application/json", ...headers } };
  const answer = await here.fetch(path, sent);
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}
const deploymentsOf = (service: string) =>
  here.owner.listInsightDeployments({ params: main, query: { ...window, service } as never });

describe("DevLake's webhook", () => {
  const deployment = {
    ...{
      id: "jenkins-481",
      result: "SUCCESS",
      startedDate: "2026-03-03T12:00:00Z",
      finishedDate: "2026-03-03T12:10:00Z",
    },
    deploymentCommits: [{ repoUrl: "https://github.com/hidden/shop", commitSha: SHA }],
  };
  it("is taken with its address changed, once however often, and counted", async () => {
    const first = await post("/hooks/devlake/website/deployments", deployment);
    expect(first).toEqual({ status: 200, body: { facts: 2, accepted: 2, known: 0 } });
    expect((await post("/hooks/devlake/website/deployments", deployment)).body).toEqual({
      facts: 2,
      accepted: 0,
      known: 2,
    });
    await until("the deployment is counted", async () => {
      const { items } = await deploymentsOf("website");
      return items.length === 1 && items[0]?.commit === SHA ? items : null;
    });
  });
  it("tells of incidents and their end; what else an issue is, is nothing", async () => {
    const incident = { issueKey: "OPS-1", title: "Leads are lost", createdDate: "2026-03-03T13:00:00Z" };
    await post("/hooks/devlake/website/incidents", incident);
    expect((await post("/hooks/devlake/website/issues", { ...incident, type: "BUG" })).body).toMatchObject({
      facts: 0,
    });
    expect((await post("/hooks/devlake/website/issue/OPS-1/close", "")).body).toMatchObject({ accepted: 1 });
    await until("the incident is over", async () => {
      const { items } = await here.owner.listInsightIncidents({
        params: main,
        query: { ...window, service: "website" } as never,
      });
      return items[0]?.title === "Leads are lost" && items[0].resolvedAt !== null ? items : null;
    });
  });
  it("is refused with the field that is wrong, without a token, and by who may only read", async () => {
    const wrong = await post("/hooks/devlake/website/deployments", { ...deployment, id: "x", finishedDate: "soon" });
    expect(wrong).toMatchObject({ status: 400, body: { code: "LK_INVALID", fields: [{ field: "finishedDate" }] } });
    expect((await post("/hooks/devlake/website/deployments", "{")).status).toBe(400);
    expect((await post("/hooks/devlake/We bsite/deployments", deployment)).status).toBe(400);
    const bearer = async (token: string) =>
      (await post("/hooks/devlake/website/deployments", deployment, { authorization: `Bearer ${token}` })).status;
    expect(await bearer("nobody")).toBe(401);
    expect(await bearer((await here.tokenOf("viewer")).secret)).toBe(403);
    expect((await deploymentsOf("website")).items).toHaveLength(1);
  });
});

describe("CDEvents", () => {
  const artifact = "pkg:oci/form@sha256:0b31";
  const event = (type: string, id: string, subject: string, content: object) => ({
    context: {
      version: "0.5.0",
      id,
      source: "/ci",
      type: `dev.cdevents.${type}.0.3.0`,
      timestamp: "2026-03-04T12:00:00Z",
    },
    subject: { id: subject, content },
  });
  const deployed = event("service.deployed", "1", "form", { environment: { id: "production" }, artifactId: artifact });
  const packaged = event("artifact.packaged", "2", artifact, { change: { id: SHA } });
  it("are joined to a commit whichever is told of first, in either form", async () => {
    expect((await post("/hooks/cdevents", deployed)).body).toMatchObject({ facts: 1, accepted: 1 });
    const envelope = { specversion: "1.0", id: "2", source: "/ci", type: packaged.context.type, data: packaged };
    const type = { "content-type": "application/cloudevents+json; charset=utf-8" };
    expect((await post("/hooks/cdevents", envelope, type)).body).toMatchObject({ facts: 1, accepted: 1 });
    await until("the deployment has its commit", async () => {
      const { items } = await deploymentsOf("form");
      return items.length === 1 && items[0]?.commit === SHA ? items : null;
    });
    const again = event("service.upgraded", "3", "form", { artifactId: artifact });
    const batch = { "content-type": "application/cloudevents-batch+json" };
    expect((await post("/hooks/cdevents", [again, deployed], batch)).body).toMatchObject({
      facts: 2,
      accepted: 1,
      known: 1,
    });
    await until("both have it", async () => {
      const { items } = await deploymentsOf("form");
      return items.length === 2 && items.every(({ commit }) => commit === SHA) ? items : null;
    });
  });
  it("are refused as a whole when one of a batch is wrong, and taken without a word when nothing is made of them", async () => {
    const batch = { "content-type": "application/cloudevents-batch+json" };
    const other = event("service.deployed", "9", "other", { artifactId: artifact });
    const broken = event("service.deployed", "10", "other", { artifactId: "half \ud800" });
    expect((await post("/hooks/cdevents", [other, broken], batch)).status).toBe(400);
    expect(
      (
        await post(
          "/hooks/cdevents",
          Array.from({ length: 101 }, () => other),
          batch,
        )
      ).status,
    ).toBe(400);
    expect((await deploymentsOf("other")).items).toEqual([]);
    const suite = event("testsuiterun.finished", "11", "suite", {});
    expect((await post("/hooks/cdevents", suite)).body).toEqual({ facts: 0, accepted: 0, known: 0 });
  });
});
