import { armOf, bucketOf } from "@latchkey/core/flags/buckets";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Installation } from "../../../apps/server/src/testing/installation.ts";
import { until } from "../../../apps/server/src/testing/until.ts";
import { openFlags } from "./node.ts";

/** A program that runs through the steps of a rollout, with users that come back. */
const FLAG = "grown";
const params = { project: "main" };
const users = Array.from({ length: 600 }, (_, i) => `u-${i}`);
let here: Installation;
let flags: ReturnType<typeof openFlags<Record<string, boolean>>>;
beforeAll(async () => {
  here = await Installation.start({ writesPerSecond: 1_000 });
  const body = { name: "api", environment: "production", kind: "server" as const };
  const { secret } = await here.owner.createFlagKey({ params, body });
  await here.owner.putFlag({
    params: { ...params, flag: FLAG },
    body: {
      reason: "a test",
      definition: {
        environments: {
          production: { isEnabled: true, otherwise: { kind: "rollout", variant: "on", against: "off", percent: 10 } },
        },
      },
    },
  });
  flags = openFlags<Record<string, boolean>>({ url: here.url, key: secret });
  expect(await flags.ready({ withinMs: 30_000 })).toBe(true);
});
afterAll(async () => {
  await flags.close();
  await here.close();
});

const bucket = bucketOf("targetingKey", FLAG, "flagd-2");
const armsAt = (percent: number) => {
  const arms = users.map((targetingKey) => armOf(bucket({ targetingKey }) ?? Number.NaN, percent));
  const of = (arm: string) => arms.filter((one) => one === arm).length;
  return { treated: of("treated"), control: of("control") };
};
const result = async () => (await here.owner.getFlagResults({ params: { ...params, flag: FLAG } })).items[0];
const visit = async () => {
  const on = users.filter((targetingKey) => flags.value(FLAG, false, { targetingKey })).length;
  await flags.flush();
  return on;
};

it("tells of both arms at each step: who gets the same as before may be of the control by then", async () => {
  await visit();
  expect((await result())?.exposed).toEqual(armsAt(10));
  await here.owner.moveRollout({
    params: { ...params, flag: FLAG },
    body: { environment: "production", percent: 40, reason: "a test" },
  });
  const before = armsAt(10).treated;
  await until("the program knows of the step", async () => (await visit()) > before);
  await visit();
  expect((await result())?.exposed).toEqual(armsAt(40));
  expect((await result())?.isMismatched).toBe(false);
});
