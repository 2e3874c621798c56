import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { listingOf } from "../adoption/listing.ts";
import { readListing } from "../adoption/reading.ts";
import { checkGrammar } from "./grammar.ts";
import { checkRules } from "./rules.ts";
import { planInit } from "./workflows/all.ts";

const SHA = "0123456789abcdef0123456789abcdef01234567";
const GOOD = `name: Good
on:
  pull_request:
permissions: {}
concurrency:
  group: good-\${{ github.ref }}
  cancel-in-progress: true
jobs:
  test:
    runs-on: ubuntu-latest
    timeout-minutes: 10
    permissions:
      contents: read
    steps:
      - uses: actions/checkout@${SHA} # v4
      - uses: ./local
      - run: echo "$TITLE" \${{ github.event.pull_request.number }} \${{ github.sha }}
        env:
          TITLE: \${{ github.event.pull_request.title }}
`;

describe("a workflow", () => {
  it("that keeps the rules has no complaint", async () => {
    expect(checkRules("good.yml", GOOD)).toEqual([]);
    expect(await checkGrammar("good.yml", GOOD)).toEqual([]);
  });
  it.each([
    [
      "permissions: {}\n",
      "",
      "permissions",
      8,
      (text: string) => text.replace("    permissions:\n      contents: read\n", ""),
    ],
    ["permissions: {}", "permissions: write-all", "permissions", 4],
    [/concurrency:\n(.*\n){2}/, "", "concurrency", 6],
    ["    timeout-minutes: 10\n", "", "timeout", 14],
    ["timeout-minutes: 10", "timeout-minutes: 600", "timeout", 11],
    [`@${SHA} # v4`, "@v4", "pin", 15],
    [`@${SHA} # v4`, `@${SHA}`, "pin", 15],
    ["./local", "docker://alpine:3", "pin", 16],
    ["pull_request:\n", "pull_request_target:\n", "target", 15],
    ["github.event.pull_request.number", "github.event.pull_request.title", "injection", 17],
    ["github.event.pull_request.number", "github.head_ref", "injection", 17],
    ["github.event.pull_request.number", "format('{0}', github.event.issue.body)", "injection", 17],
    ["github.event.pull_request.number", "inputs.name", "injection", 17],
    ["github.event.pull_request.number", "github.event['issue'].title", "injection", 17],
    ["permissions: {}", "permissions: {", "yaml", 5],
  ] as const)(
    "with %j instead of %j breaks the rule of %s",
    (from, to, rule, line, also: (text: string) => string = (t) => t) => {
      const text = also(GOOD.replace(from, to));
      expect(text).not.toBe(GOOD);
      expect(checkRules("bad.yml", text)).toContainEqual(expect.objectContaining({ rule, line, file: "bad.yml" }));
    },
  );
  it.each([
    ["    steps:", "    stepz:", 14],
    ["github.sha", "bogus.sha", 17],
    ["timeout-minutes: 10", "timeout-minutes: soon", 11],
    ["contents: read", "contents: everything", 13],
  ])("with %j for %j breaks GitHub's grammar", async (from, to, line) => {
    expect(await checkGrammar("bad.yml", GOOD.replace(from, to))).toContainEqual(
      expect.objectContaining({ rule: "grammar", line }),
    );
  });
});

describe("the workflows of Latchkey itself", () => {
  const listing = readListing(join(import.meta.dirname, "..", "..", "..", ".."), ".github");
  const files = listing.paths.filter((path) => /workflows\/.*\.ya?ml$/.test(path));
  it("are those that it writes for others", () => {
    expect(listing.paths).toContain(".github/dependabot.yml");
    expect(files.map((path) => path.replace(/^.*\//, "")).sort()).toEqual(["security.yml", "tests.yml"]);
  });
  it.each(files)("%s keeps its own rules and GitHub's grammar", async (file) => {
    const text = listing.text(file) ?? "";
    expect(text).not.toBe("");
    expect([...checkRules(file, text), ...(await checkGrammar(file, text))]).toEqual([]);
  });
});

it("infrastructure that lies in a folder of fixtures or examples is not applied", () => {
  const plan = (folder: string) =>
    planInit(listingOf({ [`${folder}environments/dev/main.tf`]: "" }), { folder: "shop", action: null }).files.map(
      (f) => f.path,
    );
  expect(plan("terraform/")).toContain(".github/workflows/infrastructure.yml");
  for (const folder of ["apps/cli/fixtures/shop/", "examples/"])
    expect(plan(folder)).not.toContain(".github/workflows/infrastructure.yml");
});
