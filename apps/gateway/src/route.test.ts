import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeSticky, encodeSticky, readCookie, roundTicket } from "./cookies.ts";
import { type Asked, assign, classOf, secondArm, serviceOf } from "./route.ts";
import { arm, tableOf } from "./testkit.ts";

const A = ["http://127.0.0.1:1"];
const two = (canary: number) => ({
  deploymentId: "dep_1",
  arms: [arm("baseline", A, 100 - canary), arm("canary", A, canary)],
});
const classes = fc.constantFrom("document" as const, "asset" as const, "api" as const, "other" as const);
const ticket = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const held = fc.option(
  fc.record({
    deploymentId: fc.constantFrom("dep_0", "dep_1"),
    releaseId: fc.constantFrom("rel_baseline", "rel_canary", "rel_gone"),
    ticket: ticket.map(roundTicket),
  }),
);

test("never routes to an arm of weight 0, except an asset whose page came from it", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 100 }), classes, held, ticket, (percent, routeClass, place, draw) => {
      const to = assign(two(percent), routeClass, place, () => draw);
      const allowed =
        to !== null && (to.arm.weightPercent > 0 || (routeClass === "asset" && place?.releaseId === to.arm.releaseId));
      expect(allowed).toBe(true);
    }),
  );
});

test("a visitor stays: the place written by one document leads the next one to the same release", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 100 }), held, ticket, ticket, (percent, place, first, second) => {
      const one = assign(two(percent), "document", place, () => first);
      const kept =
        one?.sticky === null
          ? place
          : decodeSticky(encodeSticky(one?.sticky ?? { deploymentId: "", releaseId: "", ticket: 0 }));
      const next = assign(two(percent), "document", kept, () => second);
      expect(next).toEqual({ arm: one?.arm, sticky: null });
      expect(assign(two(percent), "asset", kept, () => second)?.arm).toEqual(one?.arm);
    }),
  );
});

test("a visitor whose release has no weight or is gone moves with the next document, and its assets do not", () => {
  const place = { deploymentId: "dep_1", releaseId: "rel_canary", ticket: 0.01 };
  expect(assign(two(0), "asset", place, () => 0)?.arm.arm).toBe("canary");
  expect(assign(two(0), "document", place, () => 0)).toMatchObject({
    arm: { arm: "baseline" },
    sticky: { releaseId: "rel_baseline", ticket: 0.01 },
  });
  const gone = { ...place, releaseId: "rel_gone" };
  expect(assign(two(10), "document", gone, () => 0.9)?.sticky?.releaseId).toBe("rel_canary");
});

test("a new deployment draws its visitors anew", () => {
  const place = { deploymentId: "dep_0", releaseId: "rel_baseline", ticket: 0.9 };
  expect(assign(two(10), "document", place, () => 0.05)?.arm.arm).toBe("canary");
});

test("the second arm is the old release, never the canary instead of the baseline", () => {
  const { arms } = two(10);
  expect(secondArm({ arms }, arms[1] ?? arm("canary", A, 0))?.arm).toBe("baseline");
  expect(secondArm({ arms }, arms[0] ?? arm("baseline", A, 0))).toBeNull();
  const holdback = arm("holdback", A, 5);
  expect(secondArm({ arms: [holdback, arm("canary", A, 95)] }, holdback)?.arm).toBe("canary");
});

test("tells documents, assets, API calls and the rest apart", () => {
  const service = { apiPrefixes: ["/api"] };
  const asked = (path: string, more: Partial<Asked> = {}): Asked => ({
    method: "GET",
    path,
    accept: undefined,
    dest: undefined,
    ...more,
  });
  expect(classOf(service, asked("/api"))).toBe("api");
  expect(classOf(service, asked("/api/leads?x=1"))).toBe("api");
  expect(classOf(service, asked("/apiary"))).toBe("document");
  expect(classOf(service, asked("/", { accept: "text/html" }))).toBe("document");
  expect(classOf(service, asked("/index.html?v=a.js"))).toBe("document");
  expect(classOf(service, asked("/assets/a-12345678.js"))).toBe("asset");
  expect(classOf(service, asked("/x", { dest: "script" }))).toBe("asset");
  expect(classOf(service, asked("/x", { dest: "empty" }))).toBe("other");
  expect(classOf(service, asked("/x", { accept: "application/json" }))).toBe("other");
  expect(classOf(service, asked("/x", { method: "POST" }))).toBe("other");
});

test("selects a service by host without its port, else the default one", () => {
  const table = tableOf(1, [arm("baseline", A, 100)]);
  const named = tableOf(1, [arm("baseline", A, 100)], { hosts: ["shop.test"], service: "shop" });
  const both = { ...table, services: [...table.services, ...named.services] };
  expect(serviceOf(both, "Shop.test:7480")?.service).toBe("shop");
  expect(serviceOf(both, undefined)?.service).toBe("leads");
  expect(serviceOf(named, "other.test")).toBeNull();
});

test("reads only cookies that it could have written", () => {
  expect(readCookie("a=1; lk_arm=x!y!1; b", "lk_arm")).toBe("x!y!1");
  expect(readCookie("xlk_arm=1", "lk_arm")).toBeNull();
  for (const bad of [null, "", "a", "a!b", "a!b!zzzzzz", "a!b!-1", "a!b!1!c", "%E0%A4%A!b!1"]) {
    expect(decodeSticky(bad)).toBeNull();
  }
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), ticket, (deploymentId, releaseId, t) => {
      fc.pre(!/[!\uD800-\uDFFF]/.test(deploymentId + releaseId));
      const sticky = { deploymentId, releaseId, ticket: roundTicket(t) };
      expect(decodeSticky(encodeSticky(sticky))).toEqual(sticky);
    }),
  );
});
