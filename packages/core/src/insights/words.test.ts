import { expect, it } from "vitest";
import { countWords, durationWords, rateWords, shareWords } from "./words.ts";

it.each([
  [0, "0 s"],
  [400, "less than 1 s"],
  [45_000, "45 s"],
  [12 * 60_000, "12 min"],
  [5.5 * 3_600_000, "5.5 h"],
  [30 * 3_600_000, "30 h"],
  [3.25 * 86_400_000, "3.3 days"],
  [40 * 86_400_000, "40 days"],
])("%d ms are %s", (ms, words) => expect(durationWords(ms)).toBe(words));
it.each([
  [0, "0 %"],
  [0.0004, "less than 0.1 %"],
  [0.0833, "8.3 %"],
  [0.9996, "more than 99.9 %"],
  [1, "100 %"],
])("the share %d is %s", (share, words) => expect(shareWords(share)).toBe(words));
it.each([
  [0, "none"],
  [12.4, "12 a day"],
  [2.86, "2.9 a day"],
  [0.3, "2.1 a week"],
  [0.05, "1.5 in 30 days"],
])("%d a day is %s", (perDay, words) => expect(rateWords(perDay)).toBe(words));
it("counts have their noun", () => {
  expect(countWords(1, "deployment")).toBe("1 deployment");
  expect(countWords(0, "deployment")).toBe("0 deployments");
});
