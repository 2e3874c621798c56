import type { RunSpec } from "@latchkey/core/delivery/ports";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeNetlify } from "../../../testing/netlify/fake.ts";
import { folderOf } from "../../../testing/netlify/serving.ts";
import { NetlifyClient } from "./client.ts";
import { NetlifyHost } from "./host.ts";

const COMMIT = "a".repeat(40);
const HANDLER = 'export const handler = async () => ({ statusCode: 200, body: "pong" });\n';
let netlify: FakeNetlify;
let said: string[];

beforeEach(async () => {
  netlify = await FakeNetlify.start();
  said = [];
});
afterEach(async () => {
  expect(netlify.violations).toEqual([]);
  await netlify.stop();
});

function hostOf(also: { appearsMs?: number } = {}): NetlifyHost {
  let atMs = 0;
  return new NetlifyHost({
    client: new NetlifyClient({ apiUrl: netlify.url, token: async () => netlify.token, wait: async () => {} }),
    // Time is what was waited: nothing here sleeps.
    now: () => atMs,
    wait: async (ms) => {
      atMs += ms;
    },
    ...also,
  });
}
const call = () => ({ say: (line: string) => void said.push(line), signal: new AbortController().signal });
function specOf(mode: "git" | "upload", also: Partial<RunSpec> = {}): RunSpec {
  return {
    ...{ service: "shop", environment: "production", deploymentId: "dep_1", releaseId: "rel_1", releaseName: "shop@1" },
    ...{
      artifactDir: "",
      command: [],
      healthPath: "/",
      readyTimeoutMs: 1_000,
      environmentVariables: {},
      commit: COMMIT,
    },
    target: {
      kind: "netlify",
      siteId: netlify.siteId,
      mode,
      branch: "main",
      buildTimeoutMs: 60_000,
    } as RunSpec["target"] & object,
    ...also,
  };
}
const textAt = async (url: string) => (await fetch(url)).text();
const createdBy = (pattern: RegExp) => netlify.asked.filter((line) => pattern.test(line)).length;

describe("a release that Netlify builds", () => {
  it("is ready at its deploy's own address, and nothing of it is published while publishing is locked", async () => {
    netlify.builds.set(COMMIT, folderOf("new"));
    const before = netlify.push("0".repeat(40), { state: "ready" });
    netlify.publishedId = before.id;
    before.locked = true;
    netlify.push(COMMIT);
    const ready = await hostOf().prepare(specOf("git"), call());
    if (!ready.ok) throw new Error(ready.error.words);
    expect(await textAt(`${ready.value.upstreams[0]}/`)).toBe("new");
    expect(netlify.publishedId).toBe(before.id);
    expect(said.join("\n")).toContain("is building");
  });

  it("fails with Netlify's words and the log's address when the build fails", async () => {
    netlify.builds.set(COMMIT, null);
    netlify.push(COMMIT);
    const failed = await hostOf().prepare(specOf("git"), call());
    expect(failed.ok).toBe(false);
    if (failed.ok) return;
    expect(failed.error.words).toMatch(/failed.*app\.netlify\.example\/projects\/shop\/deploys\/[0-9a-f]{24}/);
    expect(failed.error.logTail).toContain("non-zero exit code");
  });

  it("is asked for once when no push began it, also by a second server after a crash", async () => {
    netlify.builds.set(COMMIT, folderOf("new"));
    netlify.head = COMMIT;
    netlify.lostAnswers.push(/POST .*\/builds$/);
    const lost = await hostOf({ appearsMs: 0 }).prepare(specOf("git"), call());
    expect(lost.ok).toBe(false);
    expect((await hostOf({ appearsMs: 0 }).prepare(specOf("git"), call())).ok).toBe(true);
    expect(createdBy(/POST .*\/builds$/)).toBe(1);
  });

  it("says so when the branch has gone on and the commit is not built any more", async () => {
    netlify.head = "b".repeat(40);
    netlify.builds.set(netlify.head, folderOf("another"));
    const failed = await hostOf({ appearsMs: 0 }).prepare(specOf("git"), call());
    expect(failed.ok ? "" : failed.error.words).toContain("and no more aaaaaaaa");
  });

  it("gives up at its time limit, and takes no uncommitted work", async () => {
    const late = await hostOf({ appearsMs: 1e9 }).prepare(specOf("git"), call());
    expect(late.ok ? "" : late.error.words).toContain("within 1 min");
    const dirty = await hostOf().prepare(specOf("git", { commit: null }), call());
    expect(dirty.ok ? "" : dirty.error.words).toContain("in no commit");
  });

  it("a preview of the same commit is not taken for the release", async () => {
    netlify.builds.set(COMMIT, folderOf("new"));
    netlify.push(COMMIT, { branch: "feature", context: "deploy-preview", review_id: 7 });
    const late = await hostOf({ appearsMs: 1e9 }).prepare(specOf("git"), call());
    expect(late.ok).toBe(false);
  });
});

