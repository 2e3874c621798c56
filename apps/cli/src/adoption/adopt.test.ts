import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ServiceConfig } from "@latchkey/api/models";
import { loadConfig } from "@latchkey/config/load";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { checkGrammar } from "../github/grammar.ts";
import { checkRules } from "../github/rules.ts";
import { Bench } from "../testkit/terminal.ts";
import { configFile, serviceNameOf } from "./files.ts";
import { listingOf } from "./listing.ts";
import { differenceOf, planAdoption } from "./plan.ts";
import { survey } from "./survey.ts";

const FIXTURE = join(import.meta.dirname, "..", "..", "fixtures", "harbour-lane");
const ACTION = "acme/latchkey@0123456789abcdef0123456789abcdef01234567";
let bench: Bench;
beforeEach(async () => {
  bench = new Bench();
  await bench.start();
  cpSync(FIXTURE, bench.dir, { recursive: true });
});
afterEach(() => bench.stop());
const at = (path: string) => join(bench.dir, path);

describe("a repository as it is found in practice", () => {
  it("is described, with file and line of what can't be read or needs a look", async () => {
    const { exitCode, out } = await bench.run("adopt", "--action", ACTION);
    expect(exitCode).toBe(0);
    for (const line of [
      "package.json: It is made with React and Vite.",
      "package.json:12: Its data is in Supabase",
      "package.json:5: It asks for Node 22.x.",
      "contexts: production, staging, deploy-preview, branch-deploy.",
      "VITE_SITE_NAME, VITE_API_BASE, VITE_STAGE are baked into the build",
      "There are 29 functions: 13 CommonJS, 9 ESM, 7 TypeScript.",
      "netlify/functions/health.ts:1: Never deployed",
      "It says healthy, degraded, unhealthy: that is mapped.",
      ".github/workflows/deploy.yml:12: It is no valid YAML",
      ".github/dependabot.yml:3: Dependabot updates nothing",
      "netlify.toml:38: The redirect from /* has conditions",
      "netlify.toml:46: The redirect from /* answers a script that is missing with the page",
      "Functions read SUPABASE_SERVICE_ROLE_KEY, SUPABASE_URL",
      "3 SQL scripts are run by hand",
      "database/schema.sql:2: Makes the table leads in another way than database/FINAL_schema_v2.sql:3",
      "Terraform describes the infrastructure with a folder for each of dev, production, staging",
    ])
      expect(out).toContain(line);
    expect(existsSync(at("latchkey.config.yaml"))).toBe(false);
  });
  it("is shown as a difference that git takes, and --apply writes just that", async () => {
    const shown = await bench.run("adopt", "--action", ACTION, "--json");
    const { files } = JSON.parse(shown.out) as { files: { path: string; text: string }[] };
    expect(files.map((f) => f.path)).toEqual(["latchkey.config.yaml", ".github/workflows/latchkey.yml"]);
    const git = (args: string[], input?: string) => spawnSync("git", args, { cwd: bench.dir, input, encoding: "utf8" });
    git(["init", "-q"]);
    expect(git(["apply", "--check"], differenceOf(files)).stderr).toBe("");
    expect((await bench.run("adopt", "--apply", "--yes", "--action", ACTION)).exitCode).toBe(0);
    for (const { path, text } of files) expect(readFileSync(at(path), "utf8")).toBe(text);
    const { services } = await loadConfig(at("latchkey.config.yaml"));
    expect(services[0]).toMatchObject({ name: "harbour-lane", health: { unhealthy: ["unhealthy"] } });
  });
  it("is never written to through a link that leads out of it", async () => {
    const outside = mkdtempSync(join(tmpdir(), "latchkey-outside-"));
    rmSync(at(".github/workflows"), { recursive: true });
    symlinkSync(outside, at(".github/workflows"));
    const { exitCode, err } = await bench.run("adopt", "--apply", "--yes", "--action", ACTION);
    expect({ exitCode, err }).toMatchObject({ exitCode: 1, err: expect.stringContaining("through a link") });
    expect(readdirSync(outside)).toEqual([]);
    expect(existsSync(at("latchkey.config.yaml"))).toBe(false);
    rmSync(outside, { recursive: true });
  });
  it("is not touched without a yes", async () => {
    expect(await bench.run("adopt", "--apply")).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining("Add --yes"),
    });
    bench.agrees = false;
    expect((await bench.run("adopt", "--apply")).out).toContain("Nothing was written.");
    expect(existsSync(at("latchkey.config.yaml"))).toBe(false);
  });
  it("keeps what is there already, also on a second time", async () => {
    writeFileSync(at("latchkey.config.yaml"), "mine");
    const { out } = await bench.run("adopt", "--apply", "--yes", "--action", ACTION);
    expect(out).toContain("latchkey.config.yaml: It is there already: it was left alone.");
    expect(readFileSync(at("latchkey.config.yaml"), "utf8")).toBe("mine");
    const again = await bench.run("adopt", "--apply", "--yes", "--action", ACTION);
    expect(again.out).toContain("There is nothing left to add.");
    await bench.run("adopt", "--undo", "--yes");
    expect(readFileSync(at("latchkey.config.yaml"), "utf8")).toBe("mine");
    expect(existsSync(at(".github/workflows/latchkey.yml"))).toBe(false);
  });
});

