import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { memoryStore } from "./memory-store.ts";
import { SYNTHETIC_KEPT_MS } from "./store.ts";
import { keepTidy } from "./tidy.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const LEAD = {
  contact: { name: "Synthetic Journey", email: "synthetic@example.org", phone: "555-0100-000" },
  property: { address: "1 Test Way", city: "Austin", state: "TX", zip: "78701", type: "condo" },
  source: "website",
  message: "",
  website: "",
} as const;

it("deletes the last synthetic lead without another, and what a killed process left, and no other lead", async () => {
  const store = memoryStore();
  const { lead: left } = await store.add(LEAD, null, true);
  const { lead: real } = await store.add(LEAD, null);
  await vi.advanceTimersByTimeAsync(SYNTHETIC_KEPT_MS);
  const end = keepTidy(store, (cause) => expect.fail(String(cause)));
  await vi.advanceTimersByTimeAsync(0);
  expect(await store.find(left.id)).toBeNull();
  const { lead: last } = await store.add(LEAD, null, true);
  await vi.advanceTimersByTimeAsync(SYNTHETIC_KEPT_MS - 1);
  expect(await store.find(last.id)).toMatchObject({ id: last.id });
  await vi.advanceTimersByTimeAsync(SYNTHETIC_KEPT_MS);
  expect(await store.find(last.id)).toBeNull();
  expect(await store.find(real.id)).toMatchObject({ id: real.id });
  end();
});

it("goes on after a database that did not answer", async () => {
  const store = memoryStore();
  const forget = vi.spyOn(store, "forgetSynthetic").mockRejectedValueOnce(new Error("gone"));
  const causes: unknown[] = [];
  const end = keepTidy(store, (cause) => causes.push(cause));
  await vi.advanceTimersByTimeAsync(SYNTHETIC_KEPT_MS);
  expect(causes).toEqual([new Error("gone")]);
  expect(forget).toHaveBeenCalledTimes(2);
  end();
});
