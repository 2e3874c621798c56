import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "../platform/adapters/local/process-table.ts";
import { BuiltServer } from "../testing/built-server.ts";
import { HaproxyServer, hasHaproxy, Visitor } from "../testing/haproxy.ts";
import { Journey } from "../testing/journey.ts";
import { until } from "../testing/until.ts";

if (!hasHaproxy) console.warn("!!! SKIPPED: haproxy is not here, so no server is killed behind it.");

const CROWD = 20;
/** So many rounds of visits are made in one go where nothing is waited for. */
const ROUNDS = 5;

describe.skipIf(!hasHaproxy)("a server that is killed while a canary is under way on a real HAProxy", () => {
  let server: BuiltServer;
  let journey: Journey<BuiltServer>;
  let haproxy: HaproxyServer;
  let url: string;
  /** Every answer that was no release's own: none may come. */
  let strange: string[];
  let crowd: Visitor[];

  beforeEach(async () => {
    const bind = `127.0.0.1:${await freePort()}`;
    url = `http://${bind}`;
    strange = [];
    server = await BuiltServer.start();
    journey = await Journey.beginIn(server, { target: { kind: "haproxy", bind }, smoke: [] });
    haproxy = new HaproxyServer(join(server.dir, "haproxy", `${journey.workload.name}-production`, "haproxy.cfg"));
    crowd = Array.from({ length: CROWD }, () => new Visitor(url));
    await haproxy.start();
    await journey.untilRollout(await journey.rolloutOf(await journey.ship({ page: "old" })), "completed");
  });
  afterEach(async () => {
    await haproxy.stop();
    await server.close();
  });

  /** Texts that visitors got: those who have been there, those who are new, and callers of the API. */
  async function visit(rounds = ROUNDS): Promise<Set<string>> {
    const texts = new Set<string>();
    for (let i = 0; i < rounds; i++) {
      const new_ = Array.from({ length: CROWD }, () => new Visitor(url));
      const got = await Promise.all([...crowd, ...new_].flatMap((visitor) => [visitor.get(), visitor.get("/api/x")]));
      for (const { status, text } of got) {
        texts.add(text);
        if (status !== 200) strange.push(`${status} ${text.slice(0, 60)}`);
      }
    }
    return texts;
  }
  async function killAndComeBack(): Promise<void> {
    await server.kill();
    await visit();
    await server.start();
  }
  const shareOf = async (rollout: string) => (await journey.rollout(rollout)).trafficPercent;

  it("nobody sees an error, the rollout goes on from step to step, and a rollback that it died in is ended", async () => {
    const { id } = await journey.shipCanary({ page: "new" });
    await killAndComeBack();
    await until("visitors of both at the first step", async () => (await visit(1)).size === 2);
    // Between two steps, at whatever moment the judge has come to.
    await until("the second step", async () => {
      await visit(1);
      return (await shareOf(id)) === 50;
    });
    await killAndComeBack();
    await until("visitors of both at the second step", async () => (await visit(1)).size === 2);
    expect(await shareOf(id)).toBe(50);
    await journey.act(id, "roll_back", "to see it end");
    await killAndComeBack();
    const ended = await journey.untilRollout(id, "rolled_back");
    expect(ended.acknowledged).toBe(true);
    expect(await visit()).toEqual(new Set(["old"]));
    expect(strange).toEqual([]);
  });
});
