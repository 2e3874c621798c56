import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { findConfig, loadConfig } from "@latchkey/config/load";
import type { Command } from "commander";
import { openSession, print, stateDir } from "./session.ts";

const main = { project: "main" } as const;

/** Commands that change something. */
export function addAct(program: Command): void {
  for (const [name, action, words] of [
    ["pause", "pause", "stop at this share; harm still rolls back"],
    ["resume", "resume", "go on with the steps"],
    ["promote", "promote", "promote without waiting for proof"],
    ["rollback", "roll_back", "go back to the release before"],
    ["abort", "abort", "give this rollout up"],
  ] as const) {
    program
      .command(`${name} <rollout>`)
      .description(words)
      .requiredOption("--reason <text>", "why, for the record")
      .action(async (rolloutId: string, options: { reason: string }, command: Command) => {
        const session = openSession(Boolean(command.optsWithGlobals().json));
        const rollout = await session.client.actOnRollout({
          params: { ...main, rolloutId },
          body: { action, reason: options.reason },
        });
        print(
          session,
          rollout,
          () => `${rollout.service}: ${rollout.state.replaceAll("_", " ")}. Next: ${rollout.next.words}`,
        );
      });
  }
  addApply(program);
  const config = program.command("config").description("the configuration of your services");
  config
    .command("check [file]")
    .description("read latchkey.config.ts and say what is wrong with it")
    .action(async (file: string | undefined, _: unknown, command: Command) => {
      const loaded = await loadConfig(configFile(file));
      print(
        { json: Boolean(command.optsWithGlobals().json) },
        loaded.services,
        () => `${loaded.file} is good: ${loaded.services.map((s) => s.name).join(", ")}.`,
      );
    });
  program
    .command("sign-in")
    .description("print a link that signs a browser in, once")
    .action((_: unknown, command: Command) => {
      const file = join(stateDir() ?? ".latchkey", "sign-in.url");
      if (!existsSync(file)) throw new Error("There is no sign-in link here. Is the server running (`npm start`)?");
      const url = readFileSync(file, "utf8").trim();
      print({ json: Boolean(command.optsWithGlobals().json) }, { url }, () => url);
    });
  program
    .command("verify-ledger")
    .description("walk the whole ledger and compare it with the signed checkpoint")
    .action(async (_: unknown, command: Command) => {
      const session = openSession(Boolean(command.optsWithGlobals().json));
      const result = await session.client.verifyLedger({ params: main });
      print(session, result, () => result.words);
      if (!result.ok) process.exitCode = 1;
    });
}

function configFile(given: string | undefined): string {
  const file = given ? resolve(given) : findConfig(process.cwd());
  if (!file || !existsSync(file)) throw new Error("There is no latchkey.config.ts here or above. Name one with -f.");
  return file;
}

function addApply(program: Command): void {
  program
    .command("apply")
    .description("apply latchkey.config.ts; shows the difference first")
    .option("-f, --file <file>", "the configuration")
    .option("--dry-run", "only show the difference")
    .option("--yes", "do not ask")
    .action(async (options: { file?: string; dryRun?: boolean; yes?: boolean }, command: Command) => {
      const session = openSession(Boolean(command.optsWithGlobals().json));
      const loaded = await loadConfig(configFile(options.file));
      for (const config of loaded.services) {
        const plan = await session.client.applyService({
          params: main,
          body: { config, root: loaded.root, dryRun: true },
        });
        const lines = plan.changes.map((c) => `  ${c.path}: ${JSON.stringify(c.before)} -> ${JSON.stringify(c.after)}`);
        if (plan.changes.length === 0 || options.dryRun) {
          print(session, plan, () =>
            plan.changes.length === 0
              ? `${config.name}: nothing to change.`
              : `${config.name} would change:\n${lines.join("\n")}`,
          );
          continue;
        }
        if (!session.json) process.stdout.write(`${config.name} changes:\n${lines.join("\n")}\n`);
        if (!options.yes && !(await agrees())) continue;
        const done = await session.client.applyService({
          params: main,
          body: { config, root: loaded.root, dryRun: false },
        });
        print(session, done, () => `${config.name}: applied.`);
      }
    });
}

async function agrees(): Promise<boolean> {
  if (!process.stdin.isTTY) throw new Error("Nobody is there to agree: add --yes.");
  const { confirm } = await import("@clack/prompts");
  return (await confirm({ message: "Apply this?" })) === true;
}
