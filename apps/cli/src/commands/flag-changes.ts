import type { Answer } from "@latchkey/api/client";
import type { Command } from "commander";
import { addCommand, numberOption, type Outcome } from "../command.ts";
import type { Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { addPropose, type Change, propose } from "./flag-proposals.ts";
import { flagWords } from "./flag-words.ts";

type FlagView = Answer<"getFlag">;

interface ChangeOptions {
  readonly environment: string;
  readonly reason: string;
  readonly propose?: boolean;
}
const addReason = (command: Command): Command =>
  addPropose(command.requiredOption("--reason <words>", "why; it stands in the history"));
const addChangeOptions = (command: Command): Command =>
  addReason(command.option("--environment <name>", "where", "production"));
/** Makes a change and shows the flag as it is then, or only proposes it. */
async function changeOr(
  session: Session,
  o: { readonly flag: string; readonly options: { readonly reason: string; readonly propose?: boolean } },
  change: Change,
  make: () => Promise<FlagView>,
): Promise<undefined> {
  if (o.options.propose) {
    await propose(session, o.flag, change, o.options.reason);
    return undefined;
  }
  const flag = await make();
  session.print(flag, () => flagWords(session, flag));
  return undefined;
}
export function addSwitch(group: Command, terminal: Terminal, outcome: Outcome, isEnabled: boolean): void {
  const verb = isEnabled ? "on" : "off";
  addCommand<ChangeOptions>(group, terminal, outcome, {
    usage: `${verb} <flag>`,
    about: isEnabled
      ? "turn a flag on in an environment: its rules decide who gets what"
      : "turn a flag off in an environment, for everybody and at once: the kill switch",
    options: addChangeOptions,
    examples: [[`latchkey flags ${verb} new-lead-form --environment production --reason "first users"`, "at once"]],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const params = { ...session.main, flag: args[0] ?? "" };
      const { environment, reason } = options;
      const change = { kind: "switch" as const, environment, isEnabled };
      return changeOr(session, { flag: params.flag, options }, change, () =>
        session.client.switchFlag({ params, body: { environment, isEnabled, reason } }),
      );
    },
  });
}

const ROLLOUT_WORDS = { hold: "held", resume: "running", kill: "killed", done: "done" } as const;
export function addRollout(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<ChangeOptions & { readonly rule: string }>(group, terminal, outcome, {
    usage: "rollout <flag> <percent-or-word>",
    about: "move a rollout to a percentage of the users, or hold, resume or kill it",
    options: (command) =>
      addChangeOptions(command).option("--rule <id>", "the rule that serves the rollout", "otherwise"),
    examples: [
      ["latchkey flags rollout new-lead-form 25 --reason 'no complaints'", "the same users and some more"],
      ["latchkey flags rollout new-lead-form hold --reason 'support is away'", "it stays where it is"],
      ["latchkey flags rollout new-lead-form kill --reason 'errors'", "everybody gets what it is compared with"],
    ],
    run: async ({ session: open, args, options }) => {
      const [key = "", to = ""] = args;
      const state = Object.hasOwn(ROLLOUT_WORDS, to) ? ROLLOUT_WORDS[to as keyof typeof ROLLOUT_WORDS] : undefined;
      const move = state ? { state } : { percent: numberOption(to.replace(/\s*%$/, ""), "percent", 0, 100) };
      const session = open();
      const { environment, rule, reason } = options;
      const params = { ...session.main, flag: key };
      return changeOr(session, { flag: key, options }, { kind: "rollout", environment, rule, ...move }, () =>
        session.client.moveRollout({ params, body: { environment, rule, reason, ...move } }),
      );
    },
  });
}

export function addRestore(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ reason: string; propose?: boolean }>(group, terminal, outcome, {
    usage: "restore <flag> <version>",
    about: "put a flag back as it was at a version: its definition and its switches",
    options: addReason,
    examples: [["latchkey flags restore new-lead-form 4 --reason 'the rule was wrong'", "history lists the versions"]],
    run: async ({ session: open, args, options }) => {
      const version = numberOption(args[1] ?? "", "version", 1, 2 ** 31);
      const session = open();
      const params = { ...session.main, flag: args[0] ?? "" };
      return changeOr(session, { flag: params.flag, options }, { kind: "restore", version }, () =>
        session.client.restoreFlag({ params, body: { version, reason: options.reason } }),
      );
    },
  });
}

export function addArchive(group: Command, terminal: Terminal, outcome: Outcome, archived: boolean): void {
  addCommand<{ reason: string; propose?: boolean }>(group, terminal, outcome, {
    usage: archived ? "archive <flag>" : "unarchive <flag>",
    about: archived ? "archive a flag that no code asks for: its history stays" : "take a flag out of the archive",
    options: addReason,
    examples: [
      archived
        ? ["latchkey flags archive new-lead-form --reason 'everybody has it'", "answered as not found from now on"]
        : ["latchkey flags unarchive new-lead-form --reason 'still asked for'", "as it was"],
    ],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const params = { ...session.main, flag: args[0] ?? "" };
      return changeOr(session, { flag: params.flag, options }, { kind: "archive", archived }, () =>
        session.client.archiveFlag({ params, body: { archived, reason: options.reason } }),
      );
    },
  });
}
