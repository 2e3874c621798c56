import { armOf, bucketOf } from "@latchkey/core/flags/buckets";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BuiltServer } from "../testing/built-server.ts";
import { until } from "../testing/until.ts";

/** SIGKILL while applications report: what was answered is counted, what was not is told again, and nothing twice. */
const FLAG = "killed-form";
const KILLS = 3;
const BATCHES = 12;
const EACH = 20;
let server: BuiltServer;
let key = "";
beforeAll(async () => {
  server = await BuiltServer.start();
  const params = { project: "main" };
  const made = await server.owner.createFlagKey({ params, body: { name: "k", environment: "production" } });
  key = made.secret;
  await server.owner.putFlag({
    params: { ...params, flag: FLAG },
    body: {
      reason: "a test",
      definition: {
        environments: {
          production: {
            isEnabled: true,
            otherwise: { kind: "rollout", variant: "on", against: "off", percent: 50 },
          },
        },
      },
    },
  });
});
afterAll(() => server.close());

const bucket = bucketOf("targetingKey", FLAG, "flagd-2");
const armOfUser = (user: string) => armOf(bucket({ targetingKey: user }) ?? Number.NaN, 50);
const report = async (what: "exposures" | "events", items: readonly object[]): Promise<boolean> => {
  try {
    const answer = await fetch(`${server.url}/flags/v1/${what}`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
      body: JSON.stringify({ [what]: items }),
    });
    return answer.status === 202;
  } catch {
    return false;
  }
};
const result = async () => {
  const { items } = await server.owner.getFlagResults({ params: { project: "main", flag: FLAG } });
  return items[0];
};

describe("a server that is killed while it is told of users", () => {
  it("counts each once: those that it had answered for, and those that are told again", async () => {
    const all = Array.from({ length: KILLS * BATCHES * EACH }, (_, i) => `u-${i}`);
    const batches = Array.from({ length: KILLS * BATCHES }, (_, i) => all.slice(i * EACH, (i + 1) * EACH));
    const met = (users: readonly string[]) =>
      users.map((user) => ({
        ...{ flag: FLAG, rule: "otherwise", key: user, variant: armOfUser(user) === "treated" ? "on" : "off" },
      }));
    let acknowledged = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const mine = batches.slice(kill * BATCHES, (kill + 1) * BATCHES);
      let answered = 0;
      const asked = mine.map(async (users) => {
        const isTaken = await report("exposures", met(users));
        if (isTaken) answered += 1;
        return { users, isTaken };
      });
      await until("one is answered", () => answered > 0);
      await server.kill();
      const ends = await Promise.all(asked);
      await server.start();
      acknowledged += ends.filter((end) => end.isTaken).length;
      const counted = await result();
      // Those that were answered are there; some that were not may be, too.
      expect((counted?.exposed.treated ?? 0) + (counted?.exposed.control ?? 0)).toBeGreaterThanOrEqual(
        acknowledged * EACH,
      );
      for (const { users } of ends) expect(await report("exposures", met(users))).toBe(true);
      acknowledged = (kill + 1) * BATCHES;
    }
    const treated = all.filter((user) => armOfUser(user) === "treated").length;
    expect((await result())?.exposed).toEqual({ treated, control: all.length - treated });
    // Harm is noted, and the server dies before it can act on it, or after: it is killed either way.
    const hurt = all.filter((user) => armOfUser(user) === "treated").slice(0, 30);
    expect(
      await report(
        "events",
        hurt.map((user) => ({ metric: "errors", key: user, isBad: true })),
      ),
    ).toBe(true);
    await server.kill();
    await server.start();
    await until("the rollout is killed", async () => (await result())?.state === "killed");
    const kills = async () => {
      const { items } = await server.owner.listLedger({ query: { subject: `flag/${FLAG}` } });
      return items.filter((entry) => entry.type === "flags.rollout.killed").length;
    };
    await until("the ledger has it", async () => (await kills()) > 0);
    expect(await kills()).toBe(1);
  });
});
