import { createHash, createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { SignJWT } from "jose";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation } from "../testing/installation.ts";
import { FakeNetlify } from "../testing/netlify/fake.ts";
import { NETLIFY_SECRET } from "../testing/netlify/journey.ts";
import { problemOf } from "../testing/problem.ts";
import { until } from "../testing/until.ts";
import { Workload } from "../testing/workload.ts";

let installation: Installation;
let netlify: FakeNetlify;
let workload: Workload;

beforeAll(async () => {
  netlify = await FakeNetlify.start();
  installation = await Installation.start();
  await installation.stop();
  const file = (name: string, text: string) => {
    writeFileSync(join(installation.dir, name), text);
    return join(installation.dir, name);
  };
  await installation.start({
    netlifyApiUrl: netlify.url,
    netlifyTokenFile: file("netlify.token", netlify.token),
    netlifyWebhookSecretFile: file("netlify.secret", NETLIFY_SECRET),
  });
  workload = new Workload(installation);
  await workload.apply({ target: { kind: "netlify", siteId: netlify.siteId, mode: "git", split: "edge" } });
});
afterAll(async () => {
  await installation?.close();
  await netlify?.stop();
  expect(netlify.violations).toEqual([]);
});

const digestOf = (body: string) => createHash("sha256").update(body).digest("hex");
const keyOf = (secret: string) => new TextEncoder().encode(secret);
const signed = (body: string, secret = NETLIFY_SECRET, claims: Record<string, unknown> = {}) =>
  new SignJWT({ iss: "netlify", sha256: digestOf(body), ...claims })
    .setProtectedHeader({ alg: "HS256" })
    .sign(keyOf(secret));
async function deliver(body: string, signature: string): Promise<{ status: number; answer: unknown }> {
  const headers = { "content-type": "application/json", "x-webhook-signature": signature };
  const answer = await fetch(`${installation.url}/hooks/netlify`, { method: "POST", headers, body });
  return { status: answer.status, answer: await answer.json() };
}

describe("Netlify's webhooks", () => {
  it("are taken once, and make the loops look at once", async () => {
    const body = JSON.stringify({ id: "d1", site_id: netlify.siteId, state: "ready" });
    const token = await signed(body);
    const before = netlify.asked.length;
    expect(await deliver(body, token)).toEqual({ status: 202, answer: { stored: true } });
    await until("the site is looked at", () => netlify.asked.length > before);
    expect(await deliver(body, token)).toEqual({ status: 202, answer: { stored: false } });
  });

  it("are refused when they are forged, expired, of another body, of another issuer, or not signed", async () => {
    const body = '{"site_id":"x"}';
    const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from(
      JSON.stringify({ iss: "netlify", sha256: digestOf(body) }),
    ).toString("base64url")}.`;
    const bad = [
      await signed(body, "another secret"),
      await signed("another body"),
      await signed(body, NETLIFY_SECRET, { exp: 1_000 }),
      await signed(body, NETLIFY_SECRET, { iss: "somebody" }),
      unsigned,
      "",
      "a.b.c",
    ];
    for (const token of bad) expect((await deliver(body, token)).status).toBe(401);
  });
});

describe("an edge's table and counts", () => {
  const setup = () =>
    installation.owner.getNetlifyEdge({ params: { project: "main", service: workload.name }, query: {} });
  const partsOf = (variable: string) => {
    const [address = "", secret = ""] = variable.split("#");
    return { url: `${installation.url}${new URL(address).pathname}`, secret };
  };
  const send = async (also: object, secret?: string) => {
    const { url, secret: own } = partsOf((await setup()).variable);
    const body = JSON.stringify({ edge: "00000000-0000-4000-8000-000000000001", sequence: 1, rows: [], ...also });
    const signature = `sha256=${createHmac("sha256", secret ?? own)
      .update(body)
      .digest("hex")}`;
    const headers = { "content-type": "application/json", "x-latchkey-signature": signature };
    return fetch(url, { method: "POST", headers, body });
  };
  const row = {
    ...{ generation: { epoch: 1, n: 0 }, arm: "baseline", releaseId: "rel_1", routeClass: "api" },
    ...{ requests: 3, errors: 1, unitErrors: 1, latency: { "5": 3 } },
  };

  it("is signed, with the nonce in it, and kept by nobody on the way", async () => {
    const { url, secret } = partsOf((await setup()).variable);
    const answer = await fetch(`${url}?nonce=abcdefgh`);
    const text = await answer.text();
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("x-latchkey-signature")).toBe(
      `sha256=${createHmac("sha256", secret).update(text).digest("hex")}`,
    );
    expect(JSON.parse(text)).toMatchObject({ version: 1, nonce: "abcdefgh", arms: [], published: "" });
    expect((await fetch(url)).status).toBe(400);
    expect((await fetch(`${installation.url}/edge/netlify/${"0".repeat(32)}?nonce=abcdefgh`)).status).toBe(404);
  });

  it("are counted once, also when a batch comes twice or out of order", async () => {
    await until("the target was spoken to", async () => (await send({ sequence: 9 })).status === 202);
    const taken = async (sequence: number) => (await (await send({ sequence, rows: [row] })).json()) as object;
    expect(await taken(2)).toEqual({ taken: true });
    expect(await taken(1)).toEqual({ taken: true });
    expect(await taken(2)).toEqual({ taken: false });
    const { rows } = await sql<{ requests: string; errors: string }>`select requests, errors from arm_counter
      where service = ${workload.name}`.execute(installation.database.db);
    expect(rows).toEqual([{ requests: "6", errors: "2" }]);
  });

  it("are refused when they are signed by another, of a generation to come, or make no sense", async () => {
    expect((await send({ sequence: 20 }, "another secret")).status).toBe(401);
    expect((await send({ sequence: 21, rows: [{ ...row, generation: { epoch: 9, n: 0 } }] })).status).toBe(400);
    expect((await send({ sequence: 22, rows: [{ ...row, errors: 4 }] })).status).toBe(400);
    expect((await send({ sequence: 0 })).status).toBe(400);
  });

  it("only an owner may see what an edge is given", async () => {
    const { secret } = await installation.tokenOf("viewer");
    const problem = await problemOf(
      installation
        .clientWith(secret)
        .getNetlifyEdge({ params: { project: "main", service: workload.name }, query: {} }),
    );
    expect(problem.status).toBe(403);
  });
});
