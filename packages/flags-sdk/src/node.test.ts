import { expect, it } from "vitest";
import { until } from "../../../apps/server/src/testing/until.ts";
import { openFlags } from "./node.ts";

it("throws nothing, and goes on, where the program's own log throws", async () => {
  let heard = 0;
  const flags = openFlags({
    // Nobody listens at port 1.
    ...{ url: "http://127.0.0.1:1", key: "lk_flags_1", snapshot: "/there/is/none.json" },
    onProblem: () => {
      heard += 1;
      throw new Error("the log is full");
    },
  });
  await until("the server is missed", () => flags.problem);
  expect(heard).toBe(2);
  expect(flags.value("form", true, { targetingKey: "u-1" })).toBe(true);
  await flags.close();
});
