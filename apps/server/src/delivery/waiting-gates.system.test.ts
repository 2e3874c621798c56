import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { ServiceConfigInput } from "@latchkey/api/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Journey } from "../testing/journey.ts";
import { problemOf } from "../testing/problem.ts";
import { until } from "../testing/until.ts";

let journey: Journey;
beforeAll(async () => {
  journey = await Journey.begin();
});
afterAll(() => journey.end());

type Gate = NonNullable<ServiceConfigInput["gates"]>[number];
const main = () => ({ project: "main", service: journey.workload.name });
const FAILS = { name: "checks", command: ["node", "-e", "process.exit(1)"] };
const DAY_MS = 86_400_000;
const inDays = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString();

async function shipThrough(...gates: Gate[]): Promise<string> {
  await journey.workload.apply({ gates });
  return journey.ship({}, { ifBusy: "queue" });
}
const gatesOf = async (id: string) => (await journey.deployment(id)).gates;
const untilGate = (id: string, status: string, i = 0) =>
  until(`gate ${status}`, async () => {
    const gate = (await gatesOf(id))[i];
    return gate?.status === status ? gate : null;
  });
const untilThrough = (id: string) =>
  journey.untilDeployment(id, "queued", "starting", "rolling_out", "holdback", "succeeded");
const ledger = async (type: string) =>
  (await journey.owner.listLedger({ params: { project: "main" }, query: { type } })).items;

describe("a waiver", () => {
  it("lets a failed gate stand, shows who and until when, and is in the ledger", async () => {
    await journey.untilDeployment(await shipThrough(FAILS), "failed_gate");
    const body = { gate: "checks", reason: "its server is moved", until: inDays(2) };
    const waiver = await journey.owner.createWaiver({ params: main(), body });
    expect(waiver).toMatchObject({ gate: "checks", isInForce: true, couldNotRun: false });
    const id = await shipThrough(FAILS);
    await untilThrough(id);
    const [gate] = await gatesOf(id);
    expect(gate).toMatchObject({
      status: "waived",
      waiver: { id: waiver.id, reason: body.reason, until: waiver.until },
    });
    expect((await ledger("delivery.gate.waived"))[0]).toMatchObject({ subject: `waiver/${waiver.id}` });
    const passed = (await ledger("delivery.deployment.gates_passed")).find((e) => e.subject === `deployment/${id}`);
    expect(passed?.data.gates).toMatchObject([{ status: "waived", waiver: { id: waiver.id } }]);

    await journey.owner.revokeWaiver({ params: { ...main(), waiverId: waiver.id } });
    expect((await journey.owner.listWaivers({ params: main(), query: {} })).items[0]).toMatchObject({
      isInForce: false,
    });
    await journey.untilDeployment(await shipThrough(FAILS), "failed_gate");
  });

  it("lets a gate that could not run stand only when it says so", async () => {
    const gate = { name: "checks", command: ["no-such-tool"] };
    const body = { gate: "checks", reason: "gone", until: inDays(1) };
    await journey.workload.apply({ gates: [gate] });
    const plain = await journey.owner.createWaiver({ params: main(), body });
    await journey.untilDeployment(await shipThrough(gate), "failed_gate");
    const explicit = await journey.owner.createWaiver({ params: main(), body: { ...body, couldNotRun: true } });
    await untilThrough(await shipThrough(gate));
    for (const { id } of [plain, explicit]) await journey.owner.revokeWaiver({ params: { ...main(), waiverId: id } });
  });

  it.each([
    [{ until: inDays(-1) }, "until"],
    [{ until: inDays(91) }, "until"],
    [{ gate: "another" }, "gate"],
    [{ reason: "" }, "reason"],
  ])("with %j is refused", async (over, field) => {
    await journey.workload.apply({ gates: [FAILS] });
    const before = await journey.owner.listWaivers({ params: main(), query: {} });
    const body = { gate: "checks", reason: "why", until: inDays(1), ...over };
    const problem = await problemOf(journey.owner.createWaiver({ params: main(), body }));
    expect(problem.fields?.[0]?.field).toContain(field);
    expect(await journey.owner.listWaivers({ params: main(), query: {} })).toEqual(before);
  });
});

