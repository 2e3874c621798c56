import { execFileSync } from "node:child_process";
import { ApiError, type Client, createClient } from "@latchkey/api/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BuiltServer } from "../testing/built-server.ts";
import { Journey } from "../testing/journey.ts";
import { problemOf } from "../testing/problem.ts";
import { until } from "../testing/until.ts";

/** Several people and a server that is killed: nobody's own change goes out on their own word, and no word is lost. */
let server: BuiltServer;
let journey: Journey<BuiltServer>;
/** Wrote the change. */
let ada: { id: string; client: Client };
let grace: { id: string; client: Client };

const main = { project: "main" };
beforeAll(async () => {
  server = await BuiltServer.start();
  journey = await Journey.beginIn(server, { gates: [{ name: "second pair of eyes", kind: "approval" }] });
  git("init", "-q", "-b", "main");
  ada = await signedIn("Ada L.");
  grace = await signedIn("Grace H.");
});
afterAll(() => journey?.end());

const git = (...args: string[]) =>
  execFileSync("git", ["-c", "user.name=Ada L.", "-c", "user.email=ada@example.org", ...args], {
    cwd: journey.workload.root,
  });
const clientOf = (headers: Record<string, string>): Client =>
  createClient({
    baseUrl: server.url,
    // A connection that is kept may be one to the process that was just killed.
    fetch: (address, init) =>
      fetch(address, { ...init, headers: { ...(init?.headers as object), ...headers, connection: "close" } }),
  });

