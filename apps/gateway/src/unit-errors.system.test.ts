import { expect, test } from "vitest";
import { scene } from "./scene.testkit.ts";
import { type Answer, arm, ask, tableOf } from "./testkit.ts";

const s = scene();
const PAGE = { accept: "text/html" };
const sums = () => [s.control.sum(() => true, "errors"), s.control.sum(() => true, "unitErrors")];
const until = (errors: number) => s.control.until(() => sums()[0] === errors);
const cookieOf = (answer: Answer) => (answer.headers["set-cookie"] ?? []).map((c) => c.split(";")[0]).join("; ");

/** A release that fails all but its front page. */
const failing = () =>
  s.peer((req, res) => {
    if (req.url === "/") res.writeHead(200, { "content-type": "text/html" }).end("<html><head></head></html>");
    else res.writeHead(503, { "content-type": "text/html" }).end();
  });

test("a visitor who tries again counts once, over steps and arms; the next deployment counts anew", async () => {
  const [a, b] = [await failing(), await failing()];
  const arms = (canary: number) => [arm("baseline", [a.origin], 100 - canary), arm("canary", [b.origin], canary)];
  await s.control.publish(tableOf(1, arms(0)));
  const cookie = cookieOf(await ask(s.origin, "/", { headers: PAGE }));
  const again = async (n: number) => {
    for (let i = 0; i < n; i++) await ask(s.origin, "/broken", { headers: { ...PAGE, cookie } });
  };
  await again(3);
  await until(3);
  expect(sums()).toEqual([3, 1]);
  // The same visitor, now on the other release: nothing new of a visitor whose coin has been seen.
  await s.control.publish(tableOf(2, arms(100)));
  await again(2);
  await until(5);
  expect(sums()).toEqual([5, 1]);
  await s.control.publish(tableOf(3, arms(100), { deploymentId: "dep_2" }));
  await again(2);
  await until(7);
  expect(sums()).toEqual([7, 2]);
});

test("a ticket without an id is a visitor as well; who keeps no cookie, and what is routed by itself, counts each time", async () => {
  const a = await failing();
  await s.control.publish(tableOf(1, [arm("baseline", [a.origin], 100)]));
  const cookie = cookieOf(await ask(s.origin, "/", { headers: PAGE }));
  const placed = cookie.split("; ").filter((c) => c.startsWith("lk_arm="));
  const post = { method: "POST", headers: { cookie: placed.join("; ") } };
  for (let i = 0; i < 3; i++) await ask(s.origin, "/form", post);
  await until(3);
  expect(sums()).toEqual([3, 1]);
  for (let i = 0; i < 3; i++) await ask(s.origin, "/broken", { headers: PAGE });
  await until(6);
  expect(sums()).toEqual([6, 4]);
  for (let i = 0; i < 3; i++) await ask(s.origin, "/api/broken", { headers: { cookie } });
  await until(9);
  expect(sums()).toEqual([9, 7]);
  const halves = [s.control.sum(() => true, "halfErrors"), s.control.sum(() => true, "halfUnitErrors")];
  expect(halves[0]).toBeLessThanOrEqual(9);
  expect(halves[1]).toBeLessThanOrEqual(Math.min(7, halves[0] ?? 0));
});
