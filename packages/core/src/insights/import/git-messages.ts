import type { LoggedCommit } from "./git-graph.ts";

/** A pull request as its commit on the main branch tells of it. */
export interface NamedPullRequest {
  readonly number: number;
  readonly title: string;
}

const MERGES = [
  /** GitHub. */
  /^Merge pull request #(\d+) from \S/,
  /** Bitbucket. */
  /^Merged in .+ \(pull request #(\d+)\)$/,
];
/** GitLab names the merge request below a title of its own. */
const GITLAB = /^See merge request \S*!(\d+)$/m;
const SQUASHED = /^(.*\S) \(#(\d+)\)$/;
/** Azure. */
const NUMBERED = /^Merged PR (\d+): (.+)$/;

/** The pull request that a commit is the merge of, by what hosts write into its message; null when it names none. */
export function pullRequestIn({ title, body, parents }: LoggedCommit): NamedPullRequest | null {
  if (parents.length > 1) {
    const merged = MERGES.map((pattern) => pattern.exec(title)?.[1]).find((found) => found !== undefined);
    const number = merged ?? GITLAB.exec(body)?.[1];
    if (number !== undefined)
      return { number: Number(number), title: body.split("\n").find((line) => line.trim() !== "") ?? title };
  }
  const squashed = SQUASHED.exec(title);
  if (squashed) return { number: Number(squashed[2]), title: squashed[1] ?? title };
  const numbered = NUMBERED.exec(title);
  return numbered ? { number: Number(numbered[1]), title: numbered[2] ?? title } : null;
}

const REVERTS = /\bThis reverts commit ([0-9a-f]{7,64})\b/gi;
const REVERTS_PULL = /^Reverts (?:[\w.-]+\/[\w.-]+)?[#!](\d+)\s*$/gm;

/** Which commits and pull requests a message says it takes back, as it names them. */
export function revertsIn({ body }: LoggedCommit): { readonly commits: string[]; readonly pullRequests: number[] } {
  return {
    commits: [...body.matchAll(REVERTS)].map((found) => (found[1] ?? "").toLowerCase()),
    pullRequests: [...body.matchAll(REVERTS_PULL)].map((found) => Number(found[1])),
  };
}

/** Whether a name fits one of the patterns: `*` is anything, `?` one character, all else itself. */
export function fitsPattern(name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => {
    const parts = [...pattern].map((c) => (c === "*" ? ".*" : c === "?" ? "." : c.replace(/[.+^${}()|[\]\\]/, "\\$&")));
    return new RegExp(`^${parts.join("")}$`, "s").test(name);
  });
}

/** The lines of a message's body that anything is read from: a long history is kept in memory without the rest. */
export function tellingLines(body: string): string {
  const lines = body.split("\n");
  const first = lines.findIndex((line) => line.trim() !== "");
  const told = lines.filter((line, i) => i === first || /this reverts commit|^reverts |^see merge request/i.test(line));
  return told.join("\n");
}