/** A browser, signed in by a link. */
async function browserOf(link: string): Promise<Client> {
  const answer = await fetch(`${server.url}/api/v1/sign-in`, {
    method: "POST",
    headers: { "content-type": "application/json", connection: "close" },
    body: JSON.stringify({ secret: new URL(link).hash.slice(1) }),
  });
  expect(answer.status).toBe(200);
  return clientOf({ cookie: (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "" });
}
async function signedIn(name: string, role: "deployer" | "viewer" = "deployer") {
  const { id } = await journey.owner.addPerson({ params: main, body: { name, role } });
  const { url } = await journey.owner.createPersonLink({ params: { ...main, personId: id } });
  return { id, client: await browserOf(url) };
}

let version = 0;
/** Ada writes a change; the owner of the command line asks for it. */
async function askFor(): Promise<string> {
  version += 1;
  journey.workload.will({ version: `change ${version}` });
  git("add", "-A");
  git("commit", "-q", "-m", `Change ${version}`);
  return journey.shipAgain();
}
const waitingFor = (deploymentId: string) =>
  until("it waits for an approval", async () => {
    const { items } = await journey.owner.listApprovals({ params: main, query: { state: "waiting" } });
    return items.find((a) => a.subject === `deployment/${deploymentId}`);
  });
const decide = (client: Client, approvalId: string, choice: "approve" | "reject" = "approve") =>
  client.decideApproval({ params: { ...main, approvalId }, body: { choice, reason: "looked at it", via: "console" } });
const entriesOf = async (type: string, approvalId: string) =>
  (await journey.owner.listLedger({ query: { type, subject: `approval/${approvalId}`, limit: 200 } })).items;
const killAndStart = async () => {
  await server.kill();
  await server.start();
};

describe("an approval", () => {
  it("is refused to whoever wrote the change or asked for it, by session, token and name in the commit", async () => {
    const id = await askFor();
    const approval = await waitingFor(id);
    expect(approval).toMatchObject({ state: "waiting", needed: 1, gate: "second pair of eyes" });
    const own = await journey.owner.createToken({ body: { name: "a laptop", role: "owner" } });
    const robot = await journey.owner.createToken({ body: { name: "a pipeline", role: "ci" } });
    const vera = await signedIn("Vera V.", "viewer");
    const refused = {
      "the command line that asked": journey.owner,
      "another browser of who asked": await browserOf((await journey.owner.createSignInLink({})).url),
      "a token of who asked": clientOf({ authorization: `Bearer ${own.secret}` }),
      "who wrote it": ada.client,
      "a pipeline": clientOf({ authorization: `Bearer ${robot.secret}` }),
      "who only reads": vera.client,
    };
    for (const [who, client] of Object.entries(refused)) {
      const said = await decide(client, approval.id).then(
        () => "taken",
        (error: unknown) => (error instanceof ApiError ? error.problem.code : String(error)),
      );
      expect([who, said]).toEqual([who, "LK_FORBIDDEN"]);
    }
    // What the page says before one tries.
    const seenBy = async (client: Client) =>
      (await client.getApproval({ params: { ...main, approvalId: approval.id } })).whyNot;
    expect(await seenBy(ada.client)).toContain("can't approve it");
    expect(await seenBy(grace.client)).toBeNull();
    expect((await journey.deployment(id)).gates).toMatchObject([{ status: "pending" }]);

    await killAndStart();
    const { items } = await journey.owner.listApprovals({ params: main, query: {} });
    expect(items.filter((a) => a.subject === `deployment/${id}`)).toHaveLength(1);
    expect(await decide(grace.client, approval.id)).toMatchObject({
      state: "approved",
      voices: [{ person: "Grace H.", choice: "approve", via: "console", reason: "looked at it" }],
    });
    await killAndStart();
    const rollout = await journey.rolloutOf(id);
    expect((await journey.deployment(id)).gates).toMatchObject([{ status: "passed", words: "Approved by Grace H.." }]);
    await journey.drive(rollout, {}, "completed");
    const told = await until("all of it is in the ledger", async () => {
      const [requested, given] = await Promise.all([
        entriesOf("catalog.approval.requested", approval.id),
        entriesOf("catalog.approval.given", approval.id),
      ]);
      return requested.length > 0 && given.length > 0 ? { requested, given } : null;
    });
    expect([told.requested.length, told.given.length]).toEqual([1, 1]);
    expect(told.given[0]).toMatchObject({ actor: { kind: "person", name: "Grace H." } });
    expect(await problemOf(decide(grace.client, approval.id, "reject"))).toMatchObject({ code: "LK_APPROVAL_OVER" });
  });

  it("that one person refuses ends the deployment, with the reason", async () => {
    const id = await askFor();
    await decide(grace.client, (await waitingFor(id)).id, "reject");
    const ended = await journey.untilDeployment(id, "failed_gate");
    expect(ended.gates).toMatchObject([{ status: "failed", words: "Grace H. rejects: looked at it" }]);
  });

  it("that nobody decides within the gate's time limit expires, and a late answer changes nothing", async () => {
    const gates = [{ name: "second pair of eyes", kind: "approval" as const }];
    await journey.workload.apply({ gates: gates.map((gate) => ({ ...gate, timeoutMs: 1_000 })) });
    const id = await askFor();
    await journey.untilDeployment(id, "failed_gate");
    const { items } = await journey.owner.listApprovals({ params: main, query: { state: "expired" } });
    expect(items).toMatchObject([{ subject: `deployment/${id}`, state: "expired" }]);
    const approvalId = items[0]?.id ?? "";
    expect(await entriesOf("catalog.approval.expired", approvalId)).toHaveLength(1);
    expect(await entriesOf("catalog.approval.withdrawn", approvalId)).toHaveLength(0);
    expect(await problemOf(decide(grace.client, approvalId))).toMatchObject({ code: "LK_APPROVAL_OVER" });
    await journey.workload.apply({ gates });
  });
  it("of somebody who was removed is not taken any more", async () => {
    const eve = await signedIn("Eve E.");
    const id = await askFor();
    const approval = await waitingFor(id);
    await journey.owner.removePerson({ params: { ...main, personId: eve.id } });
    expect(await problemOf(decide(eve.client, approval.id))).toMatchObject({ status: 401 });
    await decide(grace.client, approval.id, "reject");
    await journey.untilDeployment(id, "failed_gate");
  });
});

describe("a freeze", () => {
  it("holds what is ready until it is lifted; only an owner lets something out in spite of it", async () => {
    await journey.workload.apply({ gates: [] });
    const service = journey.workload.name;
    const endsAt = new Date(Date.now() + 3_600_000).toISOString();
    const freeze = await grace.client.addFreeze({ params: main, body: { service, reason: "The sale.", endsAt } });
    const held = await askFor();
    await until("it says what it waits for", async () => (await journey.deployment(held)).words.includes("The sale."));
    expect((await journey.deployment(held)).status).toBe("queued");
    const override = { overrideFreeze: "The tills stand still." };
    const tried = grace.client.ship({ params: { ...main, service }, body: override });
    expect(await problemOf(tried)).toMatchObject({ status: 403, code: "LK_FORBIDDEN" });

    await killAndStart();
    await grace.client.liftFreeze({ params: { ...main, freezeId: freeze.id } });
    const rollout = await journey.rolloutOf(held);
    await journey.act(rollout, "abort", "next part");
    await journey.drive(rollout, {}, "aborted");

    await grace.client.addFreeze({ params: main, body: { service, reason: "The sale.", endsAt } });
    const urgent = await journey.ship({}, override);
    const out = await journey.rolloutOf(urgent);
    const entry = await until("it is recorded why", async () => {
      const query = { type: "delivery.deployment.requested", subject: `deployment/${urgent}` };
      return (await journey.owner.listLedger({ query })).items[0];
    });
    expect(JSON.stringify(entry.data)).toContain("The tills stand still.");
    await journey.act(out, "abort", "the end");
    await journey.drive(out, {}, "aborted");
  });
});
