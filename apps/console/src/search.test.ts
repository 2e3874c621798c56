import { describe, expect, it } from "vitest";
import { ofSubject, to } from "./paths.ts";
import * as search from "./search.ts";

describe("what stands behind ? in an address", () => {
  it("leads back only into this console", () => {
    expect(search.signIn({ back: "/rollouts/rol_1?view=table" }).back).toBe("/rollouts/rol_1?view=table");
    expect(search.signIn({ back: "//elsewhere.example" }).back).toBeUndefined();
    expect(search.signIn({ back: "/\\elsewhere.example" }).back).toBeUndefined();
    expect(search.signIn({ back: "https://elsewhere.example" }).back).toBeUndefined();
  });

  it("leaves out what it does not understand", () => {
    expect(search.service({ tab: "nonsense", dialog: "x" })).toMatchObject({ tab: undefined, dialog: undefined });
    expect(search.rollout({ ask: "explode", from: "abc", to: 12 })).toMatchObject({
      ask: undefined,
      from: undefined,
      to: 12,
    });
  });
});

describe("addresses", () => {
  it("are made in one place, with what must be escaped escaped", () => {
    expect(to.ledger({ subject: "rollout/rol_1" })).toBe("/ledger?subject=rollout%2Frol_1");
    expect(to.ship("leads", undefined, "rel_1")).toBe("/services/leads?dialog=ship&release=rel_1");
  });

  it("lead from a ledger entry's subject to its page, where there is one", () => {
    expect(ofSubject("rollout/rol_1")).toBe("/rollouts/rol_1");
    expect(ofSubject("session/tok_1")).toBeNull();
    expect(ofSubject("nonsense")).toBeNull();
  });
});
