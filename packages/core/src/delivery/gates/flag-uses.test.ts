import { describe, expect, it } from "vitest";
import { judgeFlagUses } from "./flag-uses.ts";

const FLAGS = [
  { key: "old-form", isArchived: false, expires: "2026-11-01" },
  { key: "gone-form", isArchived: true, expires: null },
  { key: "new-form", isArchived: false, expires: "2026-12-31" },
];
const judge = (added: string, before = "") =>
  judgeFlagUses(
    `diff --git a/src/a.ts b/src/a.ts
--- a/src/a.ts
+++ b/src/a.ts
@@ -10${before ? "" : ",0"} +12 @@
${before ? `-${before}\n` : ""}+${added}
`,
    FLAGS,
    "2026-11-27",
  );

describe("uses of flags that a change adds", () => {
  it.each([
    ['flags.value("old-form", false)', "src/a.ts:12: old-form was to be gone by 2026-11-01."],
    ["if (flags.get(oldForm)) show();", "src/a.ts:12: old-form was to be gone by 2026-11-01."],
    ['useFlag("gone-form")', "src/a.ts:12: gone-form is archived."],
  ])("%s is refused, with its place", (text, detail) => {
    expect(judge(text)).toMatchObject({ status: "failed", details: [detail] });
  });
  it("pass while their flags may be there", () => {
    expect(judge('flags.value("new-form", false)')).toMatchObject({
      ...{ status: "passed", words: "The change adds 1 use of flags, none of one that should be gone." },
    });
  });
  it("are not those that it takes away", () => {
    expect(judge("show();", 'flags.value("old-form", false)')).toMatchObject({ status: "passed" });
  });
  it("are refused from the day after", () => {
    const diff = '--- a/a.ts\n+++ b/a.ts\n@@ -0,0 +1 @@\n+useFlag("new-form")\n';
    expect(judgeFlagUses(diff, FLAGS, "2026-12-31").status).toBe("passed");
    expect(judgeFlagUses(diff, FLAGS, "2027-01-01").status).toBe("failed");
  });
});
