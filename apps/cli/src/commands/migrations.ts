import type { Answer } from "@latchkey/api/client";
import type { Command } from "commander";
import { addCommand, addGroup, type Outcome } from "../command.ts";
import type { Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { clip, moment, state, table } from "../text.ts";
import { addMigrationsBaseline, addMigrationsDump } from "./migrations-baseline.ts";
import { addMigrationsLint } from "./migrations-lint.ts";
import { addMigrationsPlan } from "./migrations-plan.ts";

/** The schemas of a service's databases: what ran, what would run, what is dangerous, and how it began. */
export function addMigrations(program: Command, terminal: Terminal, outcome: Outcome): void {
  const group = addGroup(program, {
    name: "migrations",
    about: "what ran in a service's databases, and what waits",
    group: "See what is there:",
    examples: [
      ["latchkey migrations leads", "each environment's schema"],
      ["latchkey migrations lint db/migrations", "what is dangerous in a folder's files"],
    ],
  });
  addCommand(group, terminal, outcome, {
    usage: "show <service>",
    about: "which migrations ran, and what the next contract waits for; `latchkey migrations <service>` does this",
    isDefault: true,
    examples: [["latchkey migrations leads", "each environment's schema"]],
    run: async ({ session: open, args }) => {
      const session = open();
      const answer = await session.client.listMigrations({ params: { ...session.main, service: args[0] ?? "" } });
      session.print(answer, () => schemaWords(answer, session, args[0] ?? ""));
      return undefined;
    },
  });
  addMigrationsPlan(group, terminal, outcome);
  addMigrationsBaseline(group, terminal, outcome);
  addMigrationsDump(group, terminal, outcome);
  addMigrationsLint(group, terminal, outcome);
}

interface ContractOptions {
  readonly environment: string;
  readonly reason: string;
}
/** A person's word that nobody goes back any more. */
export function addContract(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<ContractOptions>(program, terminal, outcome, {
    usage: "contract <service> <file>",
    about: "run the next contract now, without waiting for the end of the rollback window",
    more: "After it no release that does not know the file can be served again: a rollback to one is refused. It never runs while a deployment is under way, or while the release that serves does not know it.",
    group: "Change what is served:",
    options: (command) =>
      command
        .requiredOption("--reason <text>", "why, for the record")
        .option("--environment <name>", "whose database", "production"),
    examples: [['latchkey contract leads 0003-contract-mail.sql --reason "nobody reads it"', "in production"]],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const answer = await session.client.contractSchema({
        params: { ...session.main, service: args[0] ?? "" },
        body: { environment: options.environment, file: args[1] ?? "", reason: options.reason },
      });
      session.print(answer, () => answer.words);
      return undefined;
    },
  });
}

function schemaWords({ items }: Answer<"listMigrations">, session: Session, service: string): string {
  if (items.length === 0) return `${service} has no gate of kind migrations: Latchkey leaves its databases alone.`;
  return items
    .map((schema) => {
      const rows = schema.migrations.map((m) => [
        ...[m.file, m.phase, state(m.state, session.style), m.finishedAt ? moment(m.finishedAt) : "-"],
        clip(m.words, 80),
      ]);
      const ran =
        rows.length === 0 ? "Nothing ran yet." : table(["file", "phase", "state", "when", ""], rows, session.style);
      const { next } = schema;
      const failed = next?.failed ? ` It failed; \`latchkey contract ${service} ${next.file}\` tries again.` : "";
      const waits = next ? `\nNext contract: ${next.file}. ${next.waits ?? "It runs now."}${failed}` : "";
      return `${schema.environment} (${schema.folder})\n${ran}${waits}${baselineWords(schema)}`;
    })
    .join("\n\n");
}

function baselineWords({ baseline }: Answer<"listMigrations">["items"][number]): string {
  if (!baseline) return "";
  if (baseline.state !== "taken")
    return "\nBaseline: begun and not finished. Ask for it again; until then nothing migrates.";
  const n = baseline.files.length;
  const accepted = baseline.differences.length > 0 ? `, with differences accepted: ${baseline.reason}` : "";
  return `\nBaseline: ${n} ${n === 1 ? "file was" : "files were"} taken as applied by ${baseline.by} on ${moment(baseline.takenAt)}${accepted}.`;
}
