import fc from "fast-check";
import { expect, it } from "vitest";
import { parseHeaders, parseRedirects } from "./published-files.ts";

it("_redirects: from, parameters, to, status; what only Netlify can judge is left out", () => {
  const text = `# old pages
/home /
/store id=:id /blog/:id 302
/forced/* /x/:splat 200!   # a note
/fr/* /france 302 Language=fr
https://old.example/* https://new.example/:splat 301!
/only
`;
  expect(parseRedirects(text)).toEqual([
    { from: "/home", to: "/", status: 301, force: false, query: {} },
    { from: "/store", to: "/blog/:id", status: 302, force: false, query: { id: ":id" } },
    { from: "/forced/*", to: "/x/:splat", status: 200, force: true, query: {} },
  ]);
});

it("_headers: a path and its headers", () => {
  const text = `/*\n  X-Frame-Options: DENY\n  # none\n  Cache-Control: max-age=0, must-revalidate\n\n/empty\n`;
  expect(parseHeaders(text)).toEqual([
    { for: "/*", values: { "X-Frame-Options": "DENY", "Cache-Control": "max-age=0, must-revalidate" } },
  ]);
});

it("neither throws, whatever is written there", () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[/ a-z0-9:=*!#.-]{0,30}$/)), (lines) => {
      for (const rule of parseRedirects(lines.join("\n"))) expect(rule.from.startsWith("/")).toBe(true);
      parseHeaders(lines.join("\n"));
    }),
  );
});
