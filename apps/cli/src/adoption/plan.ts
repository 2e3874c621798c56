import { EDGE_NAME } from "../netlify/edge-function.ts";
import type { NetlifyConfig } from "../netlify/toml.ts";
import {
  configFile,
  type EdgeTarget,
  type Evidence,
  evidenceOf,
  type NewFile,
  serviceNameOf,
  WORKFLOW_FILE,
  workflowFile,
} from "./files.ts";
import { advice, type Finding, found } from "./findings.ts";
import type { Listing } from "./listing.ts";
import { type Survey, survey } from "./survey.ts";

export interface AdoptionPlan {
  readonly survey: Survey;
  readonly service: string;
  readonly findings: readonly Finding[];
  /** What would be added; empty when there is nothing that can be. */
  readonly files: readonly NewFile[];
}

/**
 * What adopting a repository would add. Pure: a listing in, findings and files out. `folder` is its name, `action` where
 * Latchkey's GitHub Action is (owner/repository@commit), null when nobody said.
 */
export function planAdoption(
  listing: Listing,
  o: {
    folder: string;
    name?: string;
    action: string | null;
    /** Of a site whose traffic an Edge Function is to split: its Project ID, and the function's text. */
    edge?: { readonly siteId: string; readonly text: string };
  },
): AdoptionPlan {
  const seen = survey(listing);
  const service = o.name ?? serviceNameOf(seen.project.name ?? o.folder);
  const findings = [...seen.findings];
  const files: NewFile[] = [];
  const hasGitHub = listing.paths.some((path) => path.startsWith(".github/"));
  const isTaken = listing.paths.includes(WORKFLOW_FILE);
  // A gate that nobody sends to would only wait: both files are added, or none of it.
  const isSent = seen.netlify !== null && seen.configured === null && hasGitHub && !isTaken && o.action !== null;
  const evidence = isSent ? evidenceOf(seen.project, seen.base) : null;
  if (isSent) findings.push(evidenceFinding(evidence, seen));
  if (seen.configured) findings.push(advice("It is there already: it was left alone.", seen.configured));
  else if (seen.netlify) {
    const target = o.edge ? edgeTarget(o.edge.siteId) : null;
    files.push(configFile(seen, service, evidence, target));
    if (!target)
      findings.push(
        found(
          "Page views and script errors are counted without a line in its pages: the gateway is in front of every release, and adds the script to them. Beside it, what Netlify serves by itself is not counted.",
        ),
      );
  }
  if (seen.netlify && o.edge) {
    const { file, findings: ofEdge } = planEdge(listing, seen, seen.netlify, o.edge);
    if (file) files.push(file);
    findings.push(...ofEdge);
  }
  if (seen.netlify && hasGitHub) {
    if (isTaken) findings.push(advice("It is there already: it was left alone.", WORKFLOW_FILE));
    else if (o.action) files.push(workflowFile(service, o.action, evidence));
    else
      findings.push(
        advice("No workflow is added: say where Latchkey's Action is, with --action <owner>/<repository>@<commit>."),
      );
  }
  return { survey: seen, service, findings, files };
}

const edgeTarget = (siteId: string): EdgeTarget => ({ kind: "netlify", siteId, mode: "git", split: "edge" });

/** The Edge Function, where there is none of that name. */
function planEdge(
  listing: Listing,
  { base, configured }: Survey,
  { edgeFunctionsDir }: NetlifyConfig,
  edge: { readonly siteId: string; readonly text: string },
): { readonly file: NewFile | null; readonly findings: readonly Finding[] } {
  const path = [base, ...edgeFunctionsDir.split("/"), EDGE_NAME]
    .filter((part) => part !== "" && part !== ".")
    .join("/");
  const findings: Finding[] = [];
  if (configured)
    findings.push(
      advice(
        `Its target was left as it is. For the Edge Function it is ${JSON.stringify(edgeTarget(edge.siteId))}.`,
        configured,
      ),
    );
  if (!listing.paths.includes(path)) {
    findings.push(
      found(
        "An Edge Function splits the site's traffic: each release is a deploy of Netlify's, and nothing stands before it.",
      ),
    );
    return { file: { path, text: edge.text }, findings };
  }
  const isOurs = listing.text(path) === edge.text;
  findings.push(
    advice(
      isOurs ? "It is there already: it was left alone." : "Another one is there, and was left alone: compare them.",
      path,
    ),
  );
  return { file: null, findings };
}

function evidenceFinding(evidence: Evidence | null, { project, base }: Survey): Finding {
  if (evidence) {
    const names = evidence.gates.map((gate) => gate.name).join(" and ");
    const more = project.hasCoverage ? "" : " With @vitest/coverage-v8 installed, coverage would be as well.";
    return found(`The workflow runs the tests, and sends their reports as evidence to ${names}.${more}`);
  }
  return advice(
    base !== "" && project.hasVitest
      ? `The tests of ${base} are not sent as evidence: only those of a site in the repository's own folder are.`
      : "No reports are sent as evidence: only Vitest's are asked for without changing what is there.",
  );
}

/** New files as one difference that `git apply` takes. */
export function differenceOf(files: readonly NewFile[]): string {
  return files
    .map(({ path, text }) => {
      const lines = text.replace(/\n$/, "").split("\n");
      const head = `diff --git a/${path} b/${path}\nnew file mode 100644\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1,${lines.length} @@\n`;
      return `${head}${lines.map((line) => `+${line}\n`).join("")}`;
    })
    .join("");
}
