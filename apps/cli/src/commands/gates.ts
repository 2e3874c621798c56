import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { LARGE_BODY_MAX_BYTES } from "@latchkey/api/paths";
import type { Command } from "commander";
import { addCommand, type Outcome } from "../command.ts";
import { addPageOptions, moreWords, type PageOptions, readPages } from "../pages.ts";
import { wrongUse } from "../problem.ts";
import type { Session } from "../session.ts";
import { deploymentOf } from "../targets.ts";
import type { Terminal } from "../terminal.ts";
import { clip, moment, parseDuration, table } from "../text.ts";

const CHANGE = "Change what is served:";
const LOOK = "Look:";
const REPORT_CHARACTERS_MAX = 10_000_000;

/** What people and pipelines say to gates. */
export function addGates(program: Command, terminal: Terminal, outcome: Outcome): void {
  addEvidence(program, terminal, outcome);
  addWaive(program, terminal, outcome);
  addWaivers(program, terminal, outcome);
  addRevoke(program, terminal, outcome);
  addOverride(program, terminal, outcome);
  addCancel(program, terminal, outcome);
}

function addEvidence(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ commit?: string; runUrl?: string }>(program, terminal, outcome, {
    usage: "evidence <service> <gate> <file>",
    about: "send a pipeline's report for a gate that waits for it",
    more: 'The gate must say from: "ci" in the configuration. The report is for one commit: without --commit the one that is checked out here. What was sent before for the same gate and commit gives way.',
    group: CHANGE,
    options: (command) =>
      command
        .option("--commit <id>", "the commit that was checked, whole")
        .option("--run-url <address>", "where the pipeline's run is seen"),
    examples: [
      ['latchkey evidence leads "unit tests" reports/junit.xml', "after the tests, in a pipeline"],
      ["latchkey evidence leads scan scan.sarif --commit $GITHUB_SHA", "for the commit that the pipeline names"],
    ],
    run: async ({ session: open, args, options }) => {
      const [service = "", gate = "", file = ""] = args;
      const report = readReport(resolve(terminal.cwd, file), file);
      const commit = options.commit ?? commitHere(terminal.cwd);
      const session = open();
      const sent = await session.client.submitEvidence({
        params: { ...session.main, service },
        body: { gate, commit, report, ...(options.runUrl ? { url: options.runUrl } : {}) },
      });
      session.print(sent, () => `Sent for commit ${sent.commit.slice(0, 8)}: SHA-256 ${sent.sha256}.`);
      return undefined;
    },
  });
}

/** A report as it is sent: throws where there is none, or more than is taken. */
export function readReport(path: string, file: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    throw wrongUse(`There is no report ${file} that can be read.`, "Name the file that the tool has written.");
  }
  if (text === "") throw wrongUse(`${file} is empty: that is no report.`, "Name the file that the tool has written.");
  if (text.length > REPORT_CHARACTERS_MAX || Buffer.byteLength(JSON.stringify(text)) > LARGE_BODY_MAX_BYTES - 65_536)
    throw wrongUse(`${file} has more than 10 MB, the most that is taken.`, "Send a smaller report, such as a summary.");
  return text;
}

