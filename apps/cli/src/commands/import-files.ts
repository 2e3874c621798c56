import { resolve } from "node:path";
import type { Fact } from "@latchkey/core/insights/history";
import { cdEventsFacts } from "@latchkey/core/insights/import/cdevents";
import { csvFacts } from "@latchkey/core/insights/import/csv";
import { githubPagesFacts, repositoryInPages } from "@latchkey/core/insights/import/github-pages";
import { type Command, Option } from "commander";
import { addCommand, type Call, type Outcome } from "../command.ts";
import { jsonFiles, jsonLines, refused, textOf } from "../import/files.ts";
import { addImportOptions, checkNames, type ImportOptions } from "../import/options.ts";
import { factSender, type Sent, sendAll, sentWords } from "../import/sending.ts";
import { openProgress } from "../progress.ts";
import type { Terminal } from "../terminal.ts";
import { facts as rows } from "../text.ts";

export function addImportFiles(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<ImportOptions>(group, terminal, outcome, {
    usage: "csv <file>",
    about: "take in deployments, changes or incidents from a table",
    more: "The first line names the columns, and the first column says what the lines are: deployment, change or incident, with the name of each. Of deployments `finished_at` is needed, of changes `repository`, of incidents `detected_at`; a wrong name is answered with all that are known. When a line is wrong nothing is taken in. Columns service and environment say more than the options.",
    options: addImportOptions,
    examples: [
      ["latchkey import csv deployments.csv --service leads --dry-run", "is it all right?"],
      ["latchkey import csv incidents.csv --service leads", "its column `deployment` says what caused one"],
    ],
    run: importCsv,
  });
  addCommand<GithubOptions>(group, terminal, outcome, {
    usage: "github <folder>",
    about: "take in pull requests, commits, deployments and releases from pages of GitHub's API",
    more: "The folder holds what `gh api` answers, as it is, in any files *.json: pulls, reviews, commits, deployments, their statuses, releases. A deployment is counted once, however many statuses it has; where there is none, a release is one. A deployment of an older commit is a rollback.",
    options: (command) =>
      addImportOptions(command).addOption(
        new Option("--repository <name>", "owner/name, where the pages don't say it"),
      ),
    examples: [
      ["gh api --paginate '/repos/hidden/shop/pulls?state=closed' > pages/pulls.json", "save pages first"],
      ["latchkey import github pages --service leads --dry-run", "what would be taken in"],
    ],
    run: importGithub,
  });
  addCommand<Omit<ImportOptions, "service">>(group, terminal, outcome, {
    usage: "cdevents <file>",
    about: "take in CDEvents, one JSON a line",
    more: "changes, services deployed, upgraded and rolled back, incidents, and artifacts, by which a service is joined to its commit. Each event names its service. The same event twice is one.",
    options: (command) =>
      command
        .option("--environment <name>", "where an event names none", "production")
        .option("--dry-run", "say what would be taken in, and send nothing"),
    examples: [["latchkey import cdevents events.jsonl --dry-run", "what would be taken in"]],
    run: importCdEvents,
  });
}

interface GithubOptions extends ImportOptions {
  readonly repository?: string;
}

async function importCsv(call: Call<ImportOptions>): Promise<number> {
  const { service, environment } = call.options;
  checkNames({ service, environment });
  const file = resolve(call.terminal.cwd, call.args[0] ?? "");
  const read = csvFacts(textOf(file), { source: `csv:${service}`, service, environment });
  if (!read.ok) throw refused(file, read.error);
  return takeIn(call, read.value, []);
}

async function importGithub(call: Call<GithubOptions>): Promise<number> {
  const { service, environment, repository } = call.options;
  checkNames({ service, environment });
  const folder = resolve(call.terminal.cwd, call.args[0] ?? "");
  const pages = jsonFiles(folder);
  const name = repository ?? repositoryInPages(pages);
  if (name === null)
    throw refused(folder, [
      { place: "", words: "no page says which repository it is of: say --repository owner/name" },
    ]);
  const read = githubPagesFacts(pages, { repository: name, service, environment });
  if (!read.ok) throw refused(folder, read.error);
  const { counts, others, isByRelease } = read.value;
  return takeIn(call, read.value.facts, [
    ...(isByRelease ? [`There is no deployment: each of ${counts.release} releases is taken for one.`] : []),
    ...(others > 0
      ? [`Left out: ${others} that are no pull request, review, commit, deployment, status or release.`]
      : []),
  ]);
}

async function importCdEvents(call: Call<Omit<ImportOptions, "service">>): Promise<number> {
  const { environment } = call.options;
  checkNames({ environment });
  const file = resolve(call.terminal.cwd, call.args[0] ?? "");
  const read = cdEventsFacts(jsonLines(file), { environment });
  if (!read.ok) throw refused(file, read.error);
  return takeIn(call, read.value, []);
}

const NAMED = {
  commit: "commits",
  pull_request: "pull requests",
  deployment: "deployments",
  incident: "incidents",
} as const;

/** Sends the facts, unless it is a rehearsal, and says how many things they are of. */
async function takeIn(
  call: Pick<Call<{ readonly dryRun?: boolean }>, "options" | "session">,
  facts: readonly Fact[],
  notes: readonly string[],
): Promise<number> {
  const session = call.session();
  const progress = openProgress(session, "err");
  let sent: Sent | null = null;
  try {
    if (!call.options.dryRun) sent = await sendAll(facts, factSender(session), progress);
  } finally {
    progress.end();
  }
  const count = (kind: string): number =>
    new Set(facts.filter((fact) => fact.kind === kind).map(({ key }) => key)).size;
  const counts = {
    ...{ commits: count("commit"), pullRequests: count("pull_request") },
    ...{ deployments: count("deployment"), incidents: count("incident") },
  };
  session.print({ ...counts, facts: facts.length, notes, sent }, () => {
    const things = Object.entries(NAMED).map(([kind, name]) => [name, String(count(kind))] as const);
    const told = rows([...things, ["facts", sentWords(facts.length, sent)]], session.style);
    return [told, ...notes.map((note) => session.style.warn(note))].join("\n");
  });
  return 0;
}
