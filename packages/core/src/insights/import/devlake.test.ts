import { describe, expect, it } from "vitest";
import { fold } from "../../shared/registers.ts";
import { deploymentOf, incidentOf, type Thing } from "../history.ts";
import { devlakeDeployment, devlakeIncident, devlakeIncidentClosed, repositoryOf } from "./devlake.ts";
import { problemLine } from "./fact.ts";

const context = { source: "webhook:jenkins", service: "leads", environment: "production" };
const SHA = "015e3d3b480e417aede5a1293bd61de9b0fd051d";
/** In the form of DevLake's documentation. */
const body = {
  ...{ id: "jenkins-481", displayTitle: "Leads to production", result: "SUCCESS", environment: "PRODUCTION" },
  ...{
    createdDate: "2026-11-01T11:50:00+00:00",
    startedDate: "2026-11-01T12:00:00+00:00",
    finishedDate: "2026-11-01T12:09:59+00:00",
  },
  deploymentCommits: [
    { repoUrl: "https://github.com/hidden/shop.git", refName: "main", commitSha: SHA, commitMsg: "A form" },
  ],
};
const linesOf = (result: ReturnType<typeof devlakeDeployment>): string[] =>
  result.ok ? [] : result.error.map(problemLine);

describe("a deployment of DevLake's webhook", () => {
  it("is one, with its commit", () => {
    const result = devlakeDeployment(body, context);
    if (!result.ok) throw new Error(linesOf(result).join());
    const [deployment, commit] = result.value;
    expect(deploymentOf(deployment?.key ?? "", fold({} as Thing, deployment ?? never()))).toMatchObject({
      ...{ service: "leads", environment: "production", isProduction: true, outcome: "succeeded", commit: SHA },
      ...{ label: "Leads to production", commits: null, requestedAtMs: Date.parse(body.createdDate) },
      ...{ startedAtMs: Date.parse(body.startedDate), finishedAtMs: Date.parse(body.finishedDate) },
    });
    expect(commit).toMatchObject({ kind: "commit", key: SHA, fields: { repository: "hidden/shop", title: "A form" } });
  });
  it("that failed served nobody for sure; the environment may be left to the address", () => {
    const { environment: _, ...rest } = body;
    const result = devlakeDeployment({ ...rest, result: "FAILURE" }, { ...context, environment: "staging" });
    expect(result).toMatchObject({ ok: true, value: [{ fields: { outcome: "failed", environment: "staging" } }, {}] });
    if (result.ok) expect(result.value[0]?.fields).not.toHaveProperty("servedAllAtMs");
  });
  it("sent twice is the same", () =>
    expect(devlakeDeployment(body, context)).toEqual(devlakeDeployment(body, context)));
  it.each([
    [{ ...body, id: undefined }, "id: is missing"],
    [{ ...body, finishedDate: undefined }, "finishedDate: is missing: when it ended"],
    [{ ...body, startedDate: "2026-02-30T00:00:00Z" }, "startedDate: must be a time such as"],
    [{ ...body, result: "GREAT" }, "result: must be SUCCESS or FAILURE"],
    [{ ...body, environment: "PROD" }, "environment: must be PRODUCTION, STAGING"],
    [
      { ...body, deploymentCommits: [{ commitSha: "015e3d3" }] },
      "deploymentCommits[0].commitSha: must be the full name",
    ],
    [{ ...body, deploymentCommits: [{}] }, "deploymentCommits[0].commitSha: is missing"],
    [{ ...body, deploymentCommits: "none" }, "deploymentCommits: must be a list"],
    [[body], "the body: must be an object"],
    [{ ...body, result: "constructor" }, "result: must be SUCCESS or FAILURE"],
  ])("that is wrong is refused with its field: %#", (wrong, words) =>
    expect(linesOf(devlakeDeployment(wrong, context)).join("\n")).toContain(words),
  );
});

describe("an incident of DevLake's webhook", () => {
  const incident = {
    ...{ issueKey: "OPS-12", title: "Leads are lost", type: "INCIDENT", status: "TODO", originalStatus: "open" },
    ...{ createdDate: "2026-11-01T12:20:00Z", severity: "high", resolutionDate: null, updatedDate: null },
  };
  it("is told of, and over when its end is told of by either way, in any order", () => {
    const begun = devlakeIncident(incident, context);
    const ended = devlakeIncident({ ...incident, status: "DONE", resolutionDate: "2026-11-01T13:00:00Z" }, context);
    if (!begun.ok || !ended.ok) throw new Error("refused");
    for (const facts of [
      [...begun.value, ...ended.value],
      [...ended.value, ...begun.value],
    ]) {
      const state = facts.reduce<Thing>(fold, {});
      expect(incidentOf(facts[0]?.key ?? "", state)).toMatchObject({
        ...{
          title: "Leads are lost",
          service: "leads",
          severity: "high",
          links: [],
          detectedAtMs: Date.parse(incident.createdDate),
        },
        resolvedAtMs: Date.parse("2026-11-01T13:00:00Z"),
      });
    }
    const closed = devlakeIncidentClosed("OPS-12", Date.parse("2026-11-01T14:00:00Z"), context);
    expect(closed[0]?.key).toBe(begun.value[0]?.key);
    expect(incidentOf("x", [...begun.value, ...closed].reduce<Thing>(fold, {})).resolvedAtMs).toBe(
      Date.parse("2026-11-01T14:00:00Z"),
    );
  });
  it("that is another kind of issue is none", () =>
    expect(devlakeIncident({ ...incident, type: "BUG" }, context)).toEqual({ ok: true, value: [] }));
  it("without a name or a time is refused", () => {
    expect(linesOf(devlakeIncident({}, context))).toEqual([
      "issueKey: is missing: what this incident is called",
      "createdDate: is missing: when it began",
    ]);
  });
});

it.each([
  ["https://github.com/hidden/shop.git", "hidden/shop"],
  ["git@github.com:hidden/shop.git", "hidden/shop"],
  ["https://ada:secret@git.example/shop", "git.example/shop"],
  ["shop", "shop"],
])("%s is %s", (url, name) => expect(repositoryOf(url)).toBe(name));

function never(): never {
  throw new Error("nothing was told");
}
