import { readYaml } from "../adoption/workflows.ts";

/** Something in a workflow that our rules, or GitHub's own grammar, refuse. */
export interface Complaint {
  readonly file: string;
  readonly line: number;
  /** The rule's short name, such as `pin`. */
  readonly rule: string;
  readonly words: string;
}

type Node = Readonly<Record<string, unknown>>;
type Path = readonly (string | number)[];
interface Look {
  readonly file: string;
  readonly text: string;
  readonly lineOf: (path: Path) => number | null;
  readonly complaints: Complaint[];
}

const node = (value: unknown): Node =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Node) : {};
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const LONGEST_MINUTES = 360;

/**
 * Checks a workflow by the rules that keep a pipeline from being taken over or hanging: pinned actions, least permissions,
 * concurrency, time limits, no checkout of strangers' code with secrets at hand, no strangers' text in a script. Pure.
 */
export function checkRules(file: string, text: string): Complaint[] {
  const read = readYaml(file, text);
  if ("kind" in read) return [{ file, line: read.line ?? 1, rule: "yaml", words: read.words }];
  const look: Look = { file, text, lineOf: read.lineOf, complaints: [] };
  const workflow = node(read.value);
  const jobs = Object.entries(node(workflow.jobs));
  checkPermissions(look, workflow, jobs);
  if (workflow.concurrency === undefined && jobs.some(([, job]) => node(job).concurrency === undefined))
    complain(
      look,
      ["jobs"],
      "concurrency",
      "Two runs may overtake each other: give the workflow `concurrency` with a group.",
    );
  const isTarget = triggersOf(workflow.on).includes("pull_request_target");
  for (const [name, job] of jobs) checkJob(look, name, node(job), isTarget);
  return look.complaints.sort((a, b) => a.line - b.line);
}

function complain(look: Look, path: Path, rule: string, words: string): void {
  look.complaints.push({ file: look.file, line: look.lineOf(path) ?? 1, rule, words });
}

function triggersOf(on: unknown): readonly string[] {
  if (typeof on === "string") return [on];
  return Array.isArray(on) ? on.map(String) : Object.keys(node(on));
}

function checkPermissions(look: Look, workflow: Node, jobs: readonly (readonly [string, unknown])[]): void {
  if (workflow.permissions === undefined && jobs.some(([, job]) => node(job).permissions === undefined))
    complain(
      look,
      ["jobs"],
      "permissions",
      "It has the permissions that the repository gives by default: say `permissions: {}`, and what each job needs.",
    );
  const places: (readonly [Path, unknown])[] = [
    [["permissions"], workflow.permissions],
    ...jobs.map(([name, job]) => [["jobs", name, "permissions"], node(job).permissions] as const),
  ];
  for (const [path, given] of places)
    if (given === "write-all")
      complain(look, path, "permissions", "`write-all` lets a step change everything: name what it needs.");
}

function checkJob(look: Look, name: string, job: Node, isTarget: boolean): void {
  const path = ["jobs", name];
  if (typeof job.uses === "string") checkUses(look, [...path, "uses"], job.uses);
  const steps = list(job.steps).map(node);
  const minutes = job["timeout-minutes"];
  if (steps.length > 0 && minutes === undefined)
    complain(
      look,
      [...path, "steps"],
      "timeout",
      `The job ${name} may hang for ${LONGEST_MINUTES / 60} hours: give it timeout-minutes.`,
    );
  if (typeof minutes === "number" && minutes > LONGEST_MINUTES)
    complain(look, [...path, "timeout-minutes"], "timeout", `GitHub ends a job after ${LONGEST_MINUTES} minutes.`);
  steps.forEach((step, i) => {
    checkStep(look, [...path, "steps", i], step, isTarget);
  });
}

function checkStep(look: Look, path: Path, step: Node, isTarget: boolean): void {
  if (typeof step.uses === "string") {
    checkUses(look, [...path, "uses"], step.uses);
    if (isTarget && step.uses.startsWith("actions/checkout@"))
      complain(
        look,
        [...path, "uses"],
        "target",
        "pull_request_target runs with secrets: checking a stranger's code out there hands them over. Use pull_request.",
      );
  }
  const scripts: (readonly [Path, unknown])[] = [
    [[...path, "run"], step.run],
    [[...path, "with", "script"], node(step.with).script],
  ];
  for (const [at, script] of scripts) if (typeof script === "string") checkScript(look, at, script);
}

function checkUses(look: Look, path: Path, uses: string): void {
  if (uses.startsWith("./")) return;
  if (uses.startsWith("docker://")) {
    if (!/@sha256:[0-9a-f]{64}$/.test(uses))
      complain(look, path, "pin", `${uses} may become another image: pin it by @sha256.`);
    return;
  }
  const [, ref = ""] = uses.split("@");
  if (!/^[0-9a-f]{40}$/.test(ref)) {
    complain(
      look,
      path,
      "pin",
      `${uses} may become other code: pin it to a commit's 40 digits, with the version behind it.`,
    );
    return;
  }
  const line = look.text.split("\n")[(look.lineOf(path) ?? 1) - 1] ?? "";
  if (!/#\s*\S/.test(line))
    complain(look, path, "pin", "Nobody can tell which version this commit is: write it behind, as in `# v4.2.2`.");
}

/** Of the event, these are digits or hexadecimal: nobody can write a command into them. */
const PLAIN =
  /^github\.event\.(number|before|after|action|(pull_request|issue|release|comment|review|workflow_run|deployment|repository)\.(number|id|head\.sha|base\.sha|merge_commit_sha|head_sha))$/;
const STRANGE = /^(github\.event(\.|\[)|github\.(head_ref|ref_name|base_ref)\b|inputs(\.|\[))/;

/** What strangers write (titles, branch names, messages) becomes part of the script before the shell reads it. */
function checkScript(look: Look, path: Path, script: string): void {
  for (const [, expression = ""] of script.matchAll(/\$\{\{([\s\S]*?)\}\}/g)) {
    const named = expression.match(/[A-Za-z_][\w-]*(?:\.[\w*-]+|\[[^\]]*\])*/g) ?? [];
    const strange = named.find((name) => STRANGE.test(name) && !PLAIN.test(name));
    if (strange)
      complain(
        look,
        path,
        "injection",
        `\${{ ${strange} }} puts a stranger's text into the script: hand it over by \`env:\`, and write "$NAME".`,
      );
  }
}
