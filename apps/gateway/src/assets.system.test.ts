import { expect, test } from "vitest";
import { scene } from "./scene.testkit.ts";
import { arm, ask, tableOf } from "./testkit.ts";

const s = scene();
const SCRIPT = "/assets/index-BKj3x9aZ.js";
const CODE = { "sec-fetch-dest": "script" };

/** The control plane's own route for retired releases: `/artifacts/<release>/<path>`. */
async function archive(files: Record<string, string>) {
  const asked: { url: string; headers: Record<string, unknown> }[] = [];
  const peer = await s.peer((req, res) => {
    asked.push({ url: req.url ?? "", headers: req.headers });
    const file = files[req.url ?? ""];
    if (file === undefined) res.writeHead(404).end();
    else res.writeHead(200, { "content-type": "text/javascript" }).end(req.method === "HEAD" ? undefined : file);
  });
  return { peer, asked };
}

test("a retired release's asset comes from its archive, which gets nothing that a visitor proves themself with", async () => {
  const now = await s.release("new");
  const { peer, asked } = await archive({ [`/artifacts/rel_old${SCRIPT}`]: "run()" });
  const assetUpstreams = [`${peer.origin}/artifacts/rel_older`, `${peer.origin}/artifacts/rel_old`];
  await s.control.publish(tableOf(1, [arm("baseline", [now.origin], 100)], { assetUpstreams }));
  const headers = { ...CODE, cookie: "session=secret", authorization: "Bearer secret", "x-token": "secret" };
  expect(await ask(s.origin, `${SCRIPT}?v=1`, { headers })).toMatchObject({ status: 200, text: "run()" });
  expect((await ask(s.origin, SCRIPT, { headers, method: "HEAD" })).status).toBe(200);
  expect(asked.map((a) => a.url).slice(0, 2)).toEqual([`/artifacts/rel_older${SCRIPT}`, `/artifacts/rel_old${SCRIPT}`]);
  expect(JSON.stringify(asked)).not.toContain("secret");
  expect(new Set(asked.map((a) => a.headers.host))).toEqual(new Set([new URL(peer.origin).host]));
});

test("the server's own archive is asked with the gateway's token, and no other address ever is", async () => {
  const now = await s.release("new");
  const { peer, asked } = await archive({});
  const server = s.control.peer?.origin ?? "";
  const assetUpstreams = [`${peer.origin}/artifacts/rel_old`, `${server}/artifacts/rel_old`];
  await s.control.publish(tableOf(1, [arm("baseline", [now.origin], 100)], { assetUpstreams }));
  await ask(s.origin, SCRIPT, { headers: CODE });
  expect(asked.map((a) => a.headers.authorization)).toEqual([undefined]);
  expect(s.control.archived).toEqual([{ url: `/artifacts/rel_old${SCRIPT}`, authorization: "Bearer secret" }]);
});

test("no request leads out of a release's folder in the archive", async () => {
  const now = await s.release("new");
  const { peer, asked } = await archive({});
  const assetUpstreams = [`${peer.origin}/artifacts/rel_old`];
  await s.control.publish(tableOf(1, [arm("baseline", [now.origin], 100)], { assetUpstreams }));
  for (const path of ["/../../api/v1/x.js", "/%2e%2e/x.js", "/a/..%2fx.js", "/./x.js", "/..\\x.js"]) {
    await s.raw(`GET ${path} HTTP/1.1\r\nHost: x\r\nSec-Fetch-Dest: script\r\nConnection: close\r\n\r\n`);
  }
  expect(asked).toEqual([]);
});

test("a name that is nowhere is searched once, until the table changes", async () => {
  const now = await s.release("new");
  const files: Record<string, string> = {};
  const { peer, asked } = await archive(files);
  const assetUpstreams = [`${peer.origin}/artifacts/rel_old`];
  await s.control.publish(tableOf(1, [arm("baseline", [now.origin], 100)], { assetUpstreams }));
  for (let i = 0; i < 5; i++) expect((await ask(s.origin, SCRIPT, { headers: CODE })).text).toContain("<title>new");
  expect(asked.length).toBe(1);
  files[`/artifacts/rel_old${SCRIPT}`] = "run()";
  await s.control.publish(tableOf(2, [arm("baseline", [now.origin], 100)], { assetUpstreams }));
  expect((await ask(s.origin, SCRIPT, { headers: CODE })).text).toBe("run()");
});

test("an address that is none, or an archive that is away, costs the visitor nothing but the asset", async () => {
  const now = await s.release("new");
  const { peer } = await archive({});
  await peer.kill();
  const assetUpstreams = ["not an address", "file:///etc", `${peer.origin}/artifacts/rel_old`];
  await s.control.publish(tableOf(1, [arm("baseline", [now.origin], 100)], { assetUpstreams }));
  expect((await ask(s.origin, SCRIPT, { headers: CODE })).text).toContain("<title>new");
  expect((await ask(s.origin, "/")).text).toContain("<title>new");
});
