import { baseEnvironment, runCommand } from "./command.ts";

export interface SourceState {
  readonly commit: string | null;
  readonly branch: string | null;
  readonly message: string;
  readonly author: string;
  readonly dirty: boolean;
}
export interface CommitInfo {
  readonly commit: string;
  readonly message: string;
  readonly author: string;
  readonly at: string;
}
const FIELD = "\u001f";

async function git(cwd: string, args: readonly string[]): Promise<string | null> {
  const result = await runCommand(["git", ...args], { cwd, env: baseEnvironment(), timeoutMs: 10_000 });
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

/** The commits of `path` after `from` up to `to`, newest first, at most 200. */
export async function commitsBetween(cwd: string, from: string | null, to: string | null): Promise<CommitInfo[]> {
  if (!to) return [];
  const range = from && from !== to ? `${from}..${to}` : `${to}~1..${to}`;
  const log = await git(cwd, [
    "log",
    "-200",
    `--format=%H${FIELD}%s${FIELD}%an${FIELD}%cI`,
    from === to ? "-0" : range,
    "--",
    ".",
  ]);
  if (!log) return [];
  return log.split("\n").map((line) => {
    const [commit = "", message = "", author = "", at = ""] = line.split(FIELD);
    return { commit, message, author, at };
  });
}
