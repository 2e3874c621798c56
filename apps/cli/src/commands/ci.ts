import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { ApiError } from "@latchkey/api/client";
import { type Command, Option } from "commander";
import { type Ci, ciFrom } from "../ci/environment.ts";
import { annotation, reasonOf, summaryOf } from "../ci/report.ts";
import { type CiToken, ciToken, withToken } from "../ci/token.ts";
import { addCommand, addGroup, type Call, durationOption, type Outcome } from "../command.ts";
import { endingWords, followDeployment } from "../follow.ts";
import { CliError, EXIT, wrongUse } from "../problem.ts";
import { type Deployment, isPromoted, isUnderWay } from "../rollout-words.ts";
import { type GlobalOptions, openSession, type Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { duration } from "../text.ts";
import { addLint } from "./ci-lint.ts";
import { readReport } from "./gates.ts";

interface CiOptions {
  readonly environment: string;
  readonly commit?: string;
  readonly audience?: string;
  readonly ifBusy: "refuse" | "batch" | "queue" | "supersede";
  readonly timeout: string;
  readonly deploy: boolean;
  readonly evidence: readonly string[];
}

const POLL_MS = 2_000;

export function addCi(program: Command, terminal: Terminal, outcome: Outcome): void {
  const group = addGroup(program, {
    name: "ci",
    about: "work in a pipeline: ask for a deployment, wait for the verdict, check workflows",
    group: "Bring a repository in:",
    examples: [
      ["latchkey ci leads", "in any pipeline: deploy leads, and wait until it is promoted or over"],
      ["latchkey ci lint", "check the workflows of this repository"],
    ],
  });
  addCommand<CiOptions>(group, terminal, outcome, {
    usage: "run <service>",
    about: "ask for a deployment of the pipeline's commit and wait until it is promoted or over",
    more: "Finds GitHub Actions, GitLab CI and most others by their variables. On GitHub a run with `id-token: write` needs no secret; elsewhere set LATCHKEY_TOKEN to a token of role ci. A service that deploys what is merged by itself (github.deployOnMerge) is only followed. For a pull request evidence is sent, and nothing is deployed. Exit codes: 0 promoted; 3 not deployed, rolled back, another commit than this one, or not done within --timeout; 1, 2 and 4 as for all commands.",
    isDefault: true,
    options: (command) =>
      command
        .option("--environment <name>", "where to", "production")
        .option("--commit <sha>", "the commit, where the pipeline does not say it")
        .option("--audience <address>", "for whom GitHub's proof is, where the server has another address than --url")
        .addOption(
          new Option("--if-busy <what>", "when another rollout is under way")
            .choices(["refuse", "batch", "queue", "supersede"])
            .default("queue"),
        )
        .option("--timeout <time>", "stop waiting after this time (exit code 3)", "45m")
        .option(
          "--evidence <gate=file>",
          "send a report to a gate of this commit first; may be given several times",
          (given: string, before: readonly string[]) => [...before, given],
          [] as readonly string[],
        )
        .option("--no-deploy", "ask for no deployment: only send the evidence"),
    examples: [
      ["latchkey ci leads", "deploy, wait, and let the exit code tell"],
      ["latchkey ci leads --environment staging --timeout 20m", "somewhere else, and for less long"],
      ["latchkey ci leads --evidence tests=reports/junit.xml", "with a report for the gate named tests"],
      ["latchkey ci leads --evidence tests=junit.xml --no-deploy", "for a pull request: the report alone"],
    ],
    run,
  });
  addLint(group, terminal, outcome);
}

async function run({ args, options, terminal }: Call<CiOptions>): Promise<number> {
  const service = args[0] ?? "";
  const timeoutMs = durationOption(options.timeout, "--timeout");
  const found = ciFrom(terminal.env, (file) => (existsSync(file) ? readFileSync(file, "utf8") : null));
  const ci = { ...found, commit: options.commit ?? found.commit };
  if (ci.commit === null)
    throw wrongUse(
      "Nothing here says which commit this is.",
      "Add --commit <sha>, such as --commit $(git rev-parse HEAD).",
    );
  if (!/^[0-9a-f]{7,64}$/.test(ci.commit))
    throw wrongUse(`--commit ${ci.commit} is no commit.`, "It is 7 to 64 of 0-9 and a-f.");
  if (!options.json)
    terminal.out(
      `${ci.system === "none" ? "No pipeline" : ci.system}: commit ${ci.commit.slice(0, 10)}${ci.branch ? ` of ${ci.branch}` : ""}.\n`,
    );
  const reports = readEvidence(terminal, options.evidence);
  const open = () => signIn(terminal, { ...options, service });
  if (ci.isProposal || !options.deploy) {
    if (reports.length > 0) await sendEvidence((await open()).session, { service, ci, reports });
    const words = ci.isProposal
      ? "This is a proposal: nothing is deployed before it is merged."
      : "Nothing was asked for.";
    terminal.out(options.json ? `${JSON.stringify({ ci, deployment: null })}\n` : `${words}\n`);
    return EXIT.done;
  }
  const { session, token } = await open();
  await sendEvidence(session, { service, ci, reports });
  const deploymentId = await deploymentFor(session, { service, ci, options, timeoutMs });
  const last = await waitFor(session, {
    deploymentId,
    timeoutMs,
    again: token.isOfThisRun ? async () => (await open()).session : null,
  });
  return tell(session, ci, last);
}

interface Report {
  readonly gate: string;
  readonly text: string;
}

/** Reads all reports before anything is asked for: a missing one is no evidence, and no reason to deploy without it. */
function readEvidence(terminal: Terminal, pairs: readonly string[]): Report[] {
  return pairs.map((pair) => {
    const at = pair.indexOf("=");
    const [gate, file] = [pair.slice(0, at), pair.slice(at + 1)];
    if (at < 1 || file === "")
      throw wrongUse(
        `--evidence ${pair} is no pair.`,
        "Write a gate's name and a file: --evidence tests=reports/junit.xml.",
      );
    return { gate, text: readReport(resolve(terminal.cwd, file), file) };
  });
}

async function sendEvidence(
  session: Session,
  o: { service: string; ci: Ci; reports: readonly Report[] },
): Promise<void> {
  for (const { gate, text } of o.reports) {
    await session.client.submitEvidence({
      params: { ...session.main, service: o.service },
      body: { gate, commit: o.ci.commit ?? "", report: text, ...(o.ci.url ? { url: o.ci.url } : {}) },
    });
    if (!session.json) session.terminal.out(`Sent to the gate ${gate}: ${text.length} characters.\n`);
  }
}

async function signIn(
  terminal: Terminal,
  o: CiOptions & GlobalOptions & { service: string },
): Promise<{ session: Session; token: CiToken }> {
  const token = await ciToken(terminal, o);
  if (!token)
    throw new CliError({
      code: "LK_CLI_OIDC",
      title: "No token",
      detail: "This pipeline has no token.",
      remedy:
        "On GitHub give the job `permissions: id-token: write`; elsewhere set LATCHKEY_TOKEN to a token of role ci (latchkey tokens create).",
    });
  // A secret that turns up in a log is covered by GitHub.
  if (terminal.env.GITHUB_ACTIONS === "true") terminal.err(`::add-mask::${token.secret}\n`);
  return { session: openSession(withToken(terminal, token.secret), o), token };
}

/** The deployment of this commit: asked for, or, where merges are deployed by themselves, the one that came of it. */
async function deploymentFor(
  session: Session,
  o: { service: string; ci: Ci; options: CiOptions; timeoutMs: number },
): Promise<string> {
  const params = { ...session.main, service: o.service };
  const { config } = await session.client.getService({ params });
  if (!config.github?.deployOnMerge) {
    const { environment, ifBusy } = o.options;
    const made = await session.client.ship({ params, body: { environment, ifBusy, reason: reasonOf(o.ci) } });
    if (!session.json) session.terminal.out(`Shipping ${o.service} to ${made.environment} (${made.id})\n`);
    return made.id;
  }
  if (!session.json) session.terminal.out(`${o.service} deploys what is merged by itself; waiting for this commit.\n`);
  const until = session.terminal.now() + o.timeoutMs;
  while (session.terminal.now() < until) {
    const change = await changeOf(session, o.service, o.ci.commit ?? "");
    if (change?.deploymentId) return change.deploymentId;
    await session.terminal.pause(POLL_MS);
  }
  throw late(
    `Nothing was deployed of commit ${o.ci.commit} within ${duration(o.timeoutMs)}.`,
    `See what is in its way: ${session.baseUrl}/pipeline`,
  );
}

async function changeOf(session: Session, service: string, commit: string) {
  try {
    return await session.client.getChange({ params: { ...session.main, service, change: commit } });
  } catch (error) {
    // The server has not fetched the commit yet.
    if (error instanceof ApiError && error.problem.status === 404) return null;
    throw error;
  }
}

async function waitFor(
  first: Session,
  o: { deploymentId: string; timeoutMs: number; again: (() => Promise<Session>) | null },
): Promise<Deployment> {
  const until = first.terminal.now() + o.timeoutMs;
  for (let session = first; ; ) {
    try {
      const left = until - first.terminal.now();
      const { end, last } = await followDeployment(session, o.deploymentId, Math.max(1, left));
      if (last && !isUnderWay(last.status)) return last;
      throw late(
        `Deployment ${o.deploymentId} is not done${end === "interrupted" ? "" : ` after ${duration(o.timeoutMs)}`}. It goes on.`,
        `Follow it: latchkey deployment ${o.deploymentId} --wait`,
      );
    } catch (error) {
      // A run's token is good for minutes, and a rollout may take hours.
      if (!(error instanceof ApiError && error.problem.status === 401 && o.again)) throw error;
      session = await o.again();
    }
  }
}

const late = (detail: string, remedy: string) =>
  new CliError({ code: "LK_CLI_TIMEOUT", title: "Not done in time", detail, remedy, exitCode: EXIT.notDeployed });

function tell(session: Session, ci: Ci, last: Deployment): number {
  const { terminal } = session;
  session.print({ ci, deployment: last }, () => endingWords(last, session));
  const built = last.release?.commit ?? null;
  const isOther = isPromoted(last.status) && built !== null && ci.commit !== null && !isSame(built, ci.commit);
  const otherWords = `Release ${last.release?.number} is of commit ${built?.slice(0, 10)}, and this run is of ${ci.commit?.slice(0, 10)}: the server's working tree holds another commit. Pull there, or connect the service with GitHub.`;
  if (isOther) terminal.err(`${otherWords}\n`);
  if (ci.system === "GitHub Actions") {
    const isGood = isPromoted(last.status) && !isOther;
    // On standard error: GitHub reads both, and with --json standard output is the answer's.
    terminal.err(
      annotation(
        isGood ? "notice" : "error",
        `${last.service} in ${last.environment}`,
        isOther ? otherWords : last.words,
      ),
    );
    const file = terminal.env.GITHUB_STEP_SUMMARY;
    if (file) appendFileSync(file, summaryOf(last, `${session.baseUrl}/deployments/${last.id}`));
  }
  return isPromoted(last.status) && !isOther ? EXIT.done : EXIT.notDeployed;
}

const isSame = (a: string, b: string): boolean => a.startsWith(b) || b.startsWith(a);
