import { describe, expect, it } from "vitest";
import type { Principal } from "./auth.ts";
import { RateLimits, rateLimitHeaders } from "./rate-limits.ts";

const config = { readsPerSecond: 300, writesPerSecond: 20 };
const who = (id: string, role: Principal["role"] = "owner"): Principal => ({
  id,
  name: id,
  kind: role === "gateway" ? "gateway" : "token",
  role,
  project: "main",
  personId: null,
});
function limits(o: { bucketsMax?: number } = {}) {
  const clock = { ms: 0 };
  return { clock, limits: new RateLimits(config, { now: () => clock.ms, ...o }) };
}
const allowedOf = (n: number, ask: () => { allowed: boolean }) =>
  Array.from({ length: n }, ask).filter((s) => s.allowed).length;

describe("rate limits", () => {
  it("let one token read 200 times a second for an hour", () => {
    const { clock, limits: l } = limits();
    for (let second = 0; second < 3_600; second++) {
      clock.ms = second * 1_000;
      expect(allowedOf(200, () => l.ofPrincipal(who("a"), "GET"))).toBe(200);
    }
    expect(l.limited.reads).toBe(0);
  });

  it("let 100 gateways of one token report and ask, whatever its owner does", () => {
    const { clock, limits: l } = limits();
    for (let second = 0; second < 60; second++) {
      clock.ms = second * 1_000;
      allowedOf(10_000, () => l.ofPrincipal(who("a"), "POST"));
      expect(allowedOf(200, () => l.ofPrincipal(who("fleet", "gateway"), "POST"))).toBe(200);
    }
    expect(l.limited.writes).toBeGreaterThan(0);
    expect(l.limited.gateway).toBe(0);
  });

  it("keep apart who asks, and reads from writes", () => {
    const { limits: l } = limits();
    expect(allowedOf(1_000, () => l.ofPrincipal(who("a"), "POST"))).toBe(200);
    expect(l.ofPrincipal(who("a"), "GET").allowed).toBe(true);
    expect(l.ofPrincipal(who("b"), "POST").allowed).toBe(true);
    expect(l.ofAddress("192.0.2.1").allowed).toBe(true);
  });

  it("take the addresses of one IPv6 customer for one, and mapped IPv4 addresses for what they are", () => {
    const { limits: l } = limits();
    const tried = (address: (i: number) => string) => {
      let i = 0;
      return allowedOf(100, () => l.ofAddress(address(i++)));
    };
    expect(tried((i) => `2001:db8:1:2::${i.toString(16)}`)).toBe(60);
    expect(l.ofAddress("2001:db8:1:2:aaaa:bbbb:cccc:dddd").allowed).toBe(false);
    expect(l.ofAddress("2001:db8:1:3::1").allowed).toBe(true);
    expect(tried((i) => `::ffff:192.0.2.${i}`)).toBe(100);
  });

  it("hold so many buckets and no more: those beyond share one, until others are full again", () => {
    const { clock, limits: l } = limits({ bucketsMax: 50 });
    let i = 0;
    expect(allowedOf(1_000, () => l.ofAddress(`10.0.${i >> 8}.${i++ & 255}`))).toBe(50 + 60);
    expect(l.buckets).toBe(51);
    clock.ms = 60_000;
    expect(l.ofAddress("192.0.2.1").allowed).toBe(true);
    expect(l.buckets).toBe(1);
  });

  it("tell in the headers what remains and until when it is whole again", () => {
    const { limits: l } = limits();
    expect(rateLimitHeaders(l.ofPrincipal(who("a"), "POST"))).toEqual({
      "ratelimit-policy": '"writes";q=200;w=10',
      ratelimit: '"writes";r=199;t=1',
    });
    allowedOf(199, () => l.ofPrincipal(who("a"), "POST"));
    const refused = l.ofPrincipal(who("a"), "POST");
    expect(refused).toMatchObject({ allowed: false, waitMs: 50 });
    expect(rateLimitHeaders(refused).ratelimit).toBe('"writes";r=0;t=10');
  });
});