describe("a release that is uploaded", () => {
  it("serves its files, rules and functions as a draft, and sends only what Netlify lacks", async () => {
    const { dir } = folderOf("uploaded", { ping: HANDLER });
    const ready = await hostOf().prepare(specOf("upload", { artifactDir: dir }), call());
    if (!ready.ok) throw new Error(ready.error.words);
    expect(await textAt(`${ready.value.upstreams[0]}/`)).toBe("uploaded");
    expect(await textAt(`${ready.value.upstreams[0]}/api/ping`)).toBe("pong");
    expect(netlify.published).toBeNull();
    const sent = createdBy(/^PUT/);
    expect(sent).toBeGreaterThan(2);
    const second = await hostOf().prepare(specOf("upload", { artifactDir: dir, releaseId: "rel_2" }), call());
    expect(second.ok).toBe(true);
    expect(createdBy(/^PUT/)).toBe(sent);
  });

  it("goes on with the deploy that a server before it has begun", async () => {
    const { dir } = folderOf("uploaded", { ping: HANDLER });
    netlify.lostAnswers.push(/POST .*\/deploys$/);
    expect((await hostOf().prepare(specOf("upload", { artifactDir: dir }), call())).ok).toBe(false);
    const ready = await hostOf().prepare(specOf("upload", { artifactDir: dir }), call());
    expect(ready.ok).toBe(true);
    expect(netlify.deploys).toHaveLength(1);
  });

  it("is deleted when it was never published, and stays when it was", async () => {
    const [one, two] = [folderOf("one"), folderOf("two")];
    const host = hostOf();
    const first = specOf("upload", { artifactDir: one.dir });
    const second = specOf("upload", { artifactDir: two.dir, releaseId: "rel_2" });
    await host.prepare(first, call());
    await host.prepare(second, call());
    const kept = netlify.deploys.find(({ deploy }) => deploy.title?.endsWith("rel_1"))?.deploy;
    netlify.publishedId = kept?.id ?? null;
    for (const spec of [first, second, second]) expect((await host.retire(spec)).ok).toBe(true);
    expect(netlify.deploys.map(({ deploy }) => deploy.id)).toEqual([kept?.id]);
  });

  it("refuses functions that only Netlify's build can deploy", async () => {
    const { dir } = folderOf("uploaded", { modern: "export default async () => new Response('x');\n" });
    const failed = await hostOf().prepare(specOf("upload", { artifactDir: dir }), call());
    expect(failed.ok ? "" : failed.error.words).toContain("exports no handler");
  });

  it("waits when Netlify says that it was asked too often, and tells what it refuses", async () => {
    const { dir } = folderOf("uploaded");
    netlify.refusals.push({ match: /GET .*\/deploys$/, status: 429, headers: { "retry-after": "0" } });
    expect((await hostOf().prepare(specOf("upload", { artifactDir: dir }), call())).ok).toBe(true);
    netlify.refusals.push({ match: /GET .*\/deploys$/, status: 403 });
    const refused = await hostOf().prepare(specOf("upload", { artifactDir: dir }), call());
    expect(refused.ok ? "" : refused.error.words).toContain("Netlify answered 403");
  });
});
