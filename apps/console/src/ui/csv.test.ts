import { expect, it } from "vitest";
import { toCsv } from "./csv.ts";

it("quotes what would break a row, and leaves numbers as they are", () => {
  expect(
    toCsv(
      ["time", "a, b"],
      [
        ["x", 1.5],
        ['say "so"', null],
      ],
    ),
  ).toBe('time,"a, b"\r\nx,1.5\r\n"say ""so""",\r\n');
});

it("disarms what a spreadsheet would run, but not negative numbers", () => {
  expect(toCsv(["v"], [["=1+1"], [-2]])).toBe("v\r\n'=1+1\r\n-2\r\n");
});
