import { configFile, type NewFile, serviceNameOf, WORKFLOW_FILE, workflowFile } from "./files.ts";
import { advice, type Finding } from "./findings.ts";
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
  o: { folder: string; name?: string; action: string | null },
): AdoptionPlan {
  const seen = survey(listing);
  const service = o.name ?? serviceNameOf(seen.project.name ?? o.folder);
  const findings = [...seen.findings];
  const files: NewFile[] = [];
  if (seen.configured) findings.push(advice("It is there already: it was left alone.", seen.configured));
  else if (seen.netlify) files.push(configFile(seen, service));
  const hasGitHub = listing.paths.some((path) => path.startsWith(".github/"));
  if (seen.netlify && hasGitHub) {
    if (listing.paths.includes(WORKFLOW_FILE))
      findings.push(advice("It is there already: it was left alone.", WORKFLOW_FILE));
    else if (o.action) files.push(workflowFile(service, o.action));
    else
      findings.push(
        advice("No workflow is added: say where Latchkey's Action is, with --action <owner>/<repository>@<commit>."),
      );
  }
  return { survey: seen, service, findings, files };
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
