import type { Answer } from "@latchkey/api/client";
import type { Command } from "commander";
import { addCommand, durationOption, type Outcome } from "../command.ts";
import { addPageOptions, moreWords, type PageOptions, readPages } from "../pages.ts";
import { CliError, wrongUse } from "../problem.ts";
import type { Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { moment, table } from "../text.ts";

const CHANGE = "Change what is served:";
type Approval = Answer<"getApproval">;

/** Approvals, and times in which nothing goes out. */
export function addApprovals(program: Command, terminal: Terminal, outcome: Outcome): void {
  addList(program, terminal, outcome);
  addDecision(program, terminal, outcome, "approve");
  addDecision(program, terminal, outcome, "reject");
  addFreeze(program, terminal, outcome);
  addUnfreeze(program, terminal, outcome);
  addFreezes(program, terminal, outcome);
}

const standing = (a: Approval): string =>
  a.state === "waiting" ? `${a.voices.filter((v) => v.choice === "approve").length} of ${a.needed}` : a.state;

function addList(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<PageOptions & { all?: boolean; history?: boolean }>(program, terminal, outcome, {
    usage: "approvals",
    about: "what waits for people, and whether you may decide it",
    group: CHANGE,
    options: (command) => addPageOptions(command.option("--history", "what was decided, too"), "50"),
    examples: [
      ["latchkey approvals", "what waits"],
      ["latchkey approvals --history", "who approved what, and why"],
    ],
    run: async ({ session: open, options }) => {
      const session = open();
      const state = options.history ? {} : { state: "waiting" as const };
      const page = await readPages(options, (query) =>
        session.client.listApprovals({ params: session.main, query: { ...query, ...state } }),
      );
      const rows = page.items.map((a) => [
        a.id,
        a.words,
        a.gate,
        standing(a),
        a.askedBy,
        moment(a.createdAt),
        a.whyNot ?? "yes",
      ]);
      session.print(page, () =>
        rows.length > 0
          ? table(["id", "what", "gate", "approvals", "asked by", "since", "may you"], rows, session.style) +
            moreWords(session, page)
          : "Nothing waits for an approval.",
      );
      return undefined;
    },
  });
}

function addDecision(program: Command, terminal: Terminal, outcome: Outcome, choice: "approve" | "reject"): void {
  const isYes = choice === "approve";
  addCommand<{ reason?: string }>(program, terminal, outcome, {
    usage: `${choice} <approval>`,
    about: isYes
      ? "say yes to what waits: never to what you wrote or asked for yourself"
      : "say no to what waits: the deployment ends there",
    more: "The approval is given by its id, by a deployment's id, or by a service when only one of its deployments waits.",
    group: CHANGE,
    options: (command) => command.requiredOption("--reason <text>", "why, for the record"),
    examples: [
      [
        `latchkey ${choice} leads --reason "${isYes ? "read it, tested it" : "the migration locks the table"}"`,
        "when one deployment of leads waits",
      ],
    ],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const { id } = await waitingOf(session, args[0] ?? "");
      const seen = await session.client.decideApproval({
        params: { ...session.main, approvalId: id },
        body: { choice, reason: options.reason ?? "", via: "cli" },
      });
      session.print(
        seen,
        () => `${seen.words}: ${seen.state === "waiting" ? `${standing(seen)} approvals` : seen.state}.`,
      );
      return undefined;
    },
  });
}

async function waitingOf(session: Session, target: string): Promise<Approval> {
  if (target.startsWith("apr_")) return session.client.getApproval({ params: { ...session.main, approvalId: target } });
  const { items } = await readPages({ limit: "200", all: true }, (query) =>
    session.client.listApprovals({ params: session.main, query: { ...query, state: "waiting" } }),
  );
  const found = items.filter((a) => a.service === target || a.subject === `deployment/${target}`);
  const [only] = found;
  if (only && found.length === 1) return only;
  throw new CliError({
    code: "LK_CLI_APPROVAL",
    title: "Which approval?",
    detail: only ? `${found.length} approvals of ${target} wait.` : `Nothing of ${target} waits for an approval.`,
    remedy: only ? `Give the id: ${found.map((a) => a.id).join(", ")}` : "List them: latchkey approvals",
  });
}

interface FreezeOptions {
  readonly for?: string;
  readonly until?: string;
  readonly reason?: string;
  readonly environment?: string;
}

function addFreeze(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<FreezeOptions>(program, terminal, outcome, {
    usage: "freeze [service]",
    about: "let nothing go out for a time; what is under way goes on, and rollbacks always may",
    group: CHANGE,
    options: (command) =>
      command
        .option("--for <time>", "how long, such as 90m or 2h")
        .option("--until <moment>", "or until when, such as 2026-12-27T08:00:00Z")
        .option("--environment <name>", "only this one")
        .requiredOption("--reason <text>", "why: those who wait read it"),
    examples: [
      ['latchkey freeze --for 2h --reason "database maintenance"', "every service"],
      ['latchkey freeze leads --until 2026-12-27T08:00:00Z --reason "holidays"', "one service"],
    ],
    run: async ({ session: open, args, options }) => {
      const session = open();
      if ((options.for === undefined) === (options.until === undefined))
        throw wrongUse("Say how long.", "Give either --for <time> or --until <moment>.");
      const endsAt =
        options.for === undefined
          ? timeOf(options.until ?? "")
          : new Date(Date.now() + durationOption(options.for, "--for")).toISOString();
      const freeze = await session.client.addFreeze({
        params: session.main,
        body: {
          ...(args[0] ? { service: args[0] } : {}),
          ...(options.environment ? { environment: options.environment } : {}),
          reason: options.reason ?? "",
          endsAt,
        },
      });
      session.print(
        freeze,
        () => `${freeze.id}: nothing of ${freeze.service ?? "any service"} goes out until ${moment(freeze.endsAt)}.`,
      );
      return undefined;
    },
  });
}

function timeOf(text: string): string {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw wrongUse(`--until: "${text}" is no moment.`, "Such as 2026-12-27T08:00:00Z.");
  return new Date(ms).toISOString();
}

function addUnfreeze(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<object>(program, terminal, outcome, {
    usage: "unfreeze <freeze>",
    about: "end a freeze now: what waits goes out",
    group: CHANGE,
    examples: [["latchkey unfreeze frz_...", "its id is in `latchkey freezes`"]],
    run: async ({ session: open, args }) => {
      const session = open();
      const freezeId = args[0] ?? "";
      await session.client.liftFreeze({ params: { ...session.main, freezeId } });
      session.print({ lifted: freezeId }, () => `Lifted ${freezeId}.`);
      return undefined;
    },
  });
}

function addFreezes(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<object>(program, terminal, outcome, {
    usage: "freezes",
    about: "times in which nothing goes out, that are not over yet",
    group: CHANGE,
    examples: [["latchkey freezes", "what is frozen, until when and why"]],
    run: async ({ session: open }) => {
      const session = open();
      const { items } = await session.client.listFreezes({ params: session.main });
      const rows = items.map((f) => [
        f.id,
        f.service ?? "all",
        f.environment ?? "all",
        moment(f.beginsAt),
        moment(f.endsAt),
        f.createdBy,
        f.reason,
      ]);
      session.print({ items }, () =>
        rows.length > 0
          ? table(["id", "service", "environment", "from", "until", "by", "why"], rows, session.style)
          : "Nothing is frozen.",
      );
      return undefined;
    },
  });
}
