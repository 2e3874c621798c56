import { stringify } from "yaml";
import { uses } from "../github/pins.ts";
import { setup } from "../github/workflows/parts.ts";
import type { PackageManager, Project } from "./project.ts";
import type { Survey } from "./survey.ts";

/** A file that adoption would add. Nothing that is there is ever changed. */
export interface NewFile {
  readonly path: string;
  readonly text: string;
}

export const CONFIG_FILE = "latchkey.config.yaml";
/** Evidence of the pipeline is there before a deployment is asked for; who ships by hand does not wait for it longer than this. */
const EVIDENCE_WAIT_MS = 60_000;
/** What init's workflows and adoption's use, where a repository names no version of Node. */
export const DEFAULT_NODE = "22";
export const WORKFLOW_FILE = ".github/workflows/latchkey.yml";

/** A service's name from a package's or a folder's: small letters, digits and hyphens, 3 to 40 of them. */
export function serviceNameOf(given: string): string {
  const plain = given
    .toLowerCase()
    .replace(/^@[^/]*\//, "")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "")
    .slice(0, 40)
    .replace(/-+$/, "");
  return plain.length >= 3 ? plain : "site";
}

/** Says in which folder each is to work. */
const IN_FOLDER: Readonly<Record<PackageManager, string>> = {
  npm: "--prefix",
  pnpm: "--dir",
  yarn: "--cwd",
  bun: "--cwd",
};

function testCommand(manager: PackageManager, base: string): string[] {
  const where = base === "" ? [] : [IN_FOLDER[manager], base];
  return manager === "bun" ? ["bun", "run", ...where, "test"] : [manager, ...where, "test"];
}

/** Reports that the adopted workflow makes of its tests, as evidence for the gates of these names. */
export interface Evidence {
  readonly gates: readonly { readonly name: string; readonly kind: "tests" | "coverage"; readonly file: string }[];
  readonly command: string;
  readonly node: string;
  readonly packageManager: PackageManager;
}

/** Null where no report can be made without changing what is there. Only of a site that is the repository's root. */
export function evidenceOf(project: Project, base: string): Evidence | null {
  if (!project.hasVitest || base !== "") return null;
  const coverage = project.hasCoverage ? " --coverage --coverage.reporter=lcov" : "";
  return {
    gates: [
      { name: "pipeline-tests", kind: "tests", file: "reports/junit.xml" },
      ...(project.hasCoverage
        ? [{ name: "pipeline-coverage", kind: "coverage" as const, file: "coverage/lcov.info" }]
        : []),
    ],
    command: `npx vitest run${coverage} --reporter=default --reporter=junit --outputFile.junit=reports/junit.xml`,
    node: /\d+/.exec(project.nodeVersion ?? "")?.[0] ?? DEFAULT_NODE,
    packageManager: project.packageManager,
  };
}

/** Netlify builds the commit, and an Edge Function of the site splits its traffic. */
export interface EdgeTarget {
  readonly kind: "netlify";
  readonly siteId: string;
  readonly mode: "git";
  readonly split: "edge";
}

/**
 * The service's configuration, as YAML: an adopted repository has no package to import `defineService` from. With `evidence`,
 * gates that a workflow sends reports to: not required, for a release that is shipped by hand has none.
 */
export function configFile(
  survey: Survey,
  name: string,
  evidence: Evidence | null = null,
  target: EdgeTarget | null = null,
): NewFile {
  const { project, health, title, netlify, base } = survey;
  const lists = health ? { healthy: health.healthy, degraded: health.degraded, unhealthy: health.unhealthy } : {};
  const mapped = Object.fromEntries(Object.entries(lists).filter(([, words]) => words.length > 0));
  const api = (netlify?.redirects ?? [])
    .filter((rule) => rule.status === 200 && rule.from.endsWith("/*") && rule.to.startsWith("/.netlify/functions/"))
    .map((rule) => rule.from.slice(0, -1));
  const gates = [
    ...(project.hasTests ? [{ name: "tests", command: testCommand(project.packageManager, base) }] : []),
    ...(evidence?.gates ?? []).map(({ name: gate, kind }) => ({
      ...{ name: gate, kind, from: "ci", required: false, timeoutMs: EVIDENCE_WAIT_MS },
    })),
  ];
  const config = {
    name,
    ...(project.description ? { description: project.description.slice(0, 300) } : {}),
    source: ".",
    build: ["latchkey", "build-netlify"],
    run: ["node", "server.mjs"],
    ...(gates.length > 0 ? { gates } : {}),
    health: { path: health?.path ?? "/", ...mapped },
    smoke: [{ path: "/", ...(title ? { contains: title } : {}) }],
    routing: { apiPrefixes: [...new Set(["/.netlify/functions/", ...api])] },
    ...(target ? { target } : {}),
  };
  const head = `# What Latchkey builds, checks and rolls out here. Written by \`latchkey adopt\`; it is yours now.
# What else can be said: latchkey config schema. Whether it is right: latchkey config check.
`;
  return { path: CONFIG_FILE, text: head + stringify(config, { lineWidth: 110 }) };
}

/** The workflow that asks for a deployment of what was merged. `action`: owner/repository@commit of Latchkey's Action. */
export function workflowFile(name: string, action: string, evidence: Evidence | null = null): NewFile {
  const tests = evidence
    ? `${setup(evidence)}      - name: Tests, whose reports are evidence
        run: ${evidence.command}
`
    : "";
  const reports = evidence
    ? `          evidence: |\n${evidence.gates.map((gate) => `            ${gate.name}=${gate.file}\n`).join("")}`
    : "";
  const text = `# Asks Latchkey to deploy what was merged, and waits for the verdict. Written by \`latchkey adopt\`; it is yours now.
# The variable LATCHKEY_URL (Settings, Actions, Variables) holds the server's address.
name: Latchkey

on:
  push:
    branches: [main]

permissions: {}

concurrency:
  group: latchkey-production
  cancel-in-progress: false

jobs:
  deploy:
    runs-on: ubuntu-latest
    timeout-minutes: 60
    permissions:
      contents: read
      # The run proves with it who it is: there is no secret to keep.
      id-token: write
    steps:
      - uses: ${uses("actions/checkout")}
        with:
          persist-credentials: false
${tests}      - uses: ${action} # Latchkey
        with:
          service: ${name}
          url: \${{ vars.LATCHKEY_URL }}
${reports}`;
  return { path: WORKFLOW_FILE, text };
}
