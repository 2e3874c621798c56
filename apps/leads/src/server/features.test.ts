import { describe, expect, it } from "vitest";
import type { Lead } from "../leads/lead.ts";
import { openFeatures } from "./features.ts";
import { headOf } from "./page-head.ts";

const lead = (id: string): Lead => ({
  ...{ id, createdAt: "2026-11-25T02:00:00Z", status: "new", source: "website", message: "", duplicateOf: null },
  contact: { name: "Sam Example", email: "sam@example.com", phone: "555-0100-200" },
  property: { address: "1 Main St", city: "Austin", state: "TX", zip: "78701", type: "condo" },
});
const silent = { info: () => {}, error: () => {} };

describe("features without a server", () => {
  it("are as in the build's snapshot: half of the leads have a score, always the same ones", () => {
    const [one, another] = [openFeatures({}, silent, "server"), openFeatures({}, silent, "function")];
    const scored = Array.from({ length: 1_000 }, (_, i) => one.present(lead(`lead_${i}`)).score !== undefined);
    const share = scored.filter(Boolean).length;
    expect(share).toBeGreaterThan(430);
    expect(share).toBeLessThan(570);
    expect(scored).toEqual(
      Array.from({ length: 1_000 }, (_, i) => another.present(lead(`lead_${i}`)).score !== undefined),
    );
  });
});

describe("the page's head", () => {
  it("says where a browser asks for flags, and can't be broken out of", () => {
    expect(headOf({})).toBe("");
    const head = headOf({ LATCHKEY_FLAGS_PUBLIC_URL: 'https://x"><script>', LATCHKEY_FLAGS_BROWSER_KEY: "lkb_1" });
    expect(head).not.toContain("<script>");
    expect(head.match(/"/g)).toHaveLength(4);
  });
});
