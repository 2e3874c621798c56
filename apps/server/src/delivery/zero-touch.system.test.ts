import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ApiError, type Client, createClient } from "@latchkey/api/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Journey } from "../testing/journey.ts";
import { until } from "../testing/until.ts";

/** A real repository and server: small changes go alone, the rest waits for somebody who sees why. */
let journey: Journey;
let robot: Client;
const main = { project: "main" };

const git = (...args: string[]) =>
  execFileSync("git", ["-c", "user.name=Ada L.", "-c", "user.email=ada@example.org", ...args], {
    cwd: journey.workload.root,
  });

beforeAll(async () => {
  const gates = [
    { name: "zero touch", kind: "zero_touch" as const, attended: ["**/*.sql"], maximumLines: 50, quietHours: 0 },
  ];
  journey = await Journey.begin({ gates });
  git("init", "-q", "-b", "main");
  const { secret } = await journey.owner.createToken({ body: { name: "a pipeline", role: "ci" } });
  robot = createClient({
    baseUrl: journey.installation.url,
    fetch: (address, init) =>
      fetch(address, { ...init, headers: { ...(init?.headers as object), authorization: `Bearer ${secret}` } }),
  });
});
afterAll(() => journey?.end());

let version = 0;
/** A pipeline asks for what was just committed. */
async function ship(files: Readonly<Record<string, string>> = {}): Promise<string> {
  version += 1;
  journey.workload.will({ page: `welcome, ${version}` });
  for (const [path, text] of Object.entries(files)) writeFileSync(join(journey.workload.root, "app", path), text);
  git("add", "-A");
  git("commit", "-q", "-m", `Change ${version}`);
  const params = { ...main, service: journey.workload.name };
  return (await robot.ship({ params, body: { reason: `change ${version}`, strategy: "all_at_once" } })).id;
}
const deployment = (deploymentId: string) => journey.owner.getDeployment({ params: { ...main, deploymentId } });
const waiting = (deploymentId: string) =>
  until("it waits for a person", async () => {
    const { items } = await journey.owner.listApprovals({ params: main, query: { state: "waiting" } });
    return items.find((a) => a.subject === `deployment/${deploymentId}`);
  });
const decided = async (deploymentId: string) =>
  (await journey.owner.getZeroTouch({ params: { ...main, deploymentId } })).items;
async function approve(approvalId: string): Promise<void> {
  const { id } = await journey.owner.addPerson({ params: main, body: { name: `Grace ${version}`, role: "deployer" } });
  const { url } = await journey.owner.createPersonLink({ params: { ...main, personId: id } });
  const answer = await fetch(`${journey.installation.url}/api/v1/sign-in`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ secret: new URL(url).hash.slice(1) }),
  });
  const cookie = (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  const client = createClient({
    baseUrl: journey.installation.url,
    fetch: (address, init) => fetch(address, { ...init, headers: { ...(init?.headers as object), cookie } }),
  });
  await client.decideApproval({
    params: { ...main, approvalId },
    body: { choice: "approve", reason: "fine", via: "console" },
  });
}

describe("zero touch", () => {
  it("asks for a person where nobody knows what changes, and says so to whoever is asked", async () => {
    const id = await ship();
    const approval = await waiting(id);
    expect(approval.words).toContain("What has changed is not known");
    const gate = await until("its gate waits", async () => {
      const [row] = (await deployment(id)).gates;
      return row?.status === "pending" ? row : null;
    });
    expect(gate).toMatchObject({ kind: "zero_touch", status: "pending" });
    await approve(approval.id);
    await journey.drive(await journey.rolloutOf(id), {}, "completed");
    expect(await decided(id)).toMatchObject([{ alone: false, isReplayed: true }]);
  });

  it("lets a small change go with nobody watching, and can say why", async () => {
    const id = await ship();
    await journey.drive(await journey.rolloutOf(id), {}, "completed");
    const [decision] = await decided(id);
    expect(decision).toMatchObject({ alone: true, isReplayed: true, gate: "zero touch" });
    expect(decision?.reasons.every(({ holds }) => holds)).toBe(true);
    const { items } = await journey.owner.listLedger({
      query: { type: "delivery.zero_touch.decided", subject: `deployment/${id}`, limit: 10 },
    });
    expect(items).toHaveLength(1);
    expect(items[0]?.data).toMatchObject({ alone: true, version: "zero-touch-1" });
  });

  it("holds a large change and one of the database, with every reason", async () => {
    const id = await ship({ "schema.sql": "select 1;\n", "large.txt": "line\n".repeat(60) });
    const approval = await waiting(id);
    expect(approval.words).toContain("A person must look at app/schema.sql.");
    expect(approval.words).toMatch(/It is large: 4 files with 6\d changed lines; 20 and 50 may go alone/);
    await approve(approval.id);
    await journey.drive(await journey.rolloutOf(id), {}, "completed");
    expect((await deployment(id)).gates[0]).toMatchObject({ status: "passed", kind: "zero_touch" });
  });

  it("tells of a commit, before it is deployed, what would be asked of it; and records nothing of that", async () => {
    const commitOf = (files: Readonly<Record<string, string>>): string => {
      for (const [path, text] of Object.entries(files)) writeFileSync(join(journey.workload.root, "app", path), text);
      git("add", "-A");
      git("commit", "-q", "-m", "not yet deployed");
      return git("rev-parse", "HEAD").toString().trim();
    };
    const small = commitOf({ "page.txt": "a better page\n" });
    const large = commitOf({ "schema.sql": "select 2;\n" });
    const preview = (commit: string) =>
      journey.owner.previewZeroTouch({ params: { ...main, service: journey.workload.name }, query: { commit } });
    const before = await journey.owner.listLedger({ query: { limit: 1 } });
    expect(await preview(small.slice(0, 8))).toMatchObject({ commit: small, items: [{ alone: true }] });
    const seen = await preview(large);
    expect(seen).toMatchObject({ environment: "production", words: "A person would be asked." });
    expect(seen.items[0]?.reasons).toContainEqual({
      ...{ rule: "attended", holds: false, words: "A person must look at app/schema.sql." },
    });
    await expect(preview("f".repeat(40))).rejects.toMatchObject({ problem: { code: "LK_NOT_FOUND" } });
    await expect(preview("--all")).rejects.toMatchObject({ problem: { fields: [{ field: "commit" }] } });
    expect(await journey.owner.listLedger({ query: { limit: 1 } })).toEqual(before);
    git("reset", "-q", "--hard", "HEAD~2");
  });

  it("is measured: one of three went by itself", async () => {
    const query = { service: journey.workload.name, days: 1 };
    const { coverage, failed, exceptions } = await journey.owner.getAutomation({ params: main, query });
    expect(coverage).toMatchObject({ count: 1, of: 3, holds: false });
    expect(failed).toMatchObject({ count: 0, of: 3, holds: true });
    expect(exceptions.map(({ words }) => words)).toEqual(["A person approved it.", "A person approved it."]);
    await expect(journey.owner.getAutomation({ params: main, query: { service: "nobody", days: 1 } })).rejects.toThrow(
      ApiError,
    );
  });
});
