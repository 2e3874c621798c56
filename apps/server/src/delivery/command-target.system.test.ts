import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { BuiltServer } from "../testing/built-server.ts";
import { Cloud } from "../testing/command-target/cloud.ts";
import { Journey } from "../testing/journey.ts";
import { until } from "../testing/until.ts";

let end: () => Promise<void>;
afterEach(() => end());

describe("a service that scripts of its own run", () => {
  it("is rolled back by what its counts say, and the bad release is retired", async () => {
    const journey = await Journey.begin();
    const cloud = new Cloud(join(journey.installation.dir, "cloud"));
    end = async () => {
      await journey.end();
      cloud.close();
    };
    await journey.workload.apply({ target: cloud.config({ routes: true }), smoke: [] });
    const first = await journey.rolloutOf(await journey.ship({ page: "old" }));
    await journey.untilRollout(first, "completed");
    const url = await cloud.listen();
    expect(await (await fetch(url)).text()).toBe("old");
    const canary = await journey.shipCanary({ page: null });
    const ended = await until("it is rolled back", async () => {
      await Promise.all(Array.from({ length: 40 }, () => fetch(url).then((answer) => answer.text())));
      const seen = await journey.rollout(canary.id);
      return seen.state === "rolled_back" ? seen : null;
    });
    expect(ended.arms.find(({ arm }) => arm === "canary")?.errors).toBeGreaterThan(0);
    const answers = await Promise.all(Array.from({ length: 50 }, () => fetch(url).then((answer) => answer.text())));
    expect(new Set(answers)).toEqual(new Set(["old"]));
    await until("the bad release is retired", () => cloud.calls("retire") === 1);
    const view = (await journey.owner.listTargets({})).items.find(({ kind }) => kind === "command");
    expect(view?.shares.map(({ trafficPercent }) => trafficPercent)).toEqual([100]);
  });

  it("shows what its script says while it is brought up, the last lines only, without the secrets it was given", async () => {
    const journey = await Journey.begin();
    end = async () => {
      process.env.SHOP_TOKEN = "";
      await journey.end();
    };
    process.env.SHOP_TOKEN = "s3cr3t-of-the-shop";
    const file = join(journey.installation.dir, "go");
    // The lines come slower than they are written down, but for the last ones.
    const words = [
      "sh",
      "-c",
      `i=0; while [ $i -lt 40 ]; do i=$((i+1)); printf '\\033[32mlayer %s\\033[0m with %s\\n' $i $SHOP_TOKEN >&2; done; while ! [ -e ${file} ]; do sleep 0.05; done; echo "no more of $SHOP_TOKEN" >&2; exit 4`,
    ];
    await journey.workload.apply({
      target: { kind: "command", prepare: words, retire: ["true"], environmentVariables: ["SHOP_TOKEN"] },
    });
    const rollout = await journey.rolloutOf(await journey.ship());
    const seen = await until("its last line is shown", async () => {
      const now = await journey.rollout(rollout);
      return now.progress.at(-1)?.words.startsWith("layer 40") ? now : null;
    });
    expect(seen.progress.length).toBeLessThanOrEqual(20);
    expect((await journey.explain(rollout)).words.join(" ")).toContain("Its host says: layer 40 with ***");
    writeFileSync(file, "");
    const ended = await until("it has failed", async () => {
      const now = await journey.rollout(rollout);
      return now.finishedAt === null ? null : now;
    });
    expect(journey.wordsOf(ended)).toContain("no more of ***");
    expect(JSON.stringify([seen, ended])).not.toContain("s3cr3t");
    expect(ended.progress).toEqual([]);
  });

  it("says which field of an answer is wrong", async () => {
    const journey = await Journey.begin();
    end = () => journey.end();
    const words = ["sh", "-c", 'echo \'{"version": 1, "upstreams": ["nowhere"]}\''];
    await journey.workload.apply({ target: { kind: "command", prepare: words, retire: words } });
    const rollout = await journey.rolloutOf(await journey.ship());
    const ended = await until("it has failed", async () => {
      const seen = await journey.rollout(rollout);
      return seen.finishedAt === null ? null : seen;
    });
    expect(journey.wordsOf(ended)).toContain("prepare's answer, field upstreams.0: an address without a path");
  });

  it("starts one release only when the server is killed while it is prepared", async () => {
    const server = await BuiltServer.start();
    const cloud = new Cloud(join(server.dir, "cloud"));
    end = async () => {
      await server.close();
      cloud.close();
    };
    const journey = await Journey.beginIn(server);
    await journey.workload.apply({ target: cloud.config({ routes: false }) });
    cloud.hold();
    const rollout = await journey.rolloutOf(await journey.ship());
    await until("it is started", () => cloud.starts === 1);
    await server.kill();
    await server.start();
    await until("it is prepared again", () => cloud.calls("prepare") === 2);
    cloud.go();
    await journey.drive(rollout, {}, "completed");
    expect(cloud.starts).toBe(1);
  });
});
