import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { GITHUB_APP_PERMISSIONS } from "@latchkey/core/delivery/github/app";
import type { CheckReport } from "@latchkey/core/delivery/github/ports";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../../testing/directory.ts";
import { FakeGithub } from "../../../testing/github/fake.ts";
import { GithubApp } from "./app.ts";
import { GithubClient } from "./client.ts";
import { githubAccessOf } from "./configured.ts";
import { githubTelling } from "./telling.ts";

let github: FakeGithub;
let keyFile: string;
let tokenFile: string;
beforeAll(async () => {
  github = await FakeGithub.start();
  const dir = temporaryDirectory();
  keyFile = join(dir, "app.pem");
  tokenFile = join(dir, "token");
  writeFileSync(keyFile, github.appKey);
  writeFileSync(tokenFile, github.token);
});
afterAll(() => github.stop());
beforeEach(() => {
  github.appTokens.length = 0;
  github.isInstalled = true;
});

const appWith = (more: object = {}) => new GithubApp({ apiUrl: github.url, appId: github.appId, keyFile, ...more });
const accessWith = (more: object) => githubAccessOf({ githubApiUrl: github.url, ...more } as never, {});
const asApp = () => accessWith({ githubAppId: github.appId, githubAppKeyFile: keyFile });
const check: CheckReport = {
  ...{ name: "Latchkey gates: shop", headSha: "a".repeat(40), externalId: "dep_1", status: "completed" },
  ...{ conclusion: "success", title: "2 of 2 gates passed", summary: "All is well.", detailsUrl: "http://x/1" },
};

describe("a GitHub App", () => {
  it("makes one token for a repository, with no more permissions than it needs, and keeps it", async () => {
    const app = appWith();
    const tokens = await Promise.all([app.tokenFor("Acme/Shop"), app.tokenFor("acme/shop"), app.tokenFor("acme/shop")]);
    expect(new Set(tokens.map((t) => t.ok && t.value)).size).toBe(1);
    expect(github.appTokens.map((t) => t.asked)).toEqual([
      { repositories: ["shop"], permissions: GITHUB_APP_PERMISSIONS },
    ]);
    await app.tokenFor("acme/other");
    expect(github.appTokens).toHaveLength(2);
  });

  it("makes another shortly before the end of the one that there is", async () => {
    // Only what is kept goes by this clock: the App's own proof must be of now.
    let at = Date.now();
    const app = appWith({ now: () => at });
    await app.tokenFor("acme/shop");
    at += 54 * 60_000;
    await app.tokenFor("acme/shop");
    expect(github.appTokens).toHaveLength(1);
    github.refusals.push({ status: 503 });
    at += 2 * 60_000;
    expect(await app.tokenFor("acme/shop")).toMatchObject({ ok: false, error: { status: 503 } });
  });

  it("takes what was granted where that is less", async () => {
    const app = appWith();
    const asked = github.asked.length;
    github.refusedRoutes.push({ form: /access_tokens/, status: 422 });
    expect(await app.tokenFor("acme/shop")).toMatchObject({ ok: true });
    expect(github.appTokens.map((t) => t.asked)).toEqual([{ repositories: ["shop"] }]);
    expect(github.asked.length - asked).toBe(3);
  });

  it("that is not installed, or whose key is none, says so, and asks no more for a while", async () => {
    github.isInstalled = false;
    const app = appWith();
    const asked = github.asked.length;
    for (let i = 0; i < 3; i++)
      expect(await app.tokenFor("acme/shop")).toMatchObject({
        ok: false,
        error: { words: "The GitHub App 123456 is not installed for acme/shop." },
      });
    expect(github.asked.length - asked).toBe(1);
    expect(await appWith({ keyFile: tokenFile }).tokenFor("acme/shop")).toMatchObject({
      ok: false,
      error: { words: expect.stringContaining("holds no private key of a GitHub App") },
    });
  });

  it("makes another token when GitHub does not take the one that there is any more", async () => {
    const client = new GithubClient(asApp());
    const ask = () => client.ask("GET /repos/{owner}/{repo}/pulls", "acme/shop");
    expect(await ask()).toMatchObject({ ok: true });
    for (const token of github.appTokens) token.isRevoked = true;
    expect(await ask()).toMatchObject({ ok: false, error: { status: 401 } });
    expect(await ask()).toMatchObject({ ok: true });
    expect(github.appTokens).toHaveLength(2);
  });
});

describe("the result of gates", () => {
  it("is a check for an App, and a commit status for whoever has a token, once though its answer is lost", async () => {
    const app = asApp();
    const told = await githubTelling(new GithubClient(app), app.identity).check("acme/shop", check, null);
    expect(told).toMatchObject({ ok: true });
    expect(github.checks).toHaveLength(1);

    const access = accessWith({ githubTokenFile: tokenFile });
    const telling = githubTelling(new GithubClient(access), access.identity);
    github.lostAnswers.push(/^POST .*\/statuses\//);
    expect(await telling.check("acme/shop", check, null)).toMatchObject({ ok: false });
    expect(await telling.check("acme/shop", check, null)).toMatchObject({ ok: true });
    expect(github.statuses).toMatchObject([
      { state: "success", context: check.name, description: check.title, target_url: check.detailsUrl },
    ]);
    await telling.check("acme/shop", { ...check, conclusion: null, status: "in_progress" }, 5);
    expect(github.statuses.map((s) => s.state)).toEqual(["success", "pending"]);
    expect(github.violations).toEqual([]);
  });
});