describe("a report that a pipeline sends", () => {
  const gate: Gate = { name: "pipeline tests", kind: "tests", from: "ci" };
  const report = (failed: number): string =>
    `<testsuite><testcase name="adds"/>${'<testcase name="fails"><failure/></testcase>'.repeat(failed)}</testsuite>`;
  const git = (...args: string[]): string =>
    execFileSync("git", ["-c", "user.name=Test", "-c", "user.email=test@example.org", ...args], {
      ...{ cwd: join(journey.workload.root, "app"), encoding: "utf8" },
    }).trim();
  let commits = 0;
  /** What is shipped is what is committed. */
  async function shipCommit(): Promise<{ id: string; commit: string }> {
    await journey.workload.apply({ gates: [gate] });
    commits += 1;
    journey.workload.will({ version: `commit ${commits}` });
    git("add", ".");
    git("commit", "-qm", "change");
    return { commit: git("rev-parse", "HEAD"), id: await journey.shipAgain({ ifBusy: "queue" }) };
  }
  const send = (commit: string, text: string) =>
    journey.owner.submitEvidence({
      params: main(),
      body: { gate: gate.name, commit, report: text, url: "https://ci.example.org/runs/1" },
    });

  it("is waited for, over a restart, and judged when it comes", async () => {
    git("init", "-q");
    writeFileSync(join(journey.workload.root, "app", ".gitignore"), "*.log\n");
    const { id, commit } = await shipCommit();
    const pending = await untilGate(id, "pending");
    expect(pending.words).toContain("has not come yet");
    await journey.installation.stop();
    await journey.installation.start();
    expect(await untilGate(id, "pending")).toMatchObject({ startedAt: pending.startedAt });
    // Another commit's is not this one's.
    await send("f".repeat(40), report(0));
    expect(await untilGate(id, "pending")).toBeTruthy();
    const sent = await send(commit, report(0));
    await untilThrough(id);
    const [seen] = await gatesOf(id);
    expect(seen).toMatchObject({ status: "passed", words: "1 test passed." });
    expect(seen?.details).toContain("Sent from https://ci.example.org/runs/1");
    expect(seen?.details).toContain(`SHA-256 of the report: ${sent.sha256}`);
    expect((await ledger("delivery.evidence.submitted"))[0]).toMatchObject({ data: { commit, sha256: sent.sha256 } });
  });

  it("that says no ends the deployment", async () => {
    const { id, commit } = await shipCommit();
    await untilGate(id, "pending");
    await send(commit, report(1));
    await journey.untilDeployment(id, "failed_gate");
  });

  it("takes no build's place, holds up nobody behind it, and can be cancelled", async () => {
    const { id } = await shipCommit();
    await untilGate(id, "pending");
    await journey.workload.apply({ gates: [{ ...FAILS, command: ["node", "gate.mjs"] }] });
    await untilThrough(await journey.ship({}, { ifBusy: "queue" }));
    const params = { project: "main", deploymentId: id };
    const ended = await journey.owner.cancelDeployment({ params, body: { reason: "not wanted any more" } });
    expect(ended).toMatchObject({ status: "aborted" });
    expect((await problemOf(journey.owner.cancelDeployment({ params, body: { reason: "again" } }))).code).toBe(
      "LK_DEPLOYMENT_STATE",
    );
  });

  it("is refused for a gate that makes its own", async () => {
    await journey.workload.apply({ gates: [{ ...FAILS, name: gate.name }] });
    expect((await problemOf(send("a".repeat(40), report(0)))).fields?.[0]?.field).toBe("gate");
  });
});

