import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { ServiceConfig } from "@latchkey/api/models";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { TOKEN } from "../testkit/contract-server.ts";
import * as example from "../testkit/examples.ts";
import { Bench } from "../testkit/terminal.ts";
import { ciFrom } from "./environment.ts";
import { annotation, summaryOf } from "./report.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const nothing = () => null;

describe("where it runs", () => {
  it("is found for GitHub, GitLab and others", () => {
    const github = {
      ...{ GITHUB_ACTIONS: "true", GITHUB_SHA: COMMIT, GITHUB_REF_NAME: "main", GITHUB_EVENT_NAME: "push" },
      ...{ GITHUB_SERVER_URL: "https://github.example", GITHUB_REPOSITORY: "acme/shop", GITHUB_RUN_ID: "7" },
    };
    const url = "https://github.example/acme/shop/actions/runs/7";
    expect(ciFrom(github, nothing)).toEqual({
      system: "GitHub Actions",
      commit: COMMIT,
      branch: "main",
      url,
      isProposal: false,
    });
    expect(ciFrom({ GITLAB_CI: "true", CI_COMMIT_SHA: COMMIT, CI_MERGE_REQUEST_IID: "3" }, nothing)).toMatchObject({
      system: "GitLab CI",
      commit: COMMIT,
      isProposal: true,
    });
    expect(ciFrom({ CI: "1", CIRCLE_SHA1: COMMIT, CIRCLE_BRANCH: "main" }, nothing)).toMatchObject({
      system: "CI",
      commit: COMMIT,
      isProposal: false,
    });
    expect(ciFrom({ BUILDKITE_PULL_REQUEST: "false", BUILDKITE_COMMIT: COMMIT }, nothing).isProposal).toBe(false);
    expect(ciFrom({}, nothing)).toMatchObject({ system: "none", commit: null });
  });
  it("takes a pull request's own commit, not the merge that GitHub makes up", () => {
    const env = {
      GITHUB_ACTIONS: "true",
      GITHUB_SHA: "f".repeat(40),
      GITHUB_EVENT_NAME: "pull_request",
      GITHUB_EVENT_PATH: "event",
    };
    const event = JSON.stringify({ pull_request: { head: { sha: COMMIT } } });
    expect(ciFrom(env, () => event)).toMatchObject({ commit: COMMIT, isProposal: true });
    expect(ciFrom(env, () => "{").commit).toBe("f".repeat(40));
  });
});

describe("what is told", () => {
  it("is one command line for GitHub, whatever it holds", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string(), (title, text) => {
        const line = annotation("error", title, text);
        expect(line.split(/[\r\n]/)).toEqual([line.slice(0, -1), ""]);
        expect(line.slice(14).split("::")[0]).not.toMatch(/[:,]/);
      }),
    );
    expect(annotation("error", "a", "50 %\n::stop::")).toBe("::error title=a::50 %25%0A::stop::\n");
  });
  it("keeps a change's message from becoming a link or a picture", () => {
    const message = "![x](https://evil.example) <img src=x> | a";
    const text = summaryOf(
      {
        ...example.deployment,
        changes: [
          { ...example.deployment.changes[0], commit: COMMIT, message, author: "A", at: "2026-11-25T02:00:00Z" },
        ],
      },
      "http://x/",
    );
    expect(text).toContain("\\!\\[x\\](https://evil.example) &lt;img src=x\\> \\| a");
  });
});

