import { DEFAULT_NODE, type NewFile, serviceNameOf, WORKFLOW_FILE, workflowFile } from "../../adoption/files.ts";
import type { Listing } from "../../adoption/listing.ts";
import { readProject } from "../../adoption/project.ts";
import { infrastructureWorkflow } from "./infrastructure.ts";
import type { WorkflowFacts } from "./parts.ts";
import { testsWorkflow } from "./quality.ts";
import { securityWorkflow } from "./security.ts";

/** Repositories for tests and examples: nobody applies their infrastructure. */
const NOT_ITS_OWN = /(^|\/)(fixtures|testdata|__fixtures__|examples)\//;

export interface InitPlan {
  readonly files: readonly NewFile[];
  /** Files that are there already: they stay. */
  readonly kept: readonly string[];
  /** What is not written, and why. */
  readonly notes: readonly string[];
}

/** The guide's workflows for a repository. Pure. What is there is never written over. */
export function planInit(listing: Listing, o: { folder: string; name?: string; action: string | null }): InitPlan {
  const facts = factsOf(listing, o);
  const workflow = (name: string, text: string): NewFile => ({ path: `.github/workflows/${name}.yml`, text });
  const wanted: NewFile[] = [
    workflow("tests", testsWorkflow(facts)),
    workflow("security", securityWorkflow(facts)),
    ...(facts.terraform.length > 0 ? [workflow("infrastructure", infrastructureWorkflow(facts))] : []),
    ...(facts.action ? [workflowFile(facts.service, facts.action)] : []),
    { path: ".github/dependabot.yml", text: DEPENDABOT },
  ];
  const taken = new Set(listing.paths);
  const isTaken = ({ path }: NewFile) => taken.has(path) || taken.has(path.replace(/\.yml$/, ".yaml"));
  return {
    files: wanted.filter((f) => !isTaken(f)),
    kept: wanted.filter(isTaken).map((f) => f.path),
    notes: notesOf(facts, listing),
  };
}

function notesOf(facts: WorkflowFacts, listing: Listing): string[] {
  const notes: string[] = [];
  if (!facts.hasTests) notes.push("There is no test script: the tests' workflow fails until there is one.");
  if (facts.hasVitest && !(listing.text("package.json") ?? "").includes('"@vitest/coverage-v8"'))
    notes.push(
      "The coverage gate needs @vitest/coverage-v8: npm install --save-dev @vitest/coverage-v8, of Vitest's own version.",
    );
  if (!facts.hasVitest) notes.push("Vitest is not used here: the tests run without a coverage gate.");
  if (facts.terraform.length === 0)
    notes.push("There is no Terraform with a folder per environment: no workflow for infrastructure.");
  if (!facts.action)
    notes.push(`No ${WORKFLOW_FILE}: say where Latchkey's Action is, with --action <owner>/<repository>@<commit>.`);
  return notes;
}

function factsOf(listing: Listing, o: { folder: string; name?: string; action: string | null }): WorkflowFacts {
  const project = readProject(listing);
  const folders = new Map<string, string>();
  for (const path of listing.paths.filter((p) => !NOT_ITS_OWN.test(p))) {
    const match = /^((?:.*\/)?environments\/([\w-]+))\/[^/]+\.tf$/.exec(path);
    if (match?.[1] && match[2]) folders.set(match[2], match[1]);
  }
  const order = ["dev", "development", "test", "staging", "production", "prod"];
  const rank = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length);
  return {
    service: o.name ?? serviceNameOf(project.name ?? o.folder),
    packageManager: project.packageManager,
    node: /\d+/.exec(project.nodeVersion ?? "")?.[0] ?? DEFAULT_NODE,
    hasVitest: /"vitest"\s*:/.test(listing.text("package.json") ?? ""),
    hasTests: project.hasTests,
    hasBuild: project.hasBuild,
    terraform: [...folders]
      .map(([environment, folder]) => ({ environment, folder }))
      .sort((a, b) => rank(a.environment) - rank(b.environment)),
    action: o.action,
  };
}

const DEPENDABOT = `# Written by \`latchkey init github\`; it is yours now.
version: 2
updates:
  - package-ecosystem: npm
    directory: /
    schedule:
      interval: weekly
    groups:
      minor-and-patch:
        update-types: [minor, patch]
  - package-ecosystem: github-actions
    directory: /
    schedule:
      interval: weekly
`;
