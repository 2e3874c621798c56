import { expect, it } from "vitest";
import { withDeadline } from "./deadline.ts";

it("gives up work that never ends, and aborts its signal, also where the work does not listen", async () => {
  let seen: AbortSignal | undefined;
  const never = withDeadline(5, (signal) => {
    seen = signal;
    return new Promise<never>(() => {});
  });
  await expect(never).rejects.toMatchObject({ name: "TimeoutError" });
  expect(seen?.aborted).toBe(true);
});

it("answers what the work answers, and throws what it throws", async () => {
  expect(await withDeadline(60_000, async () => 7)).toBe(7);
  await expect(withDeadline(60_000, async () => Promise.reject(new Error("no")))).rejects.toThrow("no");
});
