import { ACTIONS, paths } from "@latchkey/api/paths";
import { grantedActions, isAllowed } from "@latchkey/core/security/authorisation";
import { describe, expect, it } from "vitest";

describe("the authorisation table", () => {
  it("grants every action of the API to somebody, and none that the API does not know", () => {
    expect(grantedActions()).toEqual(ACTIONS.filter((action) => action !== "public").sort());
  });

  it("denies what it does not name", () => {
    expect(isAllowed("owner", "planet.destroy", "main", "main")).toBe(false);
    expect(isAllowed("nobody" as "owner", "service.read", "main", "main")).toBe(false);
    expect(isAllowed("constructor" as "owner", "service.read", "main", "main")).toBe(false);
  });

  it("grants nothing in another project", () => {
    for (const { action } of Object.values(paths)) expect(isAllowed("owner", action, "main", "other")).toBe(false);
  });
});
