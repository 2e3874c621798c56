import type { Answer, Client } from "@latchkey/api/client";
import type { Command } from "commander";
import { addCommand, type Outcome } from "../command.ts";
import { addPageOptions, moreWords, type PageOptions, readPages } from "../pages.ts";
import { wrongUse } from "../problem.ts";
import type { Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { clip, moment, table } from "../text.ts";

type Proposal = Answer<"listFlagProposals">["items"][number];
export type Change = Parameters<Client["proposeFlagChange"]>[0]["body"]["change"];

export type SegmentChange = Parameters<Client["proposeFlagSegmentChange"]>[0]["body"]["change"];

export const addPropose = (command: Command): Command =>
  command.option("--propose", "only propose it: somebody else agrees, and then it holds");

/** Proposes a change of a flag instead of making it. */
export async function propose(session: Session, flag: string, change: Change, reason: string): Promise<void> {
  const made = await session.client.proposeFlagChange({ params: { ...session.main, flag }, body: { change, reason } });
  printProposed(session, made);
}
/** Proposes a change of a segment instead of making it. */
export async function proposeSegment(
  session: Session,
  segment: string,
  change: SegmentChange,
  reason: string,
): Promise<void> {
  const params = { ...session.main, segment };
  printProposed(session, await session.client.proposeFlagSegmentChange({ params, body: { change, reason } }));
}
const printProposed = (session: Session, made: Proposal): void =>
  session.print(
    made,
    () =>
      `Proposed as ${made.id}:\n${differencesWords(made)}\n${flagsWords(made)}\nSomebody else agrees: latchkey flags approve ${made.id}`,
  );
/** What it is of, as it is called in a sentence. */
const nameOf = (one: Proposal): string => one.flag ?? `segment ${one.segment ?? ""}`;
/** Whom a change of a segment reaches. */
const flagsWords = (one: Proposal): string => {
  if (one.segment === null) return "";
  const flags = one.flagsChanged.map(({ flag, environments }) => `${flag} (${environments.join(", ")})`);
  return `  changes what these flags answer: ${flags.join(", ") || "none, no flag names it"}\n`;
};
const plain = (value: unknown): string => (value === null || value === undefined ? "nothing" : JSON.stringify(value));
const differencesWords = (one: Proposal): string =>
  one.changes
    .map(({ path, before, after }) => `  ${path || "all of it"}: ${plain(before)} -> ${plain(after)}`)
    .join("\n");

/** `latchkey flags proposals|approve|reject|withdraw|environments|protect`: flags by the eyes of two. */
export function addFlagProposals(group: Command, terminal: Terminal, outcome: Outcome): void {
  addList(group, terminal, outcome);
  for (const decision of ["approve", "reject", "withdraw"] as const) addDecision(group, terminal, outcome, decision);
  addEnvironments(group, terminal, outcome);
  addProtect(group, terminal, outcome);
  addCompare(group, terminal, outcome);
  addCopy(group, terminal, outcome);
}

function addList(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<PageOptions & { flag?: string; segment?: string; decided?: boolean }>(group, terminal, outcome, {
    usage: "proposals",
    about: "list the changes of flags and segments that wait for a second person",
    options: (command) =>
      addPageOptions(command, "50")
        .option("--flag <flag>", "only of this flag")
        .option("--segment <segment>", "only of this segment")
        .option("--decided", "also those that are decided"),
    examples: [["latchkey flags proposals", "what waits; approve or reject it by its id"]],
    run: async ({ session: open, options }) => {
      const session = open();
      const query = {
        state: options.decided ? ("all" as const) : ("waiting" as const),
        ...(options.flag ? { flag: options.flag } : {}),
        ...(options.segment ? { segment: options.segment } : {}),
      };
      const page = await readPages(options, (asked) =>
        session.client.listFlagProposals({ params: session.main, query: { ...asked, ...query } }),
      );
      const rows = page.items.map((one) => [
        ...[one.id, nameOf(one), one.state, `${one.proposedBy}${one.isOwn ? " (you)" : ""}`, moment(one.createdAt)],
        ...[clip(listed(one.changes, "; "), 60), one.reason],
      ]);
      const head = ["id", "of", "state", "proposed by", "when", "changes", "why"];
      session.print(page, () =>
        rows.length === 0
          ? "Nothing waits."
          : table(head, rows, session.style) + effectsWords(page.items) + moreWords(session, page),
      );
      return undefined;
    },
  });
}

const listed = (changes: Proposal["changes"], by: string): string =>
  changes.map(({ path, after }) => `${path}: ${plain(after)}`).join(by);
/** All of what would hold with a flag that is turned on: whoever agrees has to have read it. */
const effectsWords = (items: readonly Proposal[]): string =>
  items
    .filter((one) => one.takesEffect.length > 0)
    .map((one) => `\n\nWith ${one.id}, ${nameOf(one)} would be:\n  ${listed(one.takesEffect, "\n  ")}`)
    .concat(
      items.filter((one) => one.segment !== null).map((one) => `\n\n${one.id}, ${nameOf(one)}:\n${flagsWords(one)}`),
    )
    .join("");

const ABOUT = {
  approve: "agree to a proposed change of a flag: it holds at once",
  reject: "reject a proposed change of a flag",
  withdraw: "withdraw a change of a flag that you proposed",
} as const;
function addDecision(group: Command, terminal: Terminal, outcome: Outcome, decision: keyof typeof ABOUT): void {
  addCommand<{ reason: string }>(group, terminal, outcome, {
    usage: `${decision} <proposal>`,
    about: ABOUT[decision],
    options: (command) => command.requiredOption("--reason <words>", "why; it stands in the ledger"),
    examples: [[`latchkey flags ${decision} flp_0190 --reason 'read it'`, "latchkey flags proposals lists them"]],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const params = { ...session.main, proposal: args[0] ?? "" };
      const made = await session.client.decideFlagProposal({ params, body: { decision, reason: options.reason } });
      session.print(made, () => `${nameOf(made)}: ${made.state}.\n${differencesWords(made)}`);
      return undefined;
    },
  });
}

