import { expect, it } from "vitest";
import { globToRegExp, judgeSize } from "./size.ts";

const file = (path: string, sizeBytes: number, gzipBytes: number | null = null) => ({ path, sizeBytes, gzipBytes });
const limit = (files: string, maximumBytes: number, measure: "raw" | "gzip" = "raw") => ({
  files,
  maximumBytes,
  measure,
});

it.each([
  ["assets/*.js", "assets/a.js", true],
  ["assets/*.js", "assets/deep/a.js", false],
  ["**/*.js", "a.js", true],
  ["**/*.js", "x/y/a.js", true],
  ["assets/**", "assets/x/y.css", true],
  ["a.js", "axjs", false],
  ["file-?.js", "file-1.js", true],
])("%s matches %s: %s", (glob, path, is) => {
  expect(globToRegExp(glob).test(path)).toBe(is);
});

it("weighs the files of a limit together, and names the largest first", () => {
  const files = [file("assets/a.js", 100_000), file("assets/b.js", 250_000), file("index.html", 900)];
  const judged = judgeSize(files, [limit("assets/*.js", 300_000), limit("*.html", 1_000)]);
  expect(judged).toMatchObject({ status: "failed", words: "assets/*.js has 350.0 kB; 300.0 kB may be." });
  expect(judged.details[0]).toBe("assets/b.js: 250.0 kB");
  expect(judgeSize(files, [limit("assets/*.js", 350_000)]).status).toBe("passed");
});

it("weighs what a browser loads, and could not run where that is not known or nothing matches", () => {
  expect(judgeSize([file("a.js", 90, 30)], [limit("*.js", 30, "gzip")]).status).toBe("passed");
  expect(judgeSize([file("a.js", 90)], [limit("*.js", 30, "gzip")]).status).toBe("could_not_run");
  expect(judgeSize([file("a.js", 90)], [limit("*.css", 30)]).words).toContain("*.css");
});
