import { spawn } from "node:child_process";
import type { LoggedCommit } from "@latchkey/core/insights/import/git-graph";
import type { GitTag } from "@latchkey/core/insights/import/git-log";
import { tellingLines } from "@latchkey/core/insights/import/git-messages";
import { CliError, wrongUse } from "../problem.ts";

/** Fields of a commit, each ended by a NUL, which no message of a commit can hold: a title can't be taken for a field. */
const FORMAT = ["%H", "%P", "%at", "%ct", "%s", "%b"].map((field) => `${field}%x00`);
const FIELDS = FORMAT.length;
const SAID_MAX = 4_000;

/** What git says on a folder. Nothing of the user's settings changes the form of it, and nothing is asked for. */
async function git(cwd: string, args: readonly string[], take: (text: string) => void): Promise<void> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_"));
  const env = { ...Object.fromEntries(own), LC_ALL: "C", GIT_TERMINAL_PROMPT: "0", GIT_OPTIONAL_LOCKS: "0" };
  const settings = ["-c", "log.showSignature=false", "-c", "i18n.logOutputEncoding=UTF-8"];
  const child = spawn("git", ["--no-pager", "--no-replace-objects", ...settings, ...args], {
    ...{ cwd, env, stdio: ["ignore", "pipe", "pipe"] },
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-SAID_MAX);
  });
  child.stdout.setEncoding("utf8").on("data", take);
  const ended = await new Promise<number | null>((resolve, reject) => {
    child.on("error", () => reject(failed(`There is no git, or no folder ${cwd}.`)));
    child.on("close", resolve);
  });
  if (ended !== 0) throw failed(said.trim() || `git ${args[0]} failed.`);
}
const failed = (detail: string): CliError =>
  new CliError({
    ...{ code: "LK_CLI_GIT", title: "The repository can't be read", detail },
    remedy: "Name the folder of a repository that `git log` works in.",
  });

async function answer(cwd: string, args: readonly string[]): Promise<string> {
  let text = "";
  await git(cwd, args, (more) => {
    text += more;
  });
  return text.trim();
}

/** The names between NULs, as they come. */
function parts(take: (part: string) => void): (text: string) => void {
  let rest = "";
  return (text) => {
    const found = (rest + text).split("\0");
    rest = found.pop() ?? "";
    for (const part of found) take(part);
  };
}

/** The commit that a branch (or any name of git's) stands for; without one `main`, `master`, or what is checked out. */
export async function tipOf(cwd: string, branch: string | undefined): Promise<{ name: string; sha: string }> {
  if ((await answer(cwd, ["rev-parse", "--is-shallow-repository"])) === "true")
    throw wrongUse(
      `${cwd} has only the end of its history, so that what a deployment brought can't be told.`,
      "Fetch the rest first: git fetch --unshallow.",
    );
  for (const name of branch === undefined ? ["main", "master", "HEAD"] : [branch]) {
    const sha = await answer(cwd, ["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`]).catch(
      () => "",
    );
    if (sha !== "") return { name, sha };
  }
  throw wrongUse(
    `There is no commit ${branch ?? "yet"} in ${cwd}.`,
    "`git branch --all` shows the branches: --branch main.",
  );
}

/** Every commit that a tip holds. `heard` is told how many there are so far. */
export async function readLog(cwd: string, tip: string, heard: (commits: number) => void): Promise<LoggedCommit[]> {
  const log: LoggedCommit[] = [];
  let fields: string[] = [];
  const take = parts((part) => {
    fields.push(part);
    if (fields.length < FIELDS) return;
    const [sha = "", parents = "", authored, committed, title = "", body = ""] = fields;
    fields = [];
    log.push({
      // git puts a line's end between two commits.
      ...{ sha: sha.trim(), parents: parents === "" ? [] : parents.split(" "), title, body: tellingLines(body) },
      ...{ authoredAtMs: Number(authored) * 1_000, committedAtMs: Number(committed) * 1_000 },
    });
    if (log.length % 1_000 === 0) heard(log.length);
  });
  await git(
    cwd,
    ["log", "--no-color", "--no-notes", "--no-decorate", `--format=tformat:${FORMAT.join("")}`, tip],
    take,
  );
  return log;
}

/** The commits that changed something below a path, also those of branches that were merged; a merge changes nothing itself. */
export async function readTouched(cwd: string, tip: string, path: string): Promise<ReadonlySet<string>> {
  const touched = new Set<string>();
  const args = ["log", "--full-history", "--no-merges", "--format=tformat:%H%x00", tip, "--", path];
  await git(
    cwd,
    args,
    parts((sha) => touched.add(sha.trim())),
  );
  return touched;
}

const TAG = ["refname:strip=2", "objectname", "*objectname", "creatordate:unix"].map((field) => `%(${field})%00`);

export async function readTags(cwd: string): Promise<readonly GitTag[]> {
  const tags: GitTag[] = [];
  let fields: string[] = [];
  const take = parts((part) => {
    fields.push(part.trim());
    if (fields.length < TAG.length) return;
    const [name = "", object = "", peeled = "", at] = fields;
    fields = [];
    tags.push({ name, commit: peeled || object, atMs: Number(at) * 1_000 });
  });
  await git(cwd, ["for-each-ref", `--format=${TAG.join("")}`, "refs/tags"], take);
  return tags;
}

/**
 * `owner/name` of where it was cloned from, or the folder of the repository itself, which all its worktrees have in common.
 * Never what stands before it: that may hold a password.
 */
export async function repositoryName(cwd: string): Promise<string> {
  const url = await answer(cwd, ["config", "--get", "remote.origin.url"]).catch(() => "");
  const name = /[/:]([\w.-]+\/[\w.-]+?)(?:\.git)?\/?$/.exec(url)?.[1];
  if (name !== undefined) return name;
  const folder = await answer(cwd, ["rev-parse", "--path-format=absolute", "--git-common-dir"]);
  return /([^/\\]+?)(?:[/\\]\.git|\.git)?[/\\]?$/.exec(folder)?.[1] ?? "repository";
}
