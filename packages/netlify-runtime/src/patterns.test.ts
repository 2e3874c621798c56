import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fillIn, matchPath, matchQuery } from "./patterns.ts";

describe("a path", () => {
  it.each([
    ["/*", "/", { splat: "" }],
    ["/*", "/a/b", { splat: "a/b" }],
    ["/api/*", "/api", { splat: "" }],
    ["/api/*", "/apis", null],
    ["/news/:year/:slug", "/news/2026/a%20b", { year: "2026", slug: "a b" }],
    ["/news/:year", "/news", null],
    ["/about", "/about/", {}],
    ["/about", "/about/us", null],
    ["/caf%C3%A9", "/caf%C3%A9", {}],
    ["/café", "/caf%C3%A9", {}],
  ] as const)("%s against %s captures %j", (pattern, path, captured) => {
    expect(matchPath(pattern, path)).toEqual(captured);
  });
  it("matches itself, whatever it holds, and never throws", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 8 }), { maxLength: 3 }), fc.string(), (parts, other) => {
        const path = parts.join("/");
        fc.pre(!path.includes("*") && !path.includes(":"));
        expect(matchPath(path, path)).toEqual({});
        matchPath(`/${other}`, path);
        matchPath("/:x/*", other);
      }),
    );
  });
  it("comes out as it went in through a star", () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z0-9._-]{1,8}$/), { minLength: 1, maxLength: 4 }), (parts) => {
        const captured = matchPath("/from/*", `/from/${parts.join("/")}`) ?? {};
        expect(fillIn("/to/:splat", captured)).toBe(`/to/${parts.join("/")}`);
      }),
    );
  });
});

it("query parameters are required, captured, and left when nothing was captured", () => {
  const query = new URLSearchParams("id=7&page=2");
  expect(matchQuery({ id: ":id" }, query)).toEqual({ id: "7" });
  expect(matchQuery({ page: "3" }, query)).toBeNull();
  expect(matchQuery({ other: ":x" }, query)).toBeNull();
  expect(fillIn("/blog/:id/:gone", { id: "7" })).toBe("/blog/7/:gone");
});
