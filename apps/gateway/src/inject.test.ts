import fc from "fast-check";
import { expect, test } from "vitest";
import { isHashedAsset, isLostAsset } from "./assets.ts";
import { HeadInjector, scriptPermission } from "./inject.ts";

function through(page: string, cuts: readonly number[]): string {
  const injector = new HeadInjector("<TAG>");
  const bytes = Buffer.from(page);
  const at = [0, ...cuts.map((c) => c % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  const out = at.slice(1).map((end, i) => injector.push(bytes.subarray(at[i], end)));
  return Buffer.concat([...out, injector.end()]).toString();
}

test("finds the head however the page is cut into pieces, and changes nothing else", () => {
  const page = '<!doctype html><html><head lang="é"><title>€ 😀</title></head><body>x</body></html>';
  const wanted = page.replace('<head lang="é">', '<head lang="é"><TAG>');
  fc.assert(
    fc.property(fc.array(fc.nat()), (cuts) => {
      expect(through(page, cuts)).toBe(wanted);
    }),
  );
});

test("leaves a page without a head alone", () => {
  for (const page of ["", "plain", "<html><header></header><body><head></body>", "x".repeat(200_000)]) {
    expect(through(page, [3, 70_000])).toBe(page);
  }
});

test("keeps to the page's content security policy", () => {
  expect(scriptPermission(undefined)).toBe("");
  expect(scriptPermission("default-src 'self'")).toBe("");
  expect(scriptPermission("script-src 'nonce-ab+/=' 'strict-dynamic'")).toBe(' nonce="ab+/="');
  expect(scriptPermission("script-src 'none'")).toBeNull();
  expect(scriptPermission("script-src 'self' 'strict-dynamic'")).toBeNull();
  expect(scriptPermission("default-src 'self'; connect-src https://api.test")).toBeNull();
});

test("knows a lost asset: a hashed 404, or a page in place of code", () => {
  const asked = (path: string, dest?: string) => ({ method: "GET", path, accept: undefined, dest });
  const html = { "content-type": "text/html; charset=utf-8" };
  expect(isHashedAsset("/assets/index-BKj3x9aZ.js?v=1")).toBe(true);
  expect(isHashedAsset("/logo.png")).toBe(false);
  expect(isLostAsset(asked("/a/font-BKj3x9aZ.woff2"), 404, {})).toBe(true);
  expect(isLostAsset(asked("/logo.png"), 404, {})).toBe(false);
  expect(isLostAsset(asked("/app.js"), 200, html)).toBe(true);
  expect(isLostAsset(asked("/x", "script"), 200, html)).toBe(true);
  expect(isLostAsset(asked("/app.js", "document"), 200, html)).toBe(false);
  expect(isLostAsset(asked("/app.js"), 200, { "content-type": "text/javascript" })).toBe(false);
});