function commitHere(cwd: string): string {
  try {
    return execFileSync("git", ["rev-parse", "HEAD"], {
      cwd,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    throw wrongUse("No commit is checked out here.", "Name the one that was checked: --commit <id>.");
  }
}

function addWaive(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ reason: string; until: string; couldNotRun?: boolean }>(program, terminal, outcome, {
    usage: "waive <target> <gate>",
    about: "let a gate stand that does not pass, until a day; only an owner may",
    more: "The target is a deployment (dep_...) or a service. The waiver holds for every deployment of the service until it ends, at most 90 days from now. A deployment that has failed stays failed: ship again.",
    group: CHANGE,
    options: (command) =>
      command
        .requiredOption("--reason <text>", "why, for the record")
        .requiredOption("--until <time>", "a day (2026-12-24), a time (2026-12-24T12:00:00Z), or how long (8h)")
        .option("--could-not-run", "also where nothing could be checked, or no answer has come"),
    examples: [
      ['latchkey waive leads checks --until 8h --reason "their server is moved"', "for today"],
      ["latchkey waive dep_... scan --until 2026-12-24 --could-not-run --reason why", "although nothing was checked"],
    ],
    run: async ({ session: open, args, options }) => {
      const until = timeOf(options.until, terminal.now());
      const session = open();
      const service = await serviceOf(session, args[0] ?? "");
      const made = await session.client.createWaiver({
        params: { ...session.main, service },
        body: { gate: args[1] ?? "", reason: options.reason, until, couldNotRun: options.couldNotRun ?? false },
      });
      session.print(
        made,
        () =>
          `${made.id}: the gate "${made.gate}" of ${service} is waived until ${moment(made.until)}.\nShip again: latchkey ship ${service} --wait`,
      );
      return undefined;
    },
  });
}

/** Of a deployment its service. */
async function serviceOf(session: Session, target: string): Promise<string> {
  if (!target.startsWith("dep_")) return target;
  return (await session.client.getDeployment({ params: { ...session.main, deploymentId: target } })).service;
}

function timeOf(text: string, nowMs: number): string {
  const spanMs = parseDuration(text);
  // A day ends where it ends everywhere.
  const atMs =
    spanMs === null ? Date.parse(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T23:59:59Z` : text) : nowMs + spanMs;
  if (Number.isNaN(atMs)) throw wrongUse(`--until ${text} is no time.`, "Write a day such as 2026-12-24, or 8h.");
  return new Date(atMs).toISOString();
}

function addWaivers(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<PageOptions>(program, terminal, outcome, {
    usage: "waivers <service>",
    about: "list the waivers of a service's gates, newest first",
    group: LOOK,
    options: (command) => addPageOptions(command),
    examples: [["latchkey waivers leads", "who lets which gate stand, why and until when"]],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const service = args[0] ?? "";
      const page = await readPages(options, (query) =>
        session.client.listWaivers({ params: { ...session.main, service }, query }),
      );
      const rows = page.items.map((w) => [
        ...[w.id, w.gate, w.isInForce ? "in force" : w.revokedAt ? "revoked" : "ended", moment(w.until)],
        ...[w.waivedBy, clip(w.reason, 60)],
      ]);
      session.print(page, () =>
        rows.length > 0
          ? table(["id", "gate", "state", "until", "by", "reason"], rows, session.style) + moreWords(session, page)
          : `No gate of ${service} was ever waived.`,
      );
      return undefined;
    },
  });
}

function addRevoke(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<object>(program, terminal, outcome, {
    usage: "unwaive <service> <waiver>",
    about: "take a waiver back: its gate counts again from now on",
    group: CHANGE,
    examples: [["latchkey unwaive leads wai_...", "its id is in latchkey waivers leads"]],
    run: async ({ session: open, args }) => {
      const session = open();
      const [service = "", waiverId = ""] = args;
      await session.client.revokeWaiver({ params: { ...session.main, service, waiverId } });
      session.print({ revoked: waiverId }, () => `Took ${waiverId} back.`);
      return undefined;
    },
  });
}

function addOverride(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ reason: string }>(program, terminal, outcome, {
    usage: "override-window <target>",
    about: "let out now what waits for its hours or for the end of a freeze; only an owner may",
    more: "The target is a deployment (dep_...) or a service: its newest deployment. It holds for this deployment alone, and is kept in the ledger with your name. A new deployment is let out at once with latchkey ship --override-window.",
    group: CHANGE,
    options: (command) => command.requiredOption("--reason <text>", "why, for the record"),
    examples: [['latchkey override-window leads --reason "the form is broken for everybody"', "a hotfix in a freeze"]],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const deploymentId = await deploymentOf(session, args[0] ?? "");
      const out = await session.client.overrideWindow({
        params: { ...session.main, deploymentId },
        body: { reason: options.reason },
      });
      session.print(
        out,
        () => `${out.id} waits for no window any more.\nFollow it: latchkey deployment ${out.id} --wait`,
      );
      return undefined;
    },
  });
}

function addCancel(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ reason: string }>(program, terminal, outcome, {
    usage: "cancel <target>",
    about: "end a deployment that has no rollout yet",
    more: "The target is a deployment (dep_...) or a service: its newest deployment. A rollout is ended with latchkey abort or latchkey rollback.",
    group: CHANGE,
    options: (command) => command.requiredOption("--reason <text>", "why, for the record"),
    examples: [['latchkey cancel dep_... --reason "nobody will approve it"', "one whose gate waits"]],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const deploymentId = await deploymentOf(session, args[0] ?? "");
      const ended = await session.client.cancelDeployment({
        params: { ...session.main, deploymentId },
        body: { reason: options.reason },
      });
      session.print(ended, () => `${ended.id}: ${ended.words}`);
      return undefined;
    },
  });
}
