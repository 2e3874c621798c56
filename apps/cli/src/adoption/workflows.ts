import { LineCounter, parseDocument } from "yaml";
import { advice, type Finding, found } from "./findings.ts";
import type { Listing } from "./listing.ts";

/** GitHub's workflows and Dependabot's configuration: read, never changed. */
export function readGitHub(listing: Listing): Finding[] {
  const workflows = listing.paths.filter((path) => /^\.github\/workflows\/[^/]+\.ya?ml$/.test(path));
  const dependabot = listing.paths.filter((path) => /^\.github\/dependabot\.ya?ml$/.test(path));
  return [
    ...workflows.flatMap((file) => workflowFindings(file, listing.text(file) ?? "")),
    ...dependabot.flatMap((file) => dependabotFindings(file, listing.text(file) ?? "")),
  ];
}

function workflowFindings(file: string, text: string): Finding[] {
  const read = readYaml(file, text);
  if ("kind" in read) return [{ ...read, words: `${read.words} GitHub does not run it either. It was left alone.` }];
  const { value } = read;
  const of = (value ?? {}) as { name?: unknown; jobs?: unknown };
  const jobs = typeof of.jobs === "object" && of.jobs !== null ? Object.keys(of.jobs) : [];
  if (jobs.length === 0) return [{ kind: "unreadable", file, line: 1, words: "It has no jobs. It was left alone." }];
  const name = typeof of.name === "string" ? of.name : file;
  const deploys = /\bnetlify\b.*\bdeploy\b|actions-netlify|netlify-cli/.test(text);
  return [
    found(
      `The workflow "${name}" has ${jobs.length === 1 ? "the job" : "the jobs"} ${jobs.join(", ")}. It stays as it is.`,
      file,
    ),
    ...(deploys ? [advice("It deploys to Netlify by itself: with Latchkey both would.", file)] : []),
  ];
}

function dependabotFindings(file: string, text: string): Finding[] {
  const read = readYaml(file, text);
  if ("kind" in read) return [{ ...read, words: `${read.words} It was left alone.` }];
  const updates = (read.value as { updates?: unknown } | null)?.updates;
  if (!Array.isArray(updates))
    return [{ kind: "unreadable", file, line: 1, words: "It has no list of updates. It was left alone." }];
  const empty = updates.flatMap((update, i) => {
    const ecosystem = (update as { "package-ecosystem"?: unknown } | null)?.["package-ecosystem"];
    if (typeof ecosystem === "string" && ecosystem !== "") return [];
    const line = read.lineOf(["updates", i, "package-ecosystem"]);
    return [
      advice(
        `Dependabot updates nothing: package-ecosystem is empty. For this repository it is "npm". It was left alone.`,
        file,
        line,
      ),
    ];
  });
  return empty.length > 0 ? empty : [found("Dependabot is set up.", file)];
}

interface ReadYaml {
  readonly value: unknown;
  readonly lineOf: (path: readonly (string | number)[]) => number | null;
}

/** A YAML file as data, with the lines of its values; a finding when it is none. */
export function readYaml(file: string, text: string): ReadYaml | Finding {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: true, logLevel: "error" });
  const [error] = document.errors;
  if (error) {
    const [why = ""] = error.message.split(/ at line \d+/);
    const line = error.linePos?.[0].line ?? 1;
    return { kind: "unreadable", file, line, words: `It is no valid YAML: ${why.replace(/[.:]*$/, "")}.` };
  }
  let value: unknown;
  try {
    value = document.toJS();
  } catch (cause) {
    // Aliases that lead nowhere, or that would make gigabytes of a few lines.
    const why = cause instanceof Error ? cause.message : String(cause);
    return { kind: "unreadable", file, line: 1, words: `It is no valid YAML: ${why.replace(/[.:]*$/, "")}.` };
  }
  return {
    value,
    lineOf: (path) => {
      const node = document.getIn(path, true) as { range?: [number, number, number] } | undefined;
      return node?.range ? lines.linePos(node.range[0]).line : null;
    },
  };
}