describe("a site whose traffic Netlify splits", () => {
  const SITE = "0b5f4c5e-0000-4000-8000-000000000001";
  const FILE = "netlify/edge-functions/latchkey-split.ts";
  const source = readFileSync(
    join(import.meta.dirname, "../../../../packages/netlify-runtime/src/edge/latchkey-split.ts"),
    "utf8",
  );

  it("gets the Edge Function with its configuration as one difference, and gives both back", async () => {
    const shown = await bench.run("adopt", "--edge", SITE);
    expect(shown.out).toContain(`+++ b/${FILE}`);
    expect(existsSync(at(FILE))).toBe(false);
    const before = readdirSync(bench.dir).sort();
    const { out } = await bench.run("adopt", "--edge", SITE, "--apply", "--yes");
    expect(out).toContain("latchkey netlify edge");
    expect(readFileSync(at(FILE), "utf8")).toBe(source);
    const config = await loadConfig(at("latchkey.config.yaml"));
    expect(JSON.stringify(config)).toContain(SITE);
    const written = ServiceConfig.parse(parse(readFileSync(at("latchkey.config.yaml"), "utf8")));
    expect(written.target).toMatchObject({ kind: "netlify", siteId: SITE, mode: "git", split: "edge" });
    const again = await bench.run("adopt", "--edge", SITE, "--apply", "--yes");
    expect(again.out).toContain("There is nothing left to add.");
    await bench.run("adopt", "--undo", "--yes");
    expect(readdirSync(bench.dir).sort()).toEqual(before);
    expect(existsSync(at("netlify/edge-functions"))).toBe(false);
  });

  it("keeps a function of that name, and a configuration that is there, and says what to do", async () => {
    mkdirSync(at("netlify/edge-functions"), { recursive: true });
    writeFileSync(at(FILE), "export default () => undefined;\n");
    writeFileSync(at("latchkey.config.yaml"), "mine");
    const { out } = await bench.run("adopt", "--edge", SITE, "--apply", "--yes");
    expect(out).toContain(`${FILE}: Another one is there, and was left alone`);
    expect(out).toContain('"split":"edge"');
    expect(readFileSync(at(FILE), "utf8")).toBe("export default () => undefined;\n");
    expect(readFileSync(at("latchkey.config.yaml"), "utf8")).toBe("mine");
  });

  it("has it where its netlify.toml says, below its base folder", () => {
    const listing = listingOf({
      "netlify.toml": '[build]\nbase = "web"\nedge_functions = "edge"',
      "web/index.html": "",
    });
    const made = planAdoption(listing, { folder: "shop", action: null, edge: { siteId: SITE, text: source } });
    expect(made.files.map(({ path }) => path)).toContain("web/edge/latchkey-split.ts");
  });

  it("is named by its id", async () => {
    const { err, exitCode } = await bench.run("adopt", "--edge", "https://shop.netlify.app");
    expect(exitCode).toBe(2);
    expect(err).toContain("is no site");
  });
});

