import { describe, expect, it } from "vitest";
import { deploymentWords, rolloutWords } from "./rollout-words.ts";
import * as example from "./testkit/examples.ts";
import { styleFor } from "./text.ts";

const style = styleFor({ env: {}, isInteractive: false });
const { change, deployment, rollout } = example;

it("of a release on its way up says how far its host is", () => {
  const progress = [{ at: "2026-11-26T10:00:00.000Z", words: "Netlify's deploy 1 is building." }];
  expect(rolloutWords({ ...rollout, progress }, style, 0)).toMatch(/^Host .*Netlify's deploy 1 is building\.$/m);
  expect(rolloutWords(rollout, style, 0)).not.toContain("Host");
});

describe("what a rollout carries", () => {
  const carries = [
    { ...change, deploymentId: "dep_7", message: "A wider form", standing: "cleared" as const },
    { ...change, deploymentId: "dep_8", message: "A shorter text", standing: "suspected" as const },
  ];
  const split = { batchId: "dep_8", words: "Change 2 does harm.", canSplit: true, trials: [] };

  it("is listed with commit, author and deployment, what is known of each, and the way to find out more", () => {
    const words = rolloutWords({ ...rollout, carries, split }, style, 0);
    for (const part of ["2 changes", "01234567", "A wider form", "Ada", "dep_7", "cleared", "suspected"])
      expect(words).toContain(part);
    expect(words).toContain("Change 2 does harm.\nFind out which: latchkey split dep_8");
    expect(rolloutWords({ ...rollout, carries, split: { ...split, canSplit: false } }, style, 0)).not.toContain(
      "split",
    );
  });

  it("is not listed of a single change", () => {
    expect(rolloutWords(rollout, style, 0)).not.toContain("Carries");
  });

  it("is where a deployment that joined says that it went", () => {
    expect(deploymentWords({ ...deployment, carrierId: "dep_9" }, style)).toContain("went out with deployment dep_9");
  });
});
