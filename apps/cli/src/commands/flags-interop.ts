import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Answer, ApiError, type Client } from "@latchkey/api/client";
import { rulesIn } from "@latchkey/core/flags/compile";
import { readFlagd } from "@latchkey/core/flags/flagd-read";
import { flagdFile } from "@latchkey/core/flags/flagd-write";
import { withRollouts } from "@latchkey/core/flags/model";
import type { ReadFlag, ReadFlags } from "@latchkey/core/flags/read";
import { readUnleash } from "@latchkey/core/flags/unleash-read";
import { type Command, Option } from "commander";
import { addCommand, type Call, type Outcome } from "../command.ts";
import { CliError, EXIT, wrongUse } from "../problem.ts";
import type { Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { differenceLines } from "./apply.ts";
import { readDefinitions } from "./flag-definitions.ts";

type FlagView = Answer<"getFlag">;
type Put = Answer<"putFlag">;
type Definition = Parameters<Client["putFlag"]>[0]["body"]["definition"];
const FLAGD_HASHES = ["flagd-2", "flagd-3"] as const;
interface ImportOptions {
  readonly from: "flagd" | "unleash";
  readonly environment: string;
  readonly fromEnvironment?: string;
  readonly hash: (typeof FLAGD_HASHES)[number];
  readonly reason?: string;
  readonly rebucket?: boolean;
  readonly yes?: boolean;
}
interface ExportOptions {
  readonly to: "flagd";
  readonly environment: string;
}

/** `latchkey flags import|export`: flags of other systems, and for them. */
export function addFlagsInterop(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<ImportOptions>(group, terminal, outcome, {
    usage: "import <file>",
    about: "take over flags of flagd or Unleash, after showing the difference",
    more: "Everybody keeps what they have. What has no equal is left out and told of, with its place and what to do. Other environments of a flag, its owner and description stay. Exits with 3 when something was left out.",
    options: (command) =>
      command
        .addOption(
          new Option("--from <system>", "whose file it is").choices(["flagd", "unleash"]).makeOptionMandatory(),
        )
        .option("--environment <name>", "the environment to take them into", "production")
        .option("--from-environment <name>", "of an export of Unleash with several environments: which")
        .addOption(
          new Option("--hash <version>", "how flagd chooses users there").choices(FLAGD_HASHES).default("flagd-2"),
        )
        .option("--reason <reason>", "why, for the ledger")
        .option("--rebucket", "even where others than now would get a share")
        .option("--yes", "do not ask"),
    examples: [
      ["latchkey flags import flags.json --from flagd", "show what would change, ask, take over"],
      ['latchkey flags import export.json --from unleash --reason "leaving Unleash" --yes', "in a script"],
    ],
    run: importFlags,
  });
  addCommand<ExportOptions>(group, terminal, outcome, {
    usage: "export",
    about: "print the flags of an environment in flagd's format",
    more: "With rollouts where they stand. What flagd has no words for is left out and told of on standard error; it exits with 3 then. flagd itself asks GET /flagd/v1/sync, with a key of a server.",
    options: (command) =>
      command
        .addOption(new Option("--to <system>", "for whom").choices(["flagd"]).default("flagd"))
        .option("--environment <name>", "which environment", "production"),
    examples: [["latchkey flags export --environment production > flags.json", "a file for flagd"]],
    run: exportFlags,
  });
}

function readFile(call: Call<ImportOptions>): unknown {
  const file = resolve(call.terminal.cwd, call.args[0] ?? "");
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new CliError({
      code: "LK_CLI_FILE",
      title: "The file can't be read",
      detail:
        (error as { code?: string }).code === "ENOENT"
          ? `There is no file ${file}.`
          : `${file}: ${error instanceof Error ? error.message : String(error)}`,
      remedy: "Name a file of JSON.",
    });
  }
}

interface Plan {
  readonly key: string;
  readonly definition: Definition;
  readonly put: Put;
}

async function importFlags(call: Call<ImportOptions>): Promise<number> {
  const { options, terminal } = call;
  const file = readFile(call);
  const { environment, fromEnvironment, hash } = options;
  const read: ReadFlags =
    options.from === "flagd"
      ? readFlagd(file, { environment, hashVersion: hash })
      : readUnleash(file, { environment, ...(fromEnvironment ? { from: fromEnvironment } : {}) });
  const session = call.session();
  const plans: Plan[] = [];
  for (const one of parentsFirst(read.flags, environment)) plans.push(await plan(session, one, options));
  const leftOut = read.problems.filter((problem) => problem.isRefused);
  if (session.json)
    session.print(
      { flags: plans.map(({ key, put }) => ({ key, changes: put.changes })), problems: read.problems },
      () => "",
    );
  else terminal.out(planWords(session, plans, read));
  const done = leftOut.length > 0 ? EXIT.notDeployed : EXIT.done;
  const wanted = plans.filter(({ put }) => put.flag === null || put.changes.length > 0);
  if (wanted.length === 0) return done;
  if (!options.yes) {
    if (!terminal.canAsk)
      throw wrongUse("There are changes, and nobody is there to agree.", "Add --yes and a --reason.");
    if (!(await terminal.agrees(`Take over ${wanted.length === 1 ? "1 flag" : `${wanted.length} flags`}?`))) {
      terminal.out("Left as it was.\n");
      return EXIT.done;
    }
  }
  const reason = options.reason ?? `taken over from ${options.from}`;
  await takeOver(call, session, wanted, reason);
  return done;
}

