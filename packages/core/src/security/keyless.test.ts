import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { refusalOf } from "./keyless.ts";

const pins = {
  repository: "Acme/Shop",
  repositoryId: 7,
  workflow: "acme/shop/.github/workflows/deploy.yml@refs/heads/main",
  ref: "refs/heads/main",
  environment: "production",
};
const claims = {
  repository_id: "7",
  repository: "acme/shop",
  job_workflow_ref: pins.workflow,
  ref: pins.ref,
  environment: "production",
};

describe("a workflow's token", () => {
  it("is taken when it says all that is pinned", () => {
    expect(refusalOf(claims, pins)).toBeNull();
    expect(refusalOf({ ...claims, environment: undefined }, { ...pins, environment: undefined })).toBeNull();
  });

  it("is refused by the claim's name when any one of them is missing or other", () => {
    const names = Object.keys(claims) as (keyof typeof claims)[];
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.oneof(fc.constant(undefined), fc.jsonValue()), (name, value) => {
        const said = typeof value === "string" && name === "repository" ? value.toLowerCase() : value;
        fc.pre(said !== claims[name]);
        expect(refusalOf({ ...claims, [name]: value }, pins)).toMatch(new RegExp(`^${name}: `));
      }),
    );
  });
});
