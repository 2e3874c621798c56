import { describe, expect, it } from "vitest";
import { PreviewsConfig } from "./previews.ts";

const targetOf = (target: unknown) => PreviewsConfig.safeParse({ target });
const refused = (target: unknown) =>
  targetOf(target).error?.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`) ?? [];

describe("where previews run", () => {
  it("is processes of their own, or what scripts say", () => {
    expect(PreviewsConfig.parse({}).target).toEqual({ kind: "local" });
    expect(targetOf({ kind: "command", prepare: ["true"], retire: ["true"] }).success).toBe(true);
  });

  it("is nothing that can't serve one, and says what to do instead", () => {
    expect(refused({ kind: "haproxy", bind: "*:80" })).toEqual([
      expect.stringMatching(/^target.*: HAProxy splits .* leave the target out/),
    ]);
    expect(refused({ kind: "netlify", siteId: "a" })).toEqual([
      expect.stringMatching(/^target.*: Netlify builds and serves Deploy Previews by itself/),
    ]);
    expect(refused({ kind: "moon" })).toHaveLength(1);
    expect(refused({ kind: "command", prepare: ["true"] })).toEqual([expect.stringMatching(/^target\.retire: /)]);
  });
});