/** One after the other; the first that is refused ends it, and is told with what was written before it. */
async function takeOver(
  { options, terminal }: Call<ImportOptions>,
  session: Session,
  wanted: readonly Plan[],
  reason: string,
): Promise<void> {
  for (const [i, { key, definition, put }] of wanted.entries()) {
    try {
      await session.client.putFlag({
        params: { ...session.main, flag: key },
        body: { definition, reason, ifVersion: put.flag?.version ?? 0, rebucket: options.rebucket === true },
      });
    } catch (error) {
      throw stoppedAt(wanted, i, error);
    }
    if (!session.json) terminal.out(`${session.style.good("Taken over")}: ${key}.\n`);
  }
}
function stoppedAt(wanted: readonly Plan[], at: number, error: unknown): CliError {
  const keys = wanted.map(({ key }) => key);
  const written = keys.slice(0, at).join(", ") || "none";
  const problem = error instanceof ApiError ? error.problem : null;
  // Without an answer nobody knows whether it was written: running it again finds out.
  const isUnknown = problem === null || problem.status >= 500 || problem.status === 0;
  const why = error instanceof Error ? error.message : String(error);
  const fields = (problem?.fields ?? []).map(({ field, message }) => `  ${field}: ${message}`);
  return new CliError({
    code: problem?.code ?? "LK_CLI_IMPORT",
    title: "The import stopped half-way",
    detail: [
      `${keys[at]} was ${isUnknown ? "not answered" : "refused"}: ${why}`,
      ...fields,
      `Written: ${written}.`,
      `Not written: ${keys.slice(isUnknown ? at + 1 : at).join(", ") || "none"}.`,
      ...(isUnknown ? [`Whether ${keys[at]} was written is not known.`] : []),
    ].join("\n"),
    remedy: `${problem?.remedy ? `${problem.remedy} Then run` : "Run"} it again: what was written is left as it is, and the rest goes on.`,
    ...(problem?.status === 0 ? { exitCode: EXIT.unreachable } : {}),
  });
}

/** What the flag would become, and what changes by that. */
async function plan(session: Session, { key, flag }: ReadFlag, o: ImportOptions): Promise<Plan> {
  const params = { ...session.main, flag: key };
  const known = await session.client.getFlag({ params }).catch((error: unknown) => {
    if (error instanceof ApiError && error.problem.status === 404) return null;
    throw error;
  });
  const definition = (known ? merged(known.definition, flag) : flag) as Definition;
  // What it needs may be new itself: that is looked at when it is there.
  const tried = { ...definition, environments: withoutNeeds(definition.environments ?? {}, o.environment) };
  const put = await session.client.putFlag({
    params,
    body: { definition: tried, dryRun: true, rebucket: o.rebucket === true },
  });
  return { key, definition, put };
}

const withoutNeeds = (environments: NonNullable<Definition["environments"]>, name: string) => {
  const here = environments[name];
  return here ? { ...environments, [name]: { ...here, prerequisites: [] } } : environments;
};

/** What the file says goes first; what it can't know stays: other environments, who owns it, what it is about. */
const merged = (
  known: FlagView["definition"],
  { variants, type, salt, hashVersion, metadata, environments }: ReadFlag["flag"],
) => ({
  ...known,
  ...{ variants, type, salt, hashVersion, ...(metadata ? { metadata } : {}) },
  environments: { ...known.environments, ...environments },
});

/** Those that others need come before them. */
function parentsFirst(flags: readonly ReadFlag[], environment: string): ReadFlag[] {
  const sorted: ReadFlag[] = [];
  const add = (one: ReadFlag, within: readonly string[]): void => {
    if (sorted.includes(one) || within.includes(one.key)) return;
    for (const needed of one.flag.environments[environment]?.prerequisites ?? []) {
      const parent = flags.find((other) => other.key === needed.flag);
      if (parent) add(parent, [...within, one.key]);
    }
    sorted.push(one);
  };
  for (const one of flags) add(one, []);
  return sorted;
}

function planWords(session: Session, plans: readonly Plan[], read: ReadFlags): string {
  const { style } = session;
  const lines = plans.flatMap(({ key, put, definition }) => {
    if (put.flag && put.changes.length === 0) return [`${key}: nothing to change.`];
    if (!put.flag) return [`${style.bold(key)} is new: ${Object.keys(definition.variants ?? {}).join(", ")}`];
    return [`${style.bold(key)} changes:`, ...differenceLines(style, put.changes)];
  });
  const told = read.problems.map(
    ({ path, message, isRefused }) => `${isRefused ? style.bad("Left out") : style.warn("Note")}: ${path}: ${message}.`,
  );
  return `${[...lines, ...told].join("\n")}\n`;
}

async function exportFlags(call: Call<ExportOptions>): Promise<number> {
  const session = call.session();
  const { environment } = call.options;
  const views = await readDefinitions(session, "false");
  const segments = await session.client.listFlagSegments({ params: session.main });
  const flags = views.map(({ key, definition, rollouts, isArchived }) =>
    withRollouts(
      { ...definition, key, isArchived },
      environment,
      rollouts.map((state) => ({ ...state, flag: key })),
    ),
  );
  if (!flags.some((flag) => rulesIn(flag, environment)))
    throw wrongUse(`No flag is in "${environment}".`, "`latchkey flags` shows in which environments they are.");
  const { file, leftOut } = flagdFile({ flags, segments: segments.items, environment }, {});
  call.terminal.out(`${JSON.stringify(file, null, 2)}\n`);
  for (const { flag, path, message } of leftOut) call.terminal.err(`Left out: ${flag}: ${path}: ${message}.\n`);
  return leftOut.length > 0 ? EXIT.notDeployed : EXIT.done;
}
