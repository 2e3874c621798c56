import type { Answer, Client } from "@latchkey/api/client";
import { type Command, Option } from "commander";
import { addCommand, addGroup, numberOption, type Outcome } from "../command.ts";
import { addPageOptions, moreWords, type PageOptions, readPages } from "../pages.ts";
import { wrongUse } from "../problem.ts";
import type { Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { clip, facts, moment, table } from "../text.ts";
import { addFlagCode } from "./flag-code.ts";
import { addFlagExperiments } from "./flag-experiments.ts";
import { addFlagKeys } from "./flag-keys.ts";
import { addFlagPreview } from "./flag-preview.ts";
import { addFlagProposals, addPropose, type Change, propose } from "./flag-proposals.ts";
import { addFlagRefs } from "./flag-refs.ts";
import { addFlagSegments } from "./flag-segments.ts";
import { addFlagsAsCode } from "./flags-as-code.ts";
import { addFlagsInterop } from "./flags-interop.ts";

type FlagView = Answer<"getFlag">;
type FlagSummary = Answer<"listFlags">["items"][number];
type Definition = Parameters<Client["putFlag"]>[0]["body"]["definition"];

/** `latchkey flags`: who gets what, and why. */
export function addFlags(program: Command, terminal: Terminal, outcome: Outcome): void {
  const flags = addGroup(program, {
    name: "flags",
    about: "feature flags: list, show, create, turn on and off, roll out, explain, history",
    group: "Change what is served:",
    examples: [
      ["latchkey flags", "all flags, and who gets what"],
      ['latchkey flags off new-lead-form --environment production --reason "errors"', "the kill switch"],
      ["latchkey flags rollout new-lead-form 10 --environment production --reason start", "10 % of the users"],
      ["latchkey flags explain new-lead-form --environment production --user u-17", "what this user gets, and why"],
    ],
  });
  addList(flags, terminal, outcome);
  addShow(flags, terminal, outcome);
  addCreate(flags, terminal, outcome);
  addSwitch(flags, terminal, outcome, true);
  addSwitch(flags, terminal, outcome, false);
  addRollout(flags, terminal, outcome);
  addFlagExperiments(flags, terminal, outcome);
  addExplain(flags, terminal, outcome);
  addHistory(flags, terminal, outcome);
  addRestore(flags, terminal, outcome);
  addArchive(flags, terminal, outcome, true);
  addArchive(flags, terminal, outcome, false);
  addFlagSegments(flags, terminal, outcome);
  addFlagsAsCode(flags, terminal, outcome);
  addFlagPreview(flags, terminal, outcome);
  addFlagProposals(flags, terminal, outcome);
  addFlagCode(flags, terminal, outcome);
  addFlagRefs(flags, terminal, outcome);
  addFlagsInterop(flags, terminal, outcome);
  addFlagKeys(flags, terminal, outcome);
}

interface ListOptions extends PageOptions {
  readonly search?: string;
  readonly tag?: string;
  readonly owner?: string;
  readonly archived?: boolean;
  readonly health?: FlagSummary["health"];
}
function addList(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<ListOptions>(group, terminal, outcome, {
    usage: "list",
    about: "list the flags; `latchkey flags` alone does this",
    isDefault: true,
    options: (command) =>
      addPageOptions(command.allowExcessArguments(), "50")
        .option("--search <text>", "in keys and descriptions")
        .option("--tag <tag>", "only with this tag")
        .option("--owner <name>", "only of this owner")
        .addOption(
          new Option("--health <state>", "only those that the last seven days say this of").choices([
            ...["in_use", "new", "never_evaluated", "one_sided", "stale"],
          ]),
        )
        .option("--archived", "those in the archive instead"),
    examples: [
      ["latchkey flags", "all that are not archived"],
      ["latchkey flags --tag checkout --owner growth", "some of them"],
      ["latchkey flags --health one_sided", "those that the code can do without"],
    ],
    run: async ({ session: open, args, options }) => {
      if (args.length > 0)
        throw wrongUse(`There is no command latchkey flags ${args[0]}.`, "latchkey flags --help lists them.");
      const session = open();
      const { search, tag, owner, archived, health } = options;
      const words = { ...(search ? { search } : {}), ...(tag ? { tag } : {}), ...(owner ? { owner } : {}) };
      const filter = { ...words, ...(health ? { health } : {}) };
      const page = await readPages(options, (query) =>
        session.client.listFlags({
          params: session.main,
          query: { ...query, ...filter, archived: archived ? "true" : "false" },
        }),
      );
      session.print(page, () =>
        page.items.length === 0
          ? "There are no flags. Make one: latchkey flags create new-lead-form"
          : table(["flag", "type", "owner", "who gets what"], page.items.map(rowOf), session.style) +
            moreWords(session, page),
      );
      return undefined;
    },
  });
}
const rowOf = (flag: FlagSummary): string[] => [
  flag.key,
  flag.type,
  flag.owner || "-",
  clip(flag.environments.map(({ name, words }) => `${name}: ${words}`).join(" "), 90) || "in no environment",
];

function flagWords(session: Session, flag: FlagView): string {
  const { style } = session;
  const rows: [string, string][] = [
    ["flag", `${style.bold(flag.key)} (${flag.type}, version ${flag.version}, written by ${flag.manager})`],
    ...(flag.description ? [["about", flag.description] as [string, string]] : []),
    ["owner", flag.owner || "nobody"],
    ["use", flag.health === "in_use" ? flag.healthWords : style.warn(flag.healthWords)],
    ["purpose", flag.purpose + (flag.expires ? `, until ${flag.expires}` : "")],
    [
      "variants",
      Object.entries(flag.definition.variants ?? {})
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
        .join(", "),
    ],
    ...flag.environments.map(({ name, words, isEnabled }): [string, string] => [
      name,
      isEnabled ? words : style.warn(words),
    ]),
    ...flag.rollouts.map(({ environment, rule, words, since }): [string, string] => [
      "rollout",
      `${environment}/${rule}: ${words}, since ${moment(since)}`,
    ]),
    ...(flag.isArchived ? [["archived", style.warn("it is answered as not found")] as [string, string]] : []),
  ];
  return facts(rows, style);
}
function addShow(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<object>(group, terminal, outcome, {
    usage: "show <flag>",
    about: "show a flag: variants, switches, rollouts; with --json the whole definition",
    examples: [["latchkey flags show new-lead-form", "how it stands"]],
    run: async ({ session: open, args }) => {
      const session = open();
      const flag = await session.client.getFlag({ params: { ...session.main, flag: args[0] ?? "" } });
      session.print(flag, () => flagWords(session, flag));
      return undefined;
    },
  });
}

interface CreateOptions {
  readonly type: "boolean" | "string" | "number" | "json";
  readonly variants?: string;
  readonly about?: string;
  readonly owner?: string;
  readonly tag?: string[];
  readonly expires?: string;
  readonly environments: string;
  readonly public?: boolean;
}
function addCreate(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<CreateOptions>(group, terminal, outcome, {
    usage: "create <flag>",
    about: "create a flag; it is off everywhere until it is turned on",
    more: "A boolean flag has the variants on and off. Others name theirs: the first is what is served when it is turned on, the last while it is off.",
    options: (command) =>
      command
        .addOption(
          new Option("--type <type>", "of its values")
            .choices(["boolean", "string", "number", "json"])
            .default("boolean"),
        )
        .option("--variants <name=value,...>", "such as blue=#00f,grey=#888")
        .option("--about <words>", "what it is for")
        .option("--owner <name>", "a person or a team")
        .option("--tag <tag...>", "to find it by")
        .option("--expires <day>", "the day after which it should be gone from the code: 2026-12-31")
        .option("--environments <names>", "where it is", "production")
        .option("--public", "browsers are given its value, too"),
    examples: [
      ["latchkey flags create new-lead-form --owner growth --expires 2027-03-31 --public", "on or off"],
      ["latchkey flags create button --type string --variants blue=#00f,grey=#888", "one of several values"],
    ],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const definition = definitionOf(options);
      const params = { ...session.main, flag: args[0] ?? "" };
      const body = { definition, ifVersion: 0, reason: "created" };
      const { flag } = await session.client.putFlag({ params, body });
      session.print(
        flag,
        () => `${flag ? flagWords(session, flag) : ""}\n\nTurn it on: latchkey flags on ${params.flag}`,
      );
      return undefined;
    },
  });
}
function definitionOf(o: CreateOptions): Definition {
  const variants = variantsOf(o);
  const names = Object.keys(variants);
  const [first = "on", last = "off"] = [names[0], names.at(-1)];
  const rules = { isEnabled: false, off: last, otherwise: { kind: "variant" as const, variant: first } };
  const environments = o.environments.split(",").map((name) => name.trim());
  return {
    ...{ type: o.type, variants, isPublic: o.public ?? false },
    environments: Object.fromEntries(environments.filter(Boolean).map((name) => [name, rules])),
    ...(o.about ? { description: o.about } : {}),
    ...(o.owner ? { owner: o.owner } : {}),
    ...(o.tag ? { tags: o.tag } : {}),
    ...(o.expires ? { expires: o.expires } : {}),
  };
}
function variantsOf(o: CreateOptions): Record<string, boolean | string | number> {
  if (o.variants === undefined) {
    if (o.type === "boolean") return { on: true, off: false };
    throw wrongUse("Which values has it?", "Add --variants, such as --variants blue=#00f,grey=#888.");
  }
  const given = o.variants.split(",").map((part): [string, boolean | string | number] => {
    const at = part.indexOf("=");
    if (at <= 0) throw wrongUse(`--variants: “${part}” has no value.`, "Write it as name=value,name=value.");
    return [part.slice(0, at).trim(), variantValue(o.type, part.slice(at + 1).trim())];
  });
  return Object.fromEntries(given);
}
function variantValue(type: CreateOptions["type"], text: string): boolean | string | number {
  if (type === "string") return text;
  if (type === "number") return numberOption(text, "--variants", -Number.MAX_VALUE, Number.MAX_VALUE);
  if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
  if (type === "json") throw wrongUse("JSON has commas.", "Write the flag as a file: latchkey flags apply --help.");
  throw wrongUse(`--variants: ${text} is neither true nor false.`, "Write true or false.");
}

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
function addSwitch(group: Command, terminal: Terminal, outcome: Outcome, isEnabled: boolean): void {
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
function addRollout(group: Command, terminal: Terminal, outcome: Outcome): void {
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

function addExplain(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ environment: string; user?: string; context?: string }>(group, terminal, outcome, {
    usage: "explain <flag>",
    about: "what somebody gets and why: which rule matched, and why not the earlier ones",
    options: (command) =>
      command
        .option("--environment <name>", "where", "production")
        .option("--user <id>", "the targeting key")
        .option("--context <json>", "the attributes, as a JSON object"),
    examples: [
      ["latchkey flags explain new-lead-form --user u-17", "for this user"],
      [`latchkey flags explain beta --user u-17 --context '{"plan":"pro"}'`, "with attributes"],
    ],
    run: async ({ session: open, args, options }) => {
      const context = { ...contextOf(options.context), ...(options.user ? { targetingKey: options.user } : {}) };
      const session = open();
      const params = { ...session.main, flag: args[0] ?? "" };
      const answer = await session.client.explainFlag({ params, body: { environment: options.environment, context } });
      session.print(answer, () => explainWords(session, answer));
      return undefined;
    },
  });
}
function contextOf(text: string | undefined): Record<string, never> {
  if (text === undefined) return {};
  try {
    const read: unknown = JSON.parse(text);
    if (typeof read === "object" && read !== null && !Array.isArray(read)) return read as Record<string, never>;
  } catch {
    // Told below.
  }
  throw wrongUse("--context is no JSON object.", `Write it as '{"plan":"pro"}'.`);
}
function explainWords(session: Session, answer: Answer<"explainFlag">): string {
  const { style } = session;
  const steps = answer.steps.map(({ matched, words }) => `  ${matched ? style.good("→") : "·"} ${words}`);
  const got =
    answer.variant === null ? JSON.stringify(answer.value) : `${answer.variant} = ${JSON.stringify(answer.value)}`;
  const head = `${style.bold(answer.key)}: ${got}  ${style.dim(answer.errorCode ?? answer.reason)}`;
  return [head, ...steps].join("\n");
}

function addHistory(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<PageOptions>(group, terminal, outcome, {
    usage: "history <flag>",
    about: "what was changed of a flag, by whom and why, newest first",
    options: (command) => addPageOptions(command, "20"),
    examples: [["latchkey flags history new-lead-form", "and put one back: latchkey flags restore"]],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const params = { ...session.main, flag: args[0] ?? "" };
      const page = await readPages(options, (query) => session.client.listFlagVersions({ params, query }));
      const rows = page.items.map((one) => [
        ...[
          String(one.version),
          moment(one.at),
          byWords(one),
          one.verb,
          clip(one.changes.map(changeWords).join("; "), 60),
        ],
        one.reason,
      ]);
      const head = ["version", "when", "who", "what", "changes", "why"];
      session.print(page, () => table(head, rows, session.style) + moreWords(session, page));
      return undefined;
    },
  });
}
const byWords = (one: { by: string; approvedBy: string | null }): string =>
  one.approvedBy ? `${one.by}, agreed by ${one.approvedBy}` : one.by;
const changeWords = ({ path, before, after }: { path: string; before?: unknown; after?: unknown }): string =>
  `${path || "all of it"}: ${before === null || before === undefined ? "" : `${JSON.stringify(before)} -> `}${JSON.stringify(after)}`;

function addRestore(group: Command, terminal: Terminal, outcome: Outcome): void {
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

function addArchive(group: Command, terminal: Terminal, outcome: Outcome, archived: boolean): void {
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
