import { resolve } from "node:path";
import { type Answer, ApiError } from "@latchkey/api/client";
import type { Command } from "commander";
import { addCommand, type Call, type Outcome } from "../command.ts";
import { EXIT, wrongUse } from "../problem.ts";
import type { Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { differenceLines } from "./apply.ts";
import { type Change, propose } from "./flag-proposals.ts";

interface CodeOptions {
  readonly folder: string;
  readonly yes?: boolean;
  readonly rebucket?: boolean;
  readonly ifOwn?: boolean;
  readonly propose?: boolean;
}
type Put = Answer<"putFlag">;

/** `latchkey flags diff|apply`: flags as files of the repository. */
export function addFlagsAsCode(group: Command, terminal: Terminal, outcome: Outcome): void {
  const folder = (command: Command) =>
    command
      .option("--folder <folder>", "where the files are", "flags")
      .option("--rebucket", "another hashing or salt too, though others would get the shares");
  addCommand<CodeOptions>(group, terminal, outcome, {
    usage: "diff",
    about: "show what applying the files of flags/ would change",
    more: "One flag per file, flags/<key>.yaml or .ts. Exits with 3 when there is a difference, so that a pipeline can tell.",
    options: folder,
    examples: [["latchkey flags diff", "changes nothing"]],
    run: async (call) => {
      const plans = await plan(call);
      const changed = plans.filter(({ put }) => put.changes.length > 0);
      return changed.length > 0 ? EXIT.notDeployed : EXIT.done;
    },
  });
  addCommand<CodeOptions>(group, terminal, outcome, {
    usage: "apply",
    about: "apply the files of flags/, after showing the difference",
    more: "The definitions are then managed by code. Switches and rollouts stay as they are. Flags that have no file are left alone.",
    options: (command) =>
      folder(command)
        .option("--yes", "do not ask")
        .option("--propose", "propose what needs a second person, and apply the rest")
        .option("--if-own", "leave flags alone that are archived or that others took over"),
    examples: [
      ["latchkey flags apply", "show, ask, apply"],
      ["latchkey flags apply --yes", "in CI"],
      ["latchkey flags apply --yes --propose", "in CI, where an environment needs a second person"],
    ],
    run: apply,
  });
}

async function plan(call: Call<CodeOptions>) {
  const { readFlags } = await import("@latchkey/config/flags");
  const flags = await readFlags(resolve(call.terminal.cwd, call.options.folder));
  const session = call.session();
  const plans: { key: string; definition: (typeof flags)[number]["definition"]; put: Put }[] = [];
  for (const { key, definition } of flags) {
    if (call.options.ifOwn && (await isOthers(session, key))) continue;
    const put = await session.client.putFlag({
      params: { ...session.main, flag: key },
      body: { definition, manager: "code", dryRun: true, rebucket: call.options.rebucket === true },
    });
    plans.push({ key, definition, put });
    if (!session.json) call.terminal.out(`${words(session, key, put)}\n`);
  }
  if (session.json)
    session.print(
      plans.map(({ key, put }) => ({ key, changes: put.changes })),
      () => "",
    );
  return plans;
}
/** Whether somebody took its definition over, or put it into the archive. */
async function isOthers(session: Session, flag: string): Promise<boolean> {
  try {
    const { manager, isArchived } = await session.client.getFlag({ params: { ...session.main, flag } });
    return isArchived || manager !== "code";
  } catch (error) {
    if (error instanceof ApiError && error.problem.status === 404) return false;
    throw error;
  }
}

function words(session: Session, key: string, put: Put): string {
  const { style } = session;
  const isTaken = put.flag !== null && put.flag.manager !== "code";
  const taken = isTaken ? style.warn(`  its definition is the ${put.flag?.manager}'s until now`) : null;
  if (put.changes.length === 0 && !taken) return `${key}: nothing to change.`;
  const lines = [...differenceLines(style, put.changes), ...(taken ? [taken] : [])];
  return `${style.bold(key)} ${put.flag ? "changes" : "is new"}:\n${lines.join("\n")}`;
}

/** What a file says, for somebody else to agree to. Applied again while it waits, it is not proposed twice. */
async function proposeFile(session: Session, o: { key: string; put: Put; change: Change }): Promise<void> {
  const { key: flag, put, change } = o;
  const query = { flag, state: "waiting" as const, limit: 200 };
  const { items } = await session.client.listFlagProposals({ params: session.main, query });
  const textOf = (changes: Put["changes"]): string =>
    JSON.stringify(changes.map(({ path, before, after }) => [path, before, after]));
  const same = items.find((one) => textOf(one.changes) === textOf(put.changes));
  if (same) session.print(same, () => `Waits for a second person already: ${flag}, as ${same.id}.`);
  else await propose(session, flag, change, "applied from the repository");
}

async function apply(call: Call<CodeOptions>): Promise<number> {
  const { options, terminal } = call;
  const plans = await plan(call);
  const session = call.session();
  const wanted = plans.filter(({ put }) => put.changes.length > 0 || put.flag?.manager !== "code");
  if (wanted.length === 0) return EXIT.done;
  if (!options.yes) {
    if (!terminal.canAsk)
      throw wrongUse(
        "There are changes, and nobody is there to agree.",
        "Add --yes, or only look: latchkey flags diff.",
      );
    if (!(await terminal.agrees(`Apply this to ${wanted.length === 1 ? "1 flag" : `${wanted.length} flags`}?`))) {
      terminal.out("Left as it was.\n");
      return EXIT.done;
    }
  }
  for (const { key, definition, put } of wanted) {
    if (options.propose && put.needsApproval.length > 0) {
      const change = {
        kind: "put" as const,
        definition,
        manager: "code" as const,
        rebucket: options.rebucket === true,
      };
      await proposeFile(session, { key, put, change });
      continue;
    }
    await session.client.putFlag({
      params: { ...session.main, flag: key },
      body: {
        ...{ definition, manager: "code", ifVersion: put.flag?.version ?? 0, reason: "applied from the repository" },
        rebucket: options.rebucket === true,
      },
    });
    if (!session.json) terminal.out(`${session.style.good("Applied")}: ${key}.\n`);
  }
  return EXIT.done;
}