describe("evidence", () => {
  const manifest = (more: object) =>
    JSON.stringify({ scripts: { test: "vitest run" }, devDependencies: { vitest: "3.0.0", ...more } });
  const plan = (files: Record<string, string>, action: string | null = ACTION) =>
    planAdoption(listingOf({ "netlify.toml": "", ".github/dependabot.yml": "updates: []", ...files }), {
      ...{ folder: "shop", action },
    });
  const read = (made: ReturnType<typeof plan>) => {
    const [config, workflow] = made.files.map((f) => parse(f.text));
    const sent: string = workflow?.jobs.deploy.steps.at(-1).with.evidence ?? "";
    return { config, sent: sent.trim().split("\n"), text: made.files[1]?.text ?? "" };
  };
  it.each([
    [{}, ["pipeline-tests=reports/junit.xml"]],
    [{ "@vitest/coverage-v8": "3.0.0" }, ["pipeline-tests=reports/junit.xml", "pipeline-coverage=coverage/lcov.info"]],
  ])("with %j is sent for gates that take it, and the workflow keeps the rules", async (more, lines) => {
    const { config, sent, text } = read(plan({ "package.json": manifest(more) }));
    expect(sent).toEqual(lines);
    const gates = ServiceConfig.parse(config).gates.filter((gate) => gate.from === "ci");
    expect(gates.map((gate) => gate.name)).toEqual(lines.map((line) => line.split("=")[0]));
    for (const gate of gates) expect(gate.required).toBe(false);
    for (const line of lines) expect(text).toContain(line.includes("lcov") ? "--coverage.reporter=lcov" : "junit.xml");
    expect([...checkRules("a.yml", text), ...(await checkGrammar("a.yml", text))]).toEqual([]);
  });
  it("is not awaited where no workflow sends it, and it is said why where none can be made", () => {
    expect(read(plan({ "package.json": manifest({}) }, null)).config.gates).toHaveLength(1);
    const other = plan({ "package.json": '{"scripts":{"test":"jest"},"devDependencies":{"vitest":"3.0.0"}}' });
    expect(read(other)).toMatchObject({ config: { gates: [{ name: "tests" }] }, sent: [""] });
    expect(other.findings).toContainEqual(
      expect.objectContaining({ kind: "advice", words: expect.stringContaining("No reports are sent") }),
    );
  });
  it("of page views needs no line in the pages: that is said", () => {
    expect(plan({}).findings).toContainEqual(
      expect.objectContaining({ kind: "found", words: expect.stringContaining("without a line in its pages") }),
    );
  });
});

describe("undo", () => {
  it("deletes what was added, and leaves and names what was changed since", async () => {
    await bench.run("adopt", "--apply", "--yes", "--action", ACTION);
    writeFileSync(at("latchkey.config.yaml"), `${readFileSync(at("latchkey.config.yaml"), "utf8")}# ours\n`);
    const { out } = await bench.run("adopt", "--undo", "--yes");
    expect(out).toContain("Deleted: .github/workflows/latchkey.yml");
    expect(out).toContain("Left, as it was changed since: latchkey.config.yaml");
    expect(readFileSync(at("latchkey.config.yaml"), "utf8")).toContain("# ours");
    // Once it is as it was written, it goes as well.
    writeFileSync(at("latchkey.config.yaml"), readFileSync(at("latchkey.config.yaml"), "utf8").replace("# ours\n", ""));
    await bench.run("adopt", "--undo", "--yes");
    for (const path of ["latchkey.config.yaml", ".latchkey-adoption.json"]) expect(existsSync(at(path))).toBe(false);
  });
  it("says where nothing was adopted", async () => {
    expect((await bench.run("adopt", "--undo", "--yes")).err).toContain("Nothing was adopted in");
  });
  it("never leaves the folder, whatever the manifest says", async () => {
    mkdirSync(at("inner"));
    writeFileSync(at("precious"), "");
    const sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const manifest = { version: 1, files: [{ path: "../precious", sha256 }], folders: [] };
    writeFileSync(at("inner/.latchkey-adoption.json"), JSON.stringify(manifest));
    expect((await bench.run("adopt", "inner", "--undo", "--yes")).err).toContain("which is not in this folder");
    expect(existsSync(at("precious"))).toBe(true);
  });
});

