import type { Answer, Client } from "@latchkey/api/client";
import { type Command, Option } from "commander";
import { addCommand, addGroup, numberOption, type Outcome } from "../command.ts";
import { addPageOptions, moreWords, type PageOptions, readPages } from "../pages.ts";
import { wrongUse } from "../problem.ts";
import type { Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { clip, moment, table } from "../text.ts";
import { addArchive, addRestore, addRollout, addSwitch } from "./flag-changes.ts";
import { addFlagCode } from "./flag-code.ts";
import { addFlagExperiments } from "./flag-experiments.ts";
import { addFlagKeys } from "./flag-keys.ts";
import { addFlagPreview } from "./flag-preview.ts";
import { addFlagProposals } from "./flag-proposals.ts";
import { addFlagRefs } from "./flag-refs.ts";
import { addFlagSegments } from "./flag-segments.ts";
import { flagWords } from "./flag-words.ts";
import { addFlagsAsCode } from "./flags-as-code.ts";
import { addFlagsInterop } from "./flags-interop.ts";

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
          ? Object.keys(filter).length > 0 || archived
            ? "No flag is like that. `latchkey flags` lists all that are not archived."
            : "There are no flags. Make one: latchkey flags create new-lead-form"
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
