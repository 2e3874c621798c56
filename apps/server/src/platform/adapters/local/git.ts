import type { CommitInfo, SourceState } from "@latchkey/core/delivery/ports";
import { baseEnvironment, runCommand } from "./command.ts";

const FIELD = "\u001f";
/** 200 commits with long subjects: a list that is cut would begin in the middle of one. */
const OUTPUT_MAX = 1_000_000;

async function git(cwd: string, args: readonly string[]): Promise<string | null> {
  const result = await runCommand(["git", ...args], {
    cwd,
    env: baseEnvironment(),
    timeoutMs: 10_000,
    outputMax: OUTPUT_MAX,
  });
  return result.outcome === "passed" ? result.output.trim() : null;
}

/** Where the working tree stands; a folder outside git has no commit and counts as dirty. */
export async function sourceState(cwd: string): Promise<SourceState> {
  const head = await git(cwd, ["log", "-1", `--format=%H${FIELD}%s${FIELD}%an`]);
  if (head === null) return { commit: null, branch: null, message: "", author: "", dirty: true };
  const [commit = null, message = "", author = ""] = head.split(FIELD);
  const branch = await git(cwd, ["rev-parse", "--abbrev-ref", "HEAD"]);
  const status = await git(cwd, ["status", "--porcelain", "--", "."]);
  return { commit, branch, message, author, dirty: status !== "" };
}

/** The commit that a hash, or the beginning of one, is of here; null where there is none. */
export async function commitIn(cwd: string, hash: string): Promise<string | null> {
  return git(cwd, ["rev-parse", "--verify", "--quiet", "--end-of-options", `${hash}^{commit}`]);
}

/** Whether `older` is `newer` or in its history; false where git does not know both. */
export async function isAncestor(cwd: string, older: string, newer: string): Promise<boolean> {
  return (await git(cwd, ["merge-base", "--is-ancestor", older, newer])) !== null;
}

/** The commits to the folder after `from` up to `to`, newest first, at most 200; without `from` the newest one only. */
export async function commitsBetween(cwd: string, from: string | null, to: string | null): Promise<CommitInfo[]> {
  if (!to || from === to) return [];
  const range = from ? ["-200", `${from}..${to}`] : ["-1", to];
  const log = await git(cwd, ["log", `--format=%H${FIELD}%s${FIELD}%an${FIELD}%cI`, ...range, "--", "."]);
  if (!log) return [];
  return log.split("\n").map((line) => {
    const [commit = "", message = "", author = "", at = ""] = line.split(FIELD);
    return { commit, message, author, at };
  });
}

/** What came to a branch: the commits that its pull requests were merged as, and who had a hand in any commit. */
export interface CameToBranch {
  /** Newest first, at most 200: only the branch's own steps, a merge and not the commits that it brought. */
  readonly steps: readonly string[];
  /** Whoever committed what others wrote, and whom a commit names as another author. In clear. */
  readonly hands: readonly string[];
}

/** What came to the folder after `from` up to `to`; without `from`, with the newest commit only. */
export async function cameToBranch(cwd: string, from: string | null, to: string | null): Promise<CameToBranch> {
  if (!to || from === to) return { steps: [], hands: [] };
  const range = from ? ["-200", `${from}..${to}`] : ["-1", to];
  const steps = await git(cwd, ["log", "--first-parent", "--full-history", "--format=%H", ...range, "--", "."]);
  const hands = await git(cwd, [
    ...["log", `--format=%cn%n%(trailers:key=Co-authored-by,valueonly)`, ...range],
    ...["--", "."],
  ]);
  const linesOf = (text: string | null) => (text ?? "").split("\n").filter((line) => line !== "");
  return { steps: linesOf(steps), hands: [...new Set(linesOf(hands).map((line) => line.replace(/\s*<.*$/, "")))] };
}

/** The tree without a file, which every repository knows. */
const EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
const DIFF_MAX = 50_000_000;

/** See the port `Differences`. A diff of more than 50 million characters is not known. */
export async function diffOf(cwd: string, from: string | null, to: string | null): Promise<string | null> {
  const options = ["--unified=0", "--no-color", "--no-ext-diff", "--no-renames", "--src-prefix=a/", "--dst-prefix=b/"];
  const result = await runCommand(["git", "diff", ...options, from ?? EMPTY_TREE, ...(to ? [to] : []), "--", "."], {
    ...{ cwd, env: baseEnvironment(), timeoutMs: 60_000, outputMax: DIFF_MAX },
  });
  return result.outcome === "passed" && result.output.length < DIFF_MAX ? result.output : null;
}