function addEnvironments(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<object>(group, terminal, outcome, {
    usage: "environments",
    about: "list the environments of the flags, and which need a second person",
    examples: [["latchkey flags environments", "latchkey flags protect makes one need a second person"]],
    run: async ({ session: open }) => {
      const session = open();
      const found = await session.client.listFlagEnvironments({ params: session.main });
      const rows = found.items.map((one) => [
        one.name,
        one.needsApproval ? "a second person agrees" : "whoever may ship",
      ]);
      session.print(found, () =>
        rows.length === 0
          ? "No flag is in any environment."
          : table(["environment", "changes by"], rows, session.style),
      );
      return undefined;
    },
  });
}
function addProtect(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ reason: string }>(group, terminal, outcome, {
    usage: "protect <environment> [on-or-off]",
    about: "let changes of flags in an environment need a second person, or no more",
    options: (command) => command.requiredOption("--reason <words>", "why; it stands in the ledger"),
    examples: [
      ["latchkey flags protect production --reason 'SOC 2 CC8.1'", "turning off and killing still needs nobody"],
      ["latchkey flags protect staging off --reason 'only ours'", "whoever may ship changes them again"],
    ],
    run: async ({ session: open, args, options }) => {
      const [environment = "", word = "on"] = args;
      if (word !== "on" && word !== "off") throw wrongUse(`“${word}” is neither on nor off.`, "Write on or off.");
      const session = open();
      const params = { ...session.main, environment };
      const body = { needsApproval: word === "on", reason: options.reason };
      const made = await session.client.putFlagEnvironment({ params, body });
      session.print(made, () =>
        made.needsApproval
          ? `Changes of flags in ${made.name} need a second person; turning off, holding and killing needs nobody.`
          : `Whoever may ship changes the flags in ${made.name}.`,
      );
      return undefined;
    },
  });
}

const changesWords = (changes: Proposal["changes"]): string =>
  changes.map(({ path, before, after }) => `${path || "all of it"}: ${plain(before)} -> ${plain(after)}`).join("; ");
function addCompare(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<object>(group, terminal, outcome, {
    usage: "compare <from> <to>",
    about: "the flags that are not the same in two environments",
    examples: [["latchkey flags compare staging production", "what production would get from staging"]],
    run: async ({ session: open, args }) => {
      const [from = "", to = ""] = args;
      const session = open();
      const found = await session.client.compareFlagEnvironments({ params: session.main, query: { from, to } });
      const rows = found.items.map((one) => [
        one.flag,
        one.isInTo ? (one.isInFrom ? "differs" : `only in ${to}`) : `only in ${from}`,
        clip(changesWords(one.changes), 90),
      ]);
      session.print(found, () =>
        rows.length === 0
          ? `All flags are the same in ${from} and ${to}.`
          : table(["flag", "", "changes"], rows, session.style),
      );
      return undefined;
    },
  });
}
function addCopy(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ reason: string; propose?: boolean }>(group, terminal, outcome, {
    usage: "copy <flag> <from> <to>",
    about: "give a flag in one environment the rules that it has in another; its switch stays as it is",
    options: (command) => addPropose(command.requiredOption("--reason <words>", "why; it stands in the history")),
    examples: [
      ["latchkey flags copy new-lead-form staging production --reason 'tried for a week'", "compare shows more"],
    ],
    run: async ({ session: open, args, options }) => {
      const [key = "", from = "", to = ""] = args;
      const session = open();
      const params = { ...session.main, flag: key };
      const { definition, version } = await session.client.getFlag({ params });
      const rules = Object.hasOwn(definition.environments, from) ? definition.environments[from] : undefined;
      if (!rules)
        throw wrongUse(
          `${key} is not in ${from}.`,
          `It is in ${Object.keys(definition.environments).join(", ") || "none"}.`,
        );
      const isEnabled = definition.environments[to]?.isEnabled ?? false;
      const copied = { ...definition, environments: { ...definition.environments, [to]: { ...rules, isEnabled } } };
      if (options.propose) {
        await propose(session, key, { kind: "put", definition: copied, manager: "console" }, options.reason);
        return undefined;
      }
      const body = { definition: copied, ifVersion: version, reason: options.reason };
      const made = await session.client.putFlag({ params, body });
      session.print(made, () =>
        made.applied ? `${key} in ${to}: ${changesWords(made.changes)}` : `${key} is the same in ${to} already.`,
      );
      return undefined;
    },
  });
}
