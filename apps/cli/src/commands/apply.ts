import { resolve } from "node:path";
import type { Answer } from "@latchkey/api/client";
import type { Command } from "commander";
import { addCommand, addGroup, type Call, type Outcome } from "../command.ts";
import { CliError, EXIT, wrongUse } from "../problem.ts";
import type { Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import type { Style } from "../text.ts";

interface ApplyOptions {
  readonly file?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}
type Applied = Answer<"applyService">;

export function addApply(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<ApplyOptions>(program, terminal, outcome, {
    usage: "apply",
    about: "apply the configuration of your services, after showing the difference",
    more: "Reads latchkey.config.ts, .yaml or .yml, here or in a folder above. Asks before anything is changed; where nobody can answer (CI), --yes must be given.",
    group: "Change what is served:",
    options: (command) =>
      command
        .option("-f, --file <file>", "the configuration, when it is not found by its name")
        .option("--dry-run", "only show the difference")
        .option("--yes", "do not ask"),
    examples: [
      ["latchkey apply", "show what would change, ask, apply"],
      ["latchkey apply --dry-run", "only show it"],
      ["latchkey apply --yes -f deploy/latchkey.config.yaml", "in CI"],
    ],
    run: apply,
  });
}

async function apply({ session: open, options, terminal }: Call<ApplyOptions>): Promise<number> {
  const session = open();
  const { loadConfig } = await import("@latchkey/config/load");
  const loaded = await loadConfig(await configFile(terminal, options.file));
  const answers: Applied[] = [];
  for (const config of loaded.services) {
    const ask = (dryRun: boolean) =>
      session.client.applyService({ params: session.main, body: { config, root: loaded.root, dryRun } });
    const plan = await ask(true);
    if (!session.json) terminal.out(differenceWords(session, config.name, plan));
    const isNeeded = plan.changes.length > 0 && !options.dryRun;
    if (!isNeeded || !(await mayApply(options, terminal, config.name))) {
      answers.push(plan);
      continue;
    }
    answers.push(await ask(false));
    if (!session.json) terminal.out(`${session.style.good("Applied")}: ${config.name}.\n`);
  }
  if (session.json) session.print(answers, () => "");
  return EXIT.done;
}

async function mayApply(options: ApplyOptions, terminal: Terminal, name: string): Promise<boolean> {
  if (options.yes) return true;
  if (!terminal.canAsk)
    throw wrongUse(
      "There are changes, and nobody is there to agree.",
      "Add --yes to apply them, or --dry-run to only see them.",
    );
  const agreed = await terminal.agrees(`Apply this to ${name}?`);
  if (!agreed) terminal.out(`Left as it was: ${name}.\n`);
  return agreed;
}

function differenceWords(session: Session, name: string, plan: Applied): string {
  const { style } = session;
  if (plan.changes.length === 0) return `${name}: nothing to change.\n`;
  const isNew = plan.changes.every((c) => c.before === undefined || c.before === null);
  const lines = differenceLines(style, plan.changes);
  return `${style.bold(name)} ${isNew ? "is new" : "changes"}:\n${lines.join("\n")}\n`;
}

/** A change a line: what comes, goes, and becomes something else. */
export function differenceLines(style: Style, changes: Applied["changes"]): string[] {
  const value = (given: unknown): string => JSON.stringify(given) ?? "nothing";
  return changes.map(({ path, before, after }) => {
    const field = path === "" ? "(all of it)" : path;
    if (before === undefined || before === null) return style.good(`  + ${field}: ${value(after)}`);
    if (after === undefined || after === null) return style.bad(`  - ${field}: ${value(before)}`);
    return style.warn(`  ~ ${field}: ${value(before)} -> ${value(after)}`);
  });
}

async function configFile(terminal: Terminal, given: string | undefined): Promise<string> {
  const { assertConfigFile, findConfig } = await import("@latchkey/config/load");
  if (given !== undefined) {
    const file = resolve(terminal.cwd, given);
    assertConfigFile(file);
    return file;
  }
  const file = findConfig(terminal.cwd);
  if (file) return file;
  throw new CliError({
    code: "LK_CLI_NO_CONFIG",
    title: "No configuration",
    detail: "There is no latchkey.config.ts, .yaml or .yml here or in a folder above.",
    remedy:
      "Write one (`latchkey config schema` describes it), or say where it is: `latchkey apply -f FILE`, `latchkey config check FILE`.",
  });
}

/** `latchkey config ...`: reads configuration without a server. */
export function addConfig(program: Command, terminal: Terminal, outcome: Outcome): void {
  const group = addGroup(program, {
    name: "config",
    about: "check and print configuration, without a server",
    group: "Set it up:",
    examples: [
      ["latchkey config check", "is it good, and if not, what is to mend?"],
      ["latchkey config schema > latchkey.schema.json", "completion in your editor"],
    ],
  });
  addCommand<{ server?: boolean }>(group, terminal, outcome, {
    usage: "check [file]",
    about: "read the configuration of your services and say what is wrong with it",
    more: "Every mistake is told with its line, its field and its fix. With --server the server's own configuration (config.json, environment) is checked as well.",
    options: (command) => command.option("--server", "also check the server's own configuration"),
    examples: [
      ["latchkey config check", "the one that is found here or above"],
      ["latchkey config check latchkey.config.yaml", "this one"],
      ["latchkey config check --server", "and the server's: ports, addresses, database"],
    ],
    run: checkConfig,
  });
  addCommand<object>(group, terminal, outcome, {
    usage: "show [file]",
    about: "print the canonical form: every default filled in, as the server gets it",
    examples: [["latchkey config show", "as JSON"]],
    run: async ({ args }) => {
      const { readServices } = await import("@latchkey/config/load");
      terminal.out(`${JSON.stringify(await readServices(await configFile(terminal, args[0])), null, 2)}\n`);
      return undefined;
    },
  });
  addCommand<object>(group, terminal, outcome, {
    usage: "schema",
    about: "print the JSON Schema of latchkey.config.yaml, for editors",
    more: "Begin the YAML file with `# yaml-language-server: $schema=./latchkey.schema.json` to get completion.",
    examples: [["latchkey config schema > latchkey.schema.json", "write it beside the configuration"]],
    run: async () => {
      const { configJsonSchema } = await import("@latchkey/config/json-schema");
      terminal.out(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
      return undefined;
    },
  });
}

async function checkConfig({ args, options, terminal }: Call<{ server?: boolean }>): Promise<number> {
  const { loadConfig } = await import("@latchkey/config/load");
  const loaded = await loadConfig(await configFile(terminal, args[0]));
  const server = options.server ? await checkServer(terminal) : null;
  if (options.json) {
    terminal.out(
      `${JSON.stringify({ file: loaded.file, services: loaded.services, ...(server ? { server } : {}) })}\n`,
    );
    return EXIT.done;
  }
  terminal.out(`${loaded.file} is good: ${loaded.services.map((s) => s.name).join(", ")}.\n`);
  if (server) {
    const fields = Object.entries(server).map(([name, value]) => `  ${name}: ${value}`);
    terminal.out(`The server's own configuration is good:\n${fields.join("\n")}\n`);
  }
  return EXIT.done;
}

async function checkServer(terminal: Terminal): Promise<Record<string, unknown>> {
  const { parseServerConfig } = await import("@latchkey/config/server");
  const { existsSync, readFileSync } = await import("node:fs");
  const config = parseServerConfig({
    env: terminal.env,
    argv: [],
    cwd: terminal.cwd,
    readText: (file) => (existsSync(file) ? readFileSync(file, "utf8") : null),
  });
  // The database's address holds a password.
  return { ...config, ...(config.databaseUrl ? { databaseUrl: "(given)" } : {}) };
}
