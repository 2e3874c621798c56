import { describe, expect, it } from "vitest";
import { changedFiles, readDiff } from "./unified-diff.ts";

const DIFF = [
  "diff --git a/src/a b.ts b/src/a b.ts",
  "index 1..2 100644",
  "--- a/src/a b.ts\t",
  "+++ b/src/a b.ts\t",
  "@@ -1,2 +1 @@",
  "-old",
  "--- looks like a head, and is a line",
  "+new",
  "diff --git a/empty.txt b/empty.txt",
  "new file mode 100644",
  "index 0000000..e69de29",
  "diff --git a/logo.png b/logo.png",
  "index 3..4 100644",
  "Binary files a/logo.png and b/logo.png differ",
  'diff --git "a/na\\303\\257ve.ts" "b/na\\303\\257ve.ts"',
  "deleted file mode 100644",
  '--- "a/na\\303\\257ve.ts"',
  "+++ /dev/null",
  "@@ -1 +0,0 @@",
  "-x",
  "\\ No newline at end of file",
].join("\n");

describe("a diff of git", () => {
  it("names every file that it touches, with how many lines came and went", () => {
    expect(changedFiles(DIFF)).toEqual([
      { path: "src/a b.ts", lines: 3 },
      { path: "empty.txt", lines: 0 },
      { path: "logo.png", lines: 1 },
      { path: "na\\303\\257ve.ts", lines: 1 },
    ]);
  });

  it("tells which lines are new", () => {
    expect([...readDiff(DIFF)].map(([path, lines]) => [path, [...lines]])).toEqual([["src/a b.ts", [1]]]);
  });

  it("that is empty touches nothing", () => {
    expect(changedFiles("")).toEqual([]);
  });
});
