import type { Command } from "commander";
import { wrongUse } from "./problem.ts";
import { type GlobalOptions, openSession, type Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";
import { parseDuration } from "./text.ts";

/** What a command is told when it runs: its arguments and options, and how to reach the server. */
export interface Call<Options> {
  readonly args: readonly string[];
  readonly options: Options & GlobalOptions;
  readonly terminal: Terminal;
  /** Opened when it is asked for: commands that need no server read no token. */
  readonly session: () => Session;
}

export interface CommandSpec<Options> {
  /** Name and arguments, as commander writes them: "release <id>". */
  readonly usage: string;
  /** One line for the list of commands. */
  readonly about: string;
  /** More sentences for the command's own help. */
  readonly more?: string;
  readonly alias?: string;
  /** The heading under which the list shows it. */
  readonly group?: string;
  /** Works, but is not shown: an older name. */
  readonly hidden?: boolean;
  /** Stands for the group when no subcommand is named. */
  readonly isDefault?: boolean;
  readonly options?: (command: Command) => unknown;
  /** Command lines and what they do. */
  readonly examples: readonly (readonly [string, string])[];
  /** The exit code, when it is not simply 0. */
  readonly run: (call: Call<Options>) => Promise<number | undefined>;
}

/** Holds the exit code of the command that ran: commander's actions answer nothing. */
export interface Outcome {
  exitCode: number;
}

export function addCommand<Options>(
  parent: Command,
  terminal: Terminal,
  outcome: Outcome,
  spec: CommandSpec<Options>,
): Command {
  const command = parent
    .command(spec.usage, { hidden: spec.hidden ?? false, isDefault: spec.isDefault ?? false })
    .summary(spec.about)
    .description(spec.more ? `${capital(spec.about)}.\n\n${spec.more}` : `${capital(spec.about)}.`);
  if (spec.alias) command.alias(spec.alias);
  if (spec.group) command.helpGroup(spec.group);
  spec.options?.(command);
  command.addHelpText("after", examplesText(spec.examples));
  command.action(async (...given: unknown[]) => {
    const self = given.at(-1) as Command;
    const options = self.optsWithGlobals() as Options & GlobalOptions;
    const args = self.args;
    outcome.exitCode =
      (await spec.run({ args, options, terminal, session: () => openSession(terminal, options) })) ?? 0;
  });
  return command;
}

export function addGroup(
  parent: Command,
  o: { name: string; about: string; group: string; examples: CommandSpec<object>["examples"] },
): Command {
  return parent
    .command(o.name)
    .summary(o.about)
    .description(`${capital(o.about)}.`)
    .helpGroup(o.group)
    .helpCommand(false)
    .addHelpText("after", examplesText(o.examples));
}

export function examplesText(examples: readonly (readonly [string, string])[]): string {
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, words]) =>
    width + words.length < 100 ? `  ${line.padEnd(width)}   ${words}` : `  ${line}\n      ${words}`,
  );
  return `\nExamples:\n${lines.join("\n")}\n`;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

export function durationOption(text: string, flag: string): number {
  const ms = parseDuration(text);
  if (ms === null || ms <= 0)
    throw wrongUse(`${flag} ${text} is not a time.`, `Write it as 90s, 10m or 2h: ${flag} 10m.`);
  return ms;
}

export function countOption(text: string, flag: string, from: number, to: number): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < from || count > to)
    throw wrongUse(`${flag} ${text} does not fit.`, `It is a whole number from ${from} to ${to}.`);
  return count;
}

export function numberOption(text: string, flag: string, from: number, to: number): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= from && value <= to))
    throw wrongUse(`${flag} ${text} does not fit.`, `It is a number from ${from} to ${to}.`);
  return value;
}