describe("another system", () => {
  interface Asked {
    readonly headers: IncomingHttpHeaders;
    readonly text: string;
  }
  let server: Server;
  let asked: Asked[] = [];
  let answer: { status: number; body: string } = { status: 200, body: "" };
  beforeAll(async () => {
    server = createServer(async (request, response) => {
      let text = "";
      for await (const chunk of request) text += String(chunk);
      asked.push({ headers: request.headers, text });
      response.writeHead(answer.status, answer.status === 302 ? { location: "/elsewhere" } : {}).end(answer.body);
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  });
  afterAll(() => server.close());
  const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/check`;
  const through = (over: Partial<Gate> = {}) => {
    asked = [];
    return shipThrough({ name: "ask them", kind: "http", url: url(), ...over } as Gate);
  };

  it("is asked with a signature, and its yes is a yes", async () => {
    answer = { status: 200, body: '{"status":"passed","words":"Looks good."}' };
    const id = await through();
    await untilThrough(id);
    expect((await gatesOf(id))[0]).toMatchObject({ status: "passed", words: "Looks good." });
    const [{ headers, text } = { headers: {}, text: "" }] = asked;
    expect(JSON.parse(text)).toMatchObject({ gate: "ask them", deployment: { id }, release: { dirty: true } });
    const secret = readFileSync(join(journey.installation.dir, "webhooks.key"), "utf8").trim().slice("whsec_".length);
    const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${text}`;
    const expected = createHmac("sha256", Buffer.from(secret, "base64")).update(signed).digest("base64");
    expect(headers["webhook-signature"]).toBe(`v1,${expected}`);
  });

  it.each<[string, number, string, string]>([
    ["no", 200, '{"status":"failed","words":"Not today."}', "failed"],
    ["something else", 200, '{"ok":true}', "could_not_run"],
    ["no JSON", 200, "yes", "could_not_run"],
    ["far too much", 200, JSON.stringify({ status: "passed", words: "x".repeat(70_000) }), "could_not_run"],
    ["an error", 500, "", "could_not_run"],
    ["where else to ask", 302, "", "could_not_run"],
    ["that it calls back, unasked", 202, "", "could_not_run"],
  ])("that answers %s lets nothing through", async (_, status, body, outcome) => {
    answer = { status, body };
    const ended = await journey.untilDeployment(await through(), "failed_gate");
    expect(ended.gates[0]?.status).toBe(outcome);
    expect(asked).toHaveLength(1);
  });

  it("calls back once, with the token that it was given", async () => {
    answer = { status: 202, body: "" };
    const id = await through({ callback: true });
    await untilGate(id, "pending");
    const { callback } = JSON.parse(asked[0]?.text ?? "") as { callback: { url: string; token: string } };
    const call = (token: string) =>
      fetch(callback.url.replace(/^http:\/\/[^/]+/, journey.installation.url), {
        ...{ method: "POST", headers: { "content-type": "application/json" } },
        body: JSON.stringify({ token, status: "passed", words: "After a while, yes." }),
      });
    expect((await call("lkg_forged-forged-forged")).status).toBe(404);
    expect((await call(callback.token)).status).toBe(204);
    await untilThrough(id);
    expect((await gatesOf(id))[0]).toMatchObject({ status: "passed", words: "After a while, yes." });
    expect((await call(callback.token)).status).toBe(404);
    expect(asked).toHaveLength(1);
  });
});

describe("a window", () => {
  const FROZEN: Gate = {
    name: "hours",
    kind: "window",
    freezes: [{ from: inDays(-1), to: inDays(1), reason: "The sale." }],
  };
  const WORD = { reason: "the form is broken for everybody" };
  const override = (deploymentId: string, client = journey.owner) =>
    client.overrideWindow({ params: { project: "main", deploymentId }, body: WORD });

  it("is waited for, until an owner lets this deployment out, and no other", async () => {
    const id = await shipThrough(FROZEN);
    await untilGate(id, "pending");
    const deployer = journey.installation.clientWith((await journey.installation.tokenOf("deployer")).secret);
    expect(await problemOf(override(id, deployer))).toMatchObject({ status: 403 });
    expect((await gatesOf(id))[0]).toMatchObject({ status: "pending", waiver: null });

    await override(id);
    await override(id);
    await untilThrough(id);
    expect((await gatesOf(id))[0]).toMatchObject({
      ...{ name: "hours", status: "waived" },
      waiver: { id, reason: WORD.reason, until: null },
    });
    const said = await ledger("delivery.deployment.window_overridden");
    expect(said).toMatchObject([{ subject: `deployment/${id}`, data: { reason: WORD.reason } }]);
    const next = await journey.ship({}, { ifBusy: "queue" });
    await untilGate(next, "pending");
  });

  it("is passed by what an owner ships in spite of it, and by nobody else", async () => {
    await journey.workload.apply({ gates: [FROZEN] });
    const body = { ifBusy: "queue" as const, overrideWindow: WORD.reason };
    const deployer = journey.installation.clientWith((await journey.installation.tokenOf("deployer")).secret);
    expect(await problemOf(deployer.ship({ params: main(), body }))).toMatchObject({ status: 403 });
    const id = await journey.ship({}, body);
    await untilThrough(id);
    expect((await gatesOf(id))[0]).toMatchObject({ status: "waived", waiver: { reason: WORD.reason } });
  });

  it("is not overridden where none is waited for", async () => {
    const id = await shipThrough(FAILS);
    await journey.untilDeployment(id, "failed_gate");
    expect(await problemOf(override(id))).toMatchObject({ status: 409, code: "LK_DEPLOYMENT_STATE" });
    expect(await problemOf(override(`dep_${"0".repeat(32)}`))).toMatchObject({ status: 404 });
  });
});
