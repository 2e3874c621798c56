import { readFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Product, type Started, until, Visitors } from "./product.testkit.ts";
import { startedAt } from "./record.ts";

/** The whole product on a tiny service, with its processes killed in the middle of things. */
const product = new Product();
let started: Started;
/** A start on two busy cores takes some seconds; a server that was killed is back within this, or something is wrong. */
const BACK_MS = 60_000;
const ROLLOUT_MS = 90_000;

beforeAll(async () => {
  await product.place();
  // Longer than a killed server needs to come back on a busy machine: it is to be found in this state, too.
  product.holdbackMs = 15_000;
  product.write("v1");
  started = await product.up();
  expect(await product.cli("apply", "--yes")).toContain("tiny");
  const first = await ship();
  await until("release 1", async () => ((await stateOf(first.id)) === "completed" ? true : null), ROLLOUT_MS);
  expect(await serves("v1")).toBe(true);
}, 180_000);

afterAll(async () => {
  started.child.kill("SIGINT");
  await started.ended;
  product.remove();
}, 60_000);

const ship = async () =>
  product.client().ship({
    params: { project: "main", service: "tiny" },
    body: { environment: "production", reason: "", ifBusy: "refuse" },
  });
/** Asked over a connection of its own: one that is kept would end with the gateway that is killed. */
const serves = (version: string): Promise<boolean> =>
  new Promise((done, fail) => {
    const sent = request(`${product.url}/api/x`, { agent: false }, (answer) => {
      let text = "";
      answer.on("data", (part) => {
        text += part;
      });
      answer.on("end", () => done(text === version));
    });
    sent.on("error", fail);
    sent.end();
  });

/** What the server says of a rollout; null while it does not answer. */
async function stateOf(deploymentId: string): Promise<string | null> {
  try {
    const client = product.client();
    const deployment = await client.getDeployment({ params: { project: "main", deploymentId } });
    if (!deployment.rolloutId) return deployment.status;
    return (await client.getRollout({ params: { project: "main", rolloutId: deployment.rolloutId } })).state;
  } catch {
    return null;
  }
}

function killServer(): void {
  process.kill(product.pidOf("server"), "SIGKILL");
}
const readable = async (): Promise<boolean> =>
  fetch(`http://127.0.0.1:${product.port}/readyz`).then(
    (answer) => answer.ok,
    () => false,
  );
async function killAndAwaitServer(): Promise<void> {
  const before = product.pidOf("server");
  killServer();
  await until(
    "the server's return",
    async () => (product.pidOf("server") !== before && (await readable())) || null,
    BACK_MS,
  );
}

test("the server is killed in each state of a rollout: no visitor notices, and the rollout goes on", async () => {
  product.write("v2");
  const visitors = new Visitors(product.url);
  const deployment = await ship();
  const killedIn: string[] = [];
  const end = await until(
    "the rollout's end",
    async () => {
      const state = await stateOf(deployment.id);
      if (state === null) return null;
      if (["completed", "rolled_back", "aborted", "failed", "failed_build"].includes(state)) return state;
      if (!killedIn.includes(state)) {
        killedIn.push(state);
        await killAndAwaitServer();
      }
      return null;
    },
    ROLLOUT_MS,
  );
  await visitors.stop();
  expect(end).toBe("completed");
  expect(killedIn).toEqual(expect.arrayContaining(["progressing", "holdback"]));
  expect(visitors.failures).toEqual([]);
  expect(visitors.served).toBeGreaterThan(100);
  expect(await serves("v2")).toBe(true);
}, 170_000);

test("harm that is done while the server is dead is rolled back when it is back, and the assets stay reachable", async () => {
  product.write("v3", true);
  const deployment = await ship();
  await until("the exposure", async () => ((await stateOf(deployment.id)) === "progressing" ? true : null), ROLLOUT_MS);
  const before = product.pidOf("server");
  killServer();
  const visitors = new Visitors(product.url);
  await until("harm", () => visitors.failures.length > 3 || null, BACK_MS);
  await until(
    "the server's return",
    async () => (product.pidOf("server") !== before && (await readable())) || null,
    BACK_MS,
  );
  const end = await until(
    "the rollback",
    async () => {
      const state = await stateOf(deployment.id);
      return state === "rolled_back" || state === "completed" ? state : null;
    },
    ROLLOUT_MS,
  );
  await visitors.stop();
  expect(end).toBe("rolled_back");
  expect(await serves("v2")).toBe(true);
  // The release that was taken back runs no more; a page of it that is still open finds its script all the same.
  const asset = await until(
    "the asset",
    async () => {
      const answer = await fetch(`${product.url}/assets/index-v3AbCd1234.js`, {
        headers: { "sec-fetch-dest": "script" },
      });
      const text = await answer.text();
      return answer.status === 200 ? text : null;
    },
    20_000,
  );
  expect(asset).toBe("run('v3')");
}, 170_000);

test("a killed gateway's port takes connections within a second, and the same table is served", async () => {
  const table = () => readFileSync(join(product.dir, "gateway", "routing.json"), "utf8");
  const [before, kept] = [product.pidOf("gateway"), table()];
  process.kill(before, "SIGKILL");
  await until("the gateway's end", () => startedAt(before) === null || null, 5_000);
  const from = performance.now();
  await until(
    "a connection",
    () =>
      new Promise<true | null>((done) => {
        const socket = connect(product.gatewayPort, "127.0.0.1", () => {
          socket.destroy();
          done(true);
        });
        socket.on("error", () => done(null));
      }),
    1_000,
  );
  expect(performance.now() - from).toBeLessThan(1_000);
  expect(await serves("v2")).toBe(true);
  const answered = performance.now() - from;
  expect(table()).toBe(kept);
  process.stdout.write(`gateway answers ${Math.round(answered)} ms after SIGKILL\n`);
}, 60_000);

test("a killed supervisor: the next start ends what it left, by pid and start time, and goes on", async () => {
  const left = [product.pidOf("server"), product.pidOf("gateway")].map((pid) => ({ pid, at: startedAt(pid) }));
  started.child.kill("SIGKILL");
  await started.ended;
  started = await product.up();
  expect(started.output()).toContain("left behind");
  expect(left.filter((who) => startedAt(who.pid) === who.at)).toEqual([]);
  expect(await serves("v2")).toBe(true);
}, 120_000);

test("Ctrl-C ends every process of it, releases and PostgreSQL too", async () => {
  expect(product.processes().length).toBeGreaterThanOrEqual(5);
  started.child.kill("SIGINT");
  expect(await started.ended).toBe(0);
  expect(started.output()).toContain("Stopped.");
  expect(product.processes()).toEqual([]);
}, 60_000);
