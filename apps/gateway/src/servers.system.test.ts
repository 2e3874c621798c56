import { expect, test } from "vitest";
import { scene } from "./scene.testkit.ts";
import { arm, ask, ControlPeer, tableOf } from "./testkit.ts";

/** The first address is nobody's: nothing listens on the port of discard. */
const NOBODY = "http://127.0.0.1:9";
const s = scene();

test("follows the second server of its list when the first does not answer, and reports to it", async () => {
  const release = await s.release("served");
  await s.gateway?.stop();
  if (s.config) s.config = { ...s.config, serverUrls: [NOBODY, ...s.config.serverUrls] };
  await s.start();
  await s.control.publish(tableOf(1, [arm("baseline", [release.origin], 100)]));
  expect((await ask(s.origin, "/api/name")).text).toBe("served");
  await s.control.until(() => s.control.sum((c) => c.routeClass === "api", "requests") === 1);
});

test("goes on with another server when the one that it follows dies, and loses no count", async () => {
  const release = await s.release("served");
  const other = new ControlPeer();
  await s.gateway?.stop();
  if (s.config) s.config = { ...s.config, serverUrls: [...s.config.serverUrls, await other.start()] };
  await s.start();
  await s.control.publish(tableOf(1, [arm("baseline", [release.origin], 100)]));
  await ask(s.origin, "/api/name");
  await s.control.until(() => s.control.sum((c) => c.routeClass === "api", "requests") === 1);
  await s.control.peer?.kill();
  const next = await s.release("next");
  await other.publish(tableOf(2, [arm("baseline", [next.origin], 100)]));
  expect((await ask(s.origin, "/api/name")).text).toBe("next");
  await other.until(() => other.sum((c) => c.routeClass === "api", "requests") === 2);
  await other.peer?.kill();
});

test("asks whichever server it follows for a retired release's assets, and proves itself there", async () => {
  const release = await s.release("served");
  await s.gateway?.stop();
  if (s.config) s.config = { ...s.config, serverUrls: [NOBODY, ...s.config.serverUrls] };
  await s.start();
  const assetUpstreams = ["/artifacts/rel_old"];
  await s.control.publish(tableOf(1, [arm("baseline", [release.origin], 100)], { assetUpstreams }));
  await ask(s.origin, "/assets/index-BKj3x9aZ.js", { headers: { "sec-fetch-dest": "script" } });
  expect(s.control.archived).toEqual([
    { url: "/artifacts/rel_old/assets/index-BKj3x9aZ.js", authorization: "Bearer secret" },
  ]);
});