describe("latchkey ci", () => {
  let bench: Bench;
  let idp: Server;
  const audiences: (string | null)[] = [];
  const promoted = {
    ...example.deployment,
    status: "succeeded" as const,
    finishedAt: "2026-11-25T02:10:00.000Z",
    release: { ...example.release, commit: COMMIT },
  };
  beforeEach(async () => {
    bench = new Bench();
    await bench.start();
    audiences.length = 0;
    idp = createServer((request, response) => {
      audiences.push(new URL(request.url ?? "", "http://idp").searchParams.get("audience"));
      response
        .writeHead(request.headers.authorization === "Bearer runner" ? 200 : 403)
        .end(JSON.stringify({ value: "proof" }));
    });
    await new Promise<void>((done) => idp.listen(0, "127.0.0.1", done));
    bench.server.answers = {
      getService: () => example.service,
      ship: () => ({ ...example.deployment, rolloutId: null }),
      getDeployment: () => promoted,
      getRollout: () => example.rollout,
      exchangeToken: () => ({ token: TOKEN, expiresAt: "2026-11-25T02:15:00Z", project: "main", service: "leads" }),
    };
  });
  afterEach(async () => {
    await bench.stop();
    await new Promise((done) => idp.close(done));
    expect(bench.server.violations).toEqual([]);
  });
  const onGitHub = () => {
    const summary = join(bench.dir, "summary.md");
    writeFileSync(summary, "");
    bench.env = {
      ...bench.env,
      ...{
        GITHUB_ACTIONS: "true",
        GITHUB_SHA: COMMIT,
        GITHUB_REF_NAME: "main",
        GITHUB_EVENT_NAME: "push",
        GITHUB_STEP_SUMMARY: summary,
      },
      ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${(idp.address() as AddressInfo).port}/token?api-version=2`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: "runner",
      LATCHKEY_TOKEN: "",
    };
    return () => readFileSync(summary, "utf8");
  };
  const asked = (name: string) => bench.server.asked.filter((a) => a.name === name);

  it("on GitHub needs no secret: it proves who it is, ships, waits, and tells on the run's page", async () => {
    const summary = onGitHub();
    const { exitCode, out, err } = await bench.run("ci", "leads");
    expect({ exitCode, err }).toMatchObject({ exitCode: 0 });
    expect(audiences).toEqual([bench.url]);
    expect(asked("exchangeToken")[0]?.body).toEqual({ token: "proof", service: "leads", project: "main" });
    expect(asked("ship")[0]?.body).toMatchObject({
      environment: "production",
      ifBusy: "queue",
      reason: expect.stringContaining(COMMIT),
    });
    expect(out).toContain("It ended");
    expect(err).toContain(`::add-mask::${TOKEN}`);
    expect(err).toContain("::notice title=leads in production::");
    expect(summary()).toContain("## ✅ leads in production as release 2");
  });
  it("says what to do when the job may not prove who it is", async () => {
    onGitHub();
    bench.env.ACTIONS_ID_TOKEN_REQUEST_TOKEN = "wrong";
    expect(await bench.run("ci", "leads")).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining("it answered 403"),
    });
    bench.env.ACTIONS_ID_TOKEN_REQUEST_URL = "";
    expect((await bench.run("ci", "leads")).err).toContain("`permissions: id-token: write`");
    expect(asked("ship")).toEqual([]);
  });
  it("elsewhere takes LATCHKEY_TOKEN and a commit", async () => {
    expect(await bench.run("ci", "leads")).toMatchObject({ exitCode: 2, err: expect.stringContaining("Add --commit") });
    expect((await bench.run("ci", "leads", "--commit", COMMIT)).exitCode).toBe(0);
  });
  it("ends with 3 when it was rolled back, with an error beside the run", async () => {
    const summary = onGitHub();
    const over = { ...promoted, status: "rolled_back" as const, words: "It fails more often." };
    bench.server.answers = { ...bench.server.answers, getDeployment: () => over };
    const { exitCode, err } = await bench.run("ci", "leads");
    expect(exitCode).toBe(3);
    expect(err).toContain("::error title=leads in production::It fails more often.");
    expect(summary()).toContain("## ❌ leads");
  });
  it("ends with 3 when another commit was deployed than this one", async () => {
    onGitHub();
    bench.server.answers = {
      ...bench.server.answers,
      getDeployment: () => ({ ...promoted, release: { ...example.release, commit: "f".repeat(40) } }),
    };
    expect(await bench.run("ci", "leads")).toMatchObject({
      exitCode: 3,
      err: expect.stringContaining("holds another commit"),
    });
  });
  it("takes a new token when the first one has expired on the way", async () => {
    onGitHub();
    let looks = 0;
    const { Refusal } = await import("../testkit/contract-server.ts");
    bench.server.answers = {
      ...bench.server.answers,
      getDeployment: () => (++looks === 1 ? new Refusal(401, "LK_UNAUTHENTICATED") : promoted),
    };
    expect((await bench.run("ci", "leads")).exitCode).toBe(0);
    expect(asked("exchangeToken")).toHaveLength(2);
    expect(asked("ship")).toHaveLength(1);
  });
  it("only follows a service that deploys what is merged by itself", async () => {
    onGitHub();
    const github = { repository: "acme/shop", branch: "main", path: "", deployOnMerge: true };
    let looks = 0;
    const { Refusal } = await import("../testkit/contract-server.ts");
    const change = {
      ...{
        service: "leads",
        key: COMMIT,
        state: "merged" as const,
        title: "A better form",
        author: "Ada",
        pullRequest: null,
        commit: COMMIT,
      },
      ...{ url: null, openedAt: null, mergedAt: null, committedAt: null, deployedAt: null, leadTimeMs: null },
    };
    bench.server.answers = {
      ...bench.server.answers,
      getService: () => ({ ...example.service, config: { ...example.service.config, github } }),
      getChange: () => {
        looks += 1;
        return looks === 1
          ? new Refusal(404, "LK_NOT_FOUND")
          : { ...change, deploymentId: looks === 2 ? null : "dep_1" };
      },
    };
    expect((await bench.run("ci", "leads")).exitCode).toBe(0);
    expect(asked("ship")).toEqual([]);
    expect(looks).toBe(3);
  });
  it("sends reports for their gates first, with the commit and the run's page", async () => {
    onGitHub();
    Object.assign(bench.env, {
      GITHUB_SERVER_URL: "https://github.example",
      GITHUB_REPOSITORY: "acme/shop",
      GITHUB_RUN_ID: "7",
    });
    bench.server.answers = { ...bench.server.answers, submitEvidence: () => example.evidence };
    writeFileSync(join(bench.dir, "junit.xml"), "<testsuites/>");
    expect(
      (await bench.run("ci", "leads", "--evidence", "tests=junit.xml", "--evidence", "more tests=junit.xml")).exitCode,
    ).toBe(0);
    expect(asked("submitEvidence").map((a) => a.body)).toEqual(
      ["tests", "more tests"].map((gate) => ({
        ...{ gate, commit: COMMIT, report: "<testsuites/>", url: "https://github.example/acme/shop/actions/runs/7" },
      })),
    );
    expect(bench.server.asked.findIndex((a) => a.name === "ship")).toBeGreaterThan(
      bench.server.asked.findLastIndex((a) => a.name === "submitEvidence"),
    );
    bench.env.GITHUB_EVENT_NAME = "pull_request";
    await bench.run("ci", "leads", "--evidence", "tests=junit.xml");
    expect([asked("submitEvidence").length, asked("ship").length]).toEqual([3, 1]);
  });
  it.each([
    ["tests=gone.xml", "There is no report gone.xml"],
    ["tests", "is no pair"],
    ["=x", "is no pair"],
  ])("deploys nothing with evidence %s", async (pair, words) => {
    onGitHub();
    expect(await bench.run("ci", "leads", "--evidence", pair)).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining(words),
    });
    expect(bench.server.asked).toEqual([]);
  });
  it("deploys nothing for a proposal", async () => {
    onGitHub();
    bench.env.GITHUB_EVENT_NAME = "pull_request";
    expect(await bench.run("ci", "leads")).toMatchObject({
      exitCode: 0,
      out: expect.stringContaining("before it is merged"),
    });
    expect(bench.server.asked).toEqual([]);
  });
});

describe("the guide to pipelines", () => {
  const guide = readFileSync(
    join(import.meta.dirname, "..", "..", "..", "..", "docs", "guides", "pipelines.md"),
    "utf8",
  );
  it("names commands, options and configuration that there are", async () => {
    const bench = new Bench();
    await bench.start();
    bench.server.answers = { createToken: () => ({ token: example.token, secret: "lk_secret" }) };
    const lines = [...guide.matchAll(/(?:^ {4}|`)latchkey ([^`\n]*)/gm)].map(([, line = ""]) =>
      line.trim().split(/\s+/),
    );
    expect(lines.length).toBeGreaterThan(2);
    for (const argv of lines) {
      const real = argv.map((word) => word.replace("<owner>/<repository>@<commit>", `a/b@${COMMIT}`));
      const { err } = await bench.run(...real);
      expect(err, real.join(" ")).not.toContain("LK_CLI_USAGE");
      expect(err, real.join(" ")).not.toMatch(/Unknown|is invalid|There is no command/);
    }
    await bench.stop();
    const yaml = /^ {4}github:\n(?: {6}.*\n)+/m.exec(guide)?.[0].replace(/^ {4}/gm, "") ?? "";
    const config = { name: "shop", source: ".", build: ["make"], ...(parse(yaml) as object) };
    expect(ServiceConfig.parse(config).github?.keyless?.repositoryId).toBe(123456);
    for (const code of [0, 1, 2, 3, 4]) expect(guide).toMatch(new RegExp(`^\\| ${code} `, "m"));
  });
});

describe("workflows", () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = new Bench();
    await bench.start();
  });
  afterEach(() => bench.stop());
  const FIXTURE = join(import.meta.dirname, "..", "..", "fixtures", "harbour-lane");
  const ACTION = "acme/latchkey@0123456789abcdef0123456789abcdef01234567";

  it("that are written keep every rule that workflows are checked by", async () => {
    for (const folder of ["terraform", "package.json"])
      cpSync(join(FIXTURE, folder), join(bench.dir, folder), { recursive: true });
    expect((await bench.run("init", "github", "--apply", "--yes", "--action", ACTION)).exitCode).toBe(0);
    const checked = await bench.run("ci", "lint");
    expect(checked, checked.out).toMatchObject({ exitCode: 0, out: "4 workflows: nothing to complain about.\n" });
    const security = readFileSync(join(bench.dir, ".github/workflows/security.yml"), "utf8");
    for (const tool of ["TruffleHog", "Gitleaks", "Snyk", "OWASP Dependency-Check", "CodeQL", "Trivy"])
      expect(security).toContain(`name: ${tool}\n`);
    const tests = readFileSync(join(bench.dir, ".github/workflows/tests.yml"), "utf8");
    expect(tests).toContain("--coverage.thresholds.lines=80");
    const infrastructure = readFileSync(join(bench.dir, ".github/workflows/infrastructure.yml"), "utf8");
    expect(infrastructure.match(/- environment: (\w+)/g)?.slice(0, 3)).toEqual(
      ["dev", "staging", "production"].map((e) => `- environment: ${e}`),
    );
  });
  it("keep what is there, and are taken back", async () => {
    cpSync(FIXTURE, bench.dir, { recursive: true });
    const before = readFileSync(join(bench.dir, ".github/workflows/security.yml"), "utf8");
    const { out } = await bench.run("init", "github", "--apply", "--yes");
    expect(out).toContain("It is there already, and stays as it is: .github/workflows/security.yml");
    expect(out).toContain("No .github/workflows/latchkey.yml");
    expect(readFileSync(join(bench.dir, ".github/workflows/security.yml"), "utf8")).toBe(before);
    expect((await bench.run("adopt", "--undo", "--yes")).out).toBe(
      "Deleted: .github/workflows/tests.yml\nDeleted: .github/workflows/infrastructure.yml\n",
    );
  });
  it("that are not there are no pass, and those in use are complained of", async () => {
    expect(await bench.run("ci", "lint")).toMatchObject({
      exitCode: 1,
      out: expect.stringContaining("nothing was checked"),
    });
    mkdirSync(join(bench.dir, "shop"));
    cpSync(FIXTURE, join(bench.dir, "shop"), { recursive: true });
    const { exitCode, out } = await bench.run("ci", "lint", "shop");
    expect(exitCode).toBe(1);
    expect(out).toContain(".github/workflows/ci.yml:9: actions/checkout@v4 may become other code");
    expect(out).toContain(".github/workflows/deploy.yml:12: It is no valid YAML");
    const json = JSON.parse((await bench.run("ci", "lint", "shop", "--json")).out) as {
      complaints: { rule: string }[];
    };
    expect(new Set(json.complaints.map((c) => c.rule))).toEqual(
      new Set(["pin", "permissions", "concurrency", "timeout", "yaml"]),
    );
  });
});
