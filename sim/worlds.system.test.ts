import { expect, test } from "vitest";
import { World } from "./world.ts";

test("500 simulated worlds hold every invariant", { timeout: 600_000 }, async () => {
  const broken: string[] = [];
  for (let seed = 1; seed <= 500; seed++)
    broken.push(...(await new World({ seed }).run()).violations.map((words) => `seed ${seed}: ${words}`));
  expect(broken).toEqual([]);
});

test.each(["fence", "lease-expiry", "idempotency-key"] as const)(
  "a world without the %s is found out",
  async (without) => {
    for (let seed = 1; seed <= 500; seed++)
      if ((await new World({ seed, without: [without] }).run()).violations.length > 0) return;
    expect.unreachable(`500 worlds did not notice that the ${without} is missing`);
  },
);
