import { createClient } from "@latchkey/api/client";
import type { Problem } from "@latchkey/api/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation } from "../testing/installation.ts";
import { jsonOf } from "../testing/problem.ts";

let installation: Installation;
beforeAll(async () => {
  installation = await Installation.start();
  await installation.stop();
  // One write a second, ten at once.
  await installation.start({ writesPerSecond: 1 });
});
afterAll(() => installation.close());

const write = (token: string, name: string) =>
  installation.fetch("/api/v1/projects/main/tokens", {
    method: "POST",
    body: JSON.stringify({ name, role: "viewer" }),
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
  });
/** All at the same time: a slow machine must not give the bucket time to fill. */
const CROWD = 60;
const crowd = (token: string, name: string) =>
  Promise.all(Array.from({ length: CROWD }, (_, i) => write(token, `${name} ${i}`)));
const refusedOf = (answers: readonly Response[]) => answers.filter((a) => a.status === 429);
const metric = async (name: string) => {
  const text = await (await installation.fetch("/metrics")).text();
  return Number(
    text
      .split("\n")
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length) ?? Number.NaN,
  );
};

describe("a credential that asks too often", () => {
  it("is told how much is left, refused when nothing is, and told when to come again; nothing is changed", async () => {
    const { secret } = await installation.tokenOf("owner");
    const first = await write(secret, "burst first");
    expect(first.headers.get("ratelimit-policy")).toBe('"writes";q=10;w=10');
    expect(first.headers.get("ratelimit")).toBe('"writes";r=9;t=1');
    const refused = refusedOf(await crowd(secret, "burst"));
    expect(refused.length).toBeGreaterThan(0);
    for (const answer of refused) {
      expect(answer.headers.get("retry-after")).toBe("1");
      expect(answer.headers.get("ratelimit")).toContain("r=0;");
      expect(await jsonOf<Problem>(answer)).toMatchObject({
        code: "LK_RATE_LIMITED",
        detail: "One credential may write 1 times a second, and 10 times at once.",
        remedy: expect.stringContaining("Retry-After"),
      });
    }
    const { items } = await installation.owner.listTokens({ query: { limit: 200 } });
    const made = items.filter((t) => t.name.startsWith("burst ")).length;
    expect(made).toBe(1 + CROWD - refused.length);
    expect(await metric('latchkey_rate_limited_total{limit="writes"}')).toBe(refused.length);
  });

  it("goes on reading; others go on writing, and gateways reporting", async () => {
    const { secret } = await installation.tokenOf("owner");
    expect(refusedOf(await crowd(secret, "busy")).length).toBeGreaterThan(0);
    const tired = createClient({ baseUrl: installation.url, token: secret });
    expect((await tired.me({})).principal.role).toBe("owner");
    const other = await installation.tokenOf("owner");
    expect((await write(other.secret, "another's")).status).toBe(201);
    const report = { gateway: "gw-limits", boot: "b1", at: new Date().toISOString(), residentBytes: 1, counters: [] };
    const applied = { epoch: 1, n: 0 };
    for (let sequence = 1; sequence <= 50; sequence++)
      await installation.gateway.gatewayReport({ body: { ...report, sequence, applied } });
  });

  it("is served late instead of refused by a client that waits as it is told", async () => {
    const { secret } = await installation.tokenOf("owner");
    const ask = (patienceMs: number, name: string) => {
      const client = createClient({ baseUrl: installation.url, token: secret, patienceMs });
      return client.createToken({ body: { name, role: "viewer" } });
    };
    const hasty = await Promise.allSettled(Array.from({ length: CROWD }, () => ask(0, "hasty")));
    expect(hasty.filter((one) => one.status === "rejected").length).toBeGreaterThan(0);
    expect((await ask(30_000, "late")).token.name).toBe("late");
  });
});

describe("an address that tries credentials", () => {
  it("is refused after a while, and who is signed in there is not", async () => {
    const tried = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        installation.fetch("/api/v1/me", { headers: { authorization: `Bearer lk_${i}` } }),
      ),
    );
    expect(new Set(tried.map((answer) => answer.status))).toEqual(new Set([401, 429]));
    const signIn = () =>
      fetch(`${installation.url}/api/v1/sign-in`, {
        method: "POST",
        body: JSON.stringify({ secret: "lk_not_a_secret" }),
        headers: { "content-type": "application/json" },
      });
    const [refused] = refusedOf(await Promise.all(Array.from({ length: 100 }, signIn)));
    if (!refused) throw new Error("Nobody was refused.");
    expect((await jsonOf<Problem>(refused)).detail).toMatch(/^From one address, those who are not signed in may ask 2/);
    expect((await installation.fetch("/api/v1/me")).status).toBe(200);
  });
});
