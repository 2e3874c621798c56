import { resolve } from "node:path";
import { type GitFacts, type GitHistory, gitFacts } from "@latchkey/core/insights/import/git-log";
import { type Command, Option } from "commander";
import { addCommand, type Call, type Outcome } from "../command.ts";
import { readLog, readTags, readTouched, repositoryName, tipOf } from "../import/git.ts";
import { addImportOptions, checkNames, dayOption, type ImportOptions } from "../import/options.ts";
import { factSender, type Sent, sendAll, sentWords } from "../import/sending.ts";
import { openProgress, type Progress } from "../progress.ts";
import type { Terminal } from "../terminal.ts";
import { facts as rows, type Style } from "../text.ts";

interface GitOptions extends ImportOptions {
  readonly deployments: "tags" | "first-parent";
  readonly tags?: readonly string[];
  readonly branch?: string;
  readonly path?: string;
  readonly since?: string;
  readonly repository?: string;
}
const TAGS = ["v*", "release-*"] as const;
const ASIDE_SHOWN = 5;

export function addImportGit(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<GitOptions>(group, terminal, outcome, {
    usage: "git <path>",
    about: "take in commits, pull requests and deployments from a repository's history",
    more: "A deployment is a tag, or each state of the branch. What it brought is exact: what `git rev-list` names between it and the one before; of the first one it is not known. A revert of what was deployed makes its deployment a hotfix, and the one that brought it a failure. To import again is harmless: what is known stays as it is.",
    options: (command) =>
      addImportOptions(command)
        .addOption(
          new Option("--deployments <what>", "what is a deployment: a tag, or each state of the branch")
            .choices(["tags", "first-parent"])
            .default("tags"),
        )
        .option("--tags <patterns...>", `which tags are deployments (${TAGS.join(" ")})`)
        .option("--branch <name>", "the branch that is deployed (main, else master, else what is checked out)")
        .option("--path <path>", "in a repository of several services: where this one is")
        .option("--since <date>", "only deployments from then on")
        .option("--repository <name>", "what the repository is called (owner/name of where it was cloned from)"),
    examples: [
      ["latchkey import git . --service leads --dry-run", "what would be taken in"],
      ["latchkey import git ../shop --service leads --path apps/leads --tags 'leads-v*'", "of several services one"],
      ["latchkey import git . --service leads --deployments first-parent --since 2026-01-01", "each merge is deployed"],
    ],
    run: importGit,
  });
}

async function importGit(call: Call<GitOptions>): Promise<number> {
  const { options } = call;
  checkNames({ service: options.service, environment: options.environment });
  const session = call.session();
  const progress = openProgress(session, "err");
  let found: GitFacts;
  let history: GitHistory;
  let sent: Sent | null = null;
  try {
    history = await readHistory(call, progress);
    found = gitFacts(history);
    if (!options.dryRun) sent = await sendAll(found.facts, factSender(session), progress);
  } finally {
    progress.end();
  }
  const { facts, ...counts } = found;
  session.print({ repository: history.repository, tip: history.tip, ...counts, facts: facts.length, sent }, () =>
    wordsOf(found, history, sent, session.style),
  );
  return 0;
}

async function readHistory({ args, options, terminal }: Call<GitOptions>, progress: Progress): Promise<GitHistory> {
  const { service, environment, deployments, path } = options;
  const sinceMs = options.since === undefined ? null : dayOption(options.since, "--since");
  const cwd = resolve(terminal.cwd, args[0] ?? "");
  const tip = await tipOf(cwd, options.branch);
  progress.line(`Reading ${tip.name} of ${cwd}`);
  const repository = options.repository ?? (await repositoryName(cwd));
  const log = await readLog(cwd, tip.sha, (commits) => progress.standing(`Read ${commits} commits`, "reading"));
  const touched = path === undefined ? null : { path, commits: await readTouched(cwd, tip.sha, path) };
  return {
    ...{ source: `git:${repository}`, service, environment, repository, log, tip: tip.sha, touched, sinceMs },
    tags: deployments === "tags" ? await readTags(cwd) : [],
    deployments: deployments === "tags" ? { by: "tags", patterns: options.tags ?? TAGS } : { by: "first-parent" },
  };
}

function wordsOf(found: GitFacts, history: GitHistory, sent: Sent | null, style: Style): string {
  const aside = found.tagsAside;
  const shown = aside.slice(0, ASIDE_SHOWN).join(", ") + (aside.length > ASIDE_SHOWN ? ", ..." : "");
  const told = rows(
    [
      ["repository", history.repository],
      ["commits", String(found.commits)],
      ["pull requests", String(found.pullRequests)],
      [
        "deployments",
        `${found.deployments}${found.hotfixes > 0 ? `, of which ${found.hotfixes} took something back` : ""}`,
      ],
      ["facts", sentWords(found.facts.length, sent)],
    ],
    style,
  );
  const notes = [
    ...(aside.length > 0
      ? [`Left out, as they are not on the branch's own line: ${aside.length} tags (${shown}).`]
      : []),
    ...(found.deployments === 0 ? [noneWords(history)] : []),
  ];
  return [told, ...notes.map((note) => style.warn(note))].join("\n");
}

const noneWords = ({ deployments, touched }: GitHistory): string => {
  if (deployments.by === "tags")
    return `No deployment: no tag on the branch is called ${deployments.patterns.join(" or ")}. Name them with --tags, or say --deployments first-parent.`;
  return touched ? `No deployment: nothing on the branch touched ${touched.path}.` : "No deployment since then.";
};