describe("what can't be read", () => {
  const plan = (files: Record<string, string>) => planAdoption(listingOf(files), { folder: "shop", action: ACTION });
  it.each([
    [{ "netlify.toml": '[build]\npublish = "dist"\n[build\n' }, "netlify.toml", 3],
    [{ "netlify.toml": '[build]\npublish = "dist"', "package.json": '{\n "name": "x",\n}' }, "package.json", 3],
    [{ "netlify.toml": "", ".github/workflows/a.yml": "on: push\njobs:\n\t- x" }, ".github/workflows/a.yml", 3],
    [{ "netlify.toml": "", ".github/workflows/a.yml": "on: push" }, ".github/workflows/a.yml", 1],
  ])("%j is named with its line", (files, file, line) => {
    const { findings } = plan(files as Record<string, string>);
    expect(findings.filter((f) => f.kind === "unreadable")).toContainEqual(expect.objectContaining({ file, line }));
  });
  it("without netlify.toml, nothing is added, and it says why", async () => {
    expect(plan({ "package.json": "{}" }).files).toEqual([]);
    writeFileSync(at("netlify.toml"), "[build");
    expect(await bench.run("adopt")).toMatchObject({
      exitCode: 1,
      out: expect.stringContaining("netlify.toml:1: It is no valid TOML"),
    });
  });
});

/** Ten aliases of ten aliases, nine deep: gigabytes when they are all followed. */
const LAUGHS = [
  "a0: &a0 [x]",
  ...Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`)}]`),
].join("\n");

describe("whatever the files hold", () => {
  const kinds = [
    "package.json",
    "web/package.json",
    "netlify.toml",
    ".github/workflows/a.yml",
    ".github/dependabot.yml",
    "netlify/functions/health.js",
    "netlify/functions/x.ts",
    "db/a.sql",
    "index.html",
  ];
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 200 }),
    fc.json(),
    fc.json().map((json) => `{"scripts": ${json}, "engines": ${json}, "dependencies": ${json}, "name": ${json}}`),
    fc.json().map((json) => `updates: ${json}\njobs: ${json}\nname: ${json}\n`),
    fc.constantFrom(
      "[build]\nbase = 'web'",
      "[[redirects]]\nfrom = 3",
      "redirects = [1]\nplugins = 2\n[functions]\n'*' = 1",
      "build = []",
    ),
    fc.constantFrom(
      "updates: [null, {package-ecosystem: }]",
      "&a [*a]",
      "a: !!binary x",
      "? [x]\n: y",
      "jobs:\n  - 1",
      "jobs: *gone",
      LAUGHS,
    ),
  );
  it("the survey ends, each finding has words, and what is written is a configuration that is taken", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...kinds), text), (files) => {
        const made = planAdoption(listingOf(files), { folder: "a folder", action: ACTION });
        for (const finding of made.findings) expect(finding.words).not.toBe("");
        const config = made.files.find((f) => f.path === "latchkey.config.yaml");
        if (config) expect(ServiceConfig.safeParse(parse(config.text)).error).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });
  it("a site in a folder of the repository is built and tested there", () => {
    const files = {
      "netlify.toml": '[build]\nbase = "web/"\npublish = "dist"',
      "web/package.json": '{"name":"@acme/shop-front","scripts":{"test":"vitest"}}',
      "web/index.html": "<title>Shop</title>",
      "web/netlify/functions/health.mjs": 'export default () => Response.json({ status: "ok" });',
      "pnpm-lock.yaml": "",
    };
    const { text } = planAdoption(listingOf(files), { folder: "x", action: null }).files[0] ?? { text: "" };
    expect(parse(text)).toMatchObject({
      name: "shop-front",
      gates: [{ name: "tests", command: ["pnpm", "--dir", "web", "test"] }],
      health: { path: "/.netlify/functions/health", healthy: ["ok"] },
      smoke: [{ path: "/", contains: "Shop" }],
    });
  });
});

describe("the configuration that is written", () => {
  it("is taken whatever the package is called and its page says", () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string({ maxLength: 400 }),
        fc.string({ maxLength: 250 }),
        (name, description, title) => {
          const files = {
            "package.json": JSON.stringify({ name, description }),
            "index.html": `<title>${title}</title>`,
            "netlify.toml": "",
          };
          const { text } = configFile(survey(listingOf(files)), serviceNameOf(name));
          expect(ServiceConfig.safeParse(parse(text)).error).toBeUndefined();
        },
      ),
    );
  });
});
