import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTile, TILE_WIDTH, tilePath, tileWidth } from "./tiles.ts";

describe("addresses of tiles", () => {
  it("are those of the specification's example", () => {
    expect(tilePath({ level: 0, index: 1_234_067, width: 256 })).toBe("0/x001/x234/067");
    expect(parseTile("0/x001/x234/067.p/8")).toEqual({ level: 0, index: 1_234_067, width: 8 });
    expect(parseTile("entries/000.p/1")).toEqual({ level: "entries", index: 0, width: 1 });
  });
  it("read back, and have one spelling each", () => {
    fc.assert(
      fc.property(
        fc.constantFrom<number | "entries">(0, 1, 2, "entries"),
        fc.nat({ max: 1e12 }),
        fc.integer({ min: 1, max: 256 }),
        (level, index, width) => {
          const path = tilePath({ level, index, width });
          expect(parseTile(path)).toEqual({ level, index, width });
          expect(parseTile(path.replace("/", "/x000/"))).toBeNull();
        },
      ),
    );
  });
  it.each([
    "",
    "0",
    "0/1",
    "00/001",
    "0/x01/001",
    "0/001.p/0",
    "0/001.p/256",
    "0/001.p/257",
    "6/000",
    "entries/../000",
    "0/-01",
  ])("%j is none", (path) => expect(parseTile(path)).toBeNull());
  it("are as wide as the tree has leaves for", () => {
    expect(tileWidth(0, 0, 0)).toBe(0);
    expect(tileWidth(0, 1, 300)).toBe(44);
    expect(tileWidth("entries", 0, 300)).toBe(TILE_WIDTH);
    expect(tileWidth(1, 0, 65_536 + 255)).toBe(256);
    expect(tileWidth(1, 0, 511)).toBe(1);
  });
});
