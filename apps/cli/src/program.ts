import { Command, CommanderError } from "commander";
import manifest from "../package.json" with { type: "json" };
import { examplesText, type Outcome } from "./command.ts";
import { addAccess } from "./commands/access.ts";
import { addAdopt } from "./commands/adopt.ts";
import { addApply, addConfig } from "./commands/apply.ts";
import { addApprovals } from "./commands/approvals.ts";
import { addAutomation, addZeroTouch } from "./commands/automation.ts";
import { addBackups } from "./commands/backup.ts";
import { addBuildNetlify } from "./commands/build-netlify.ts";
import { addCi } from "./commands/ci.ts";
import { addCompletion } from "./commands/completion.ts";
import { addDora } from "./commands/dora.ts";
import { addFlags } from "./commands/flags.ts";
import { addGates } from "./commands/gates.ts";
import { addGithub } from "./commands/github.ts";
import { addImport } from "./commands/import.ts";
import { addInit } from "./commands/init.ts";
import { addInsights } from "./commands/insights.ts";
import { addLedger } from "./commands/ledger.ts";
import { addLook } from "./commands/look.ts";
import { addContract, addMigrations } from "./commands/migrations.ts";
import { addNetlify } from "./commands/netlify.ts";
import { addNotifications } from "./commands/notifications.ts";
import { addPeople } from "./commands/people.ts";
import { addPipeline } from "./commands/pipeline.ts";
import { addPlanCanary } from "./commands/plan-canary.ts";
import { addPreviews } from "./commands/previews.ts";
import { addPath, addPromote } from "./commands/promote.ts";
import { addResumeDeployments, addRollback } from "./commands/rollback.ts";
import { addActions, addShip, addSplit } from "./commands/ship.ts";
import { addTargets } from "./commands/targets.ts";
import { EXIT, problemFrom, problemWords, type ReportedProblem } from "./problem.ts";
import { findToken } from "./session.ts";
import type { Terminal } from "./terminal.ts";
import { styleFor } from "./text.ts";

const ABOUT = `Ship changes through a judged canary, and see what happened and why.

A service is built into a release, passes its gates, and gets a small share of the traffic. A judge compares it with the release before: harm rolls it back, proof of safety promotes it. Every decision is in the ledger.`;

const AFTER = `${examplesText([
  ["latchkey services", "what is served, and how it does"],
  ["latchkey ship leads --wait", "build the working tree, judge it, promote it or roll it back"],
  ["latchkey rollout leads --watch", "follow the rollout that is under way"],
  ["latchkey explain leads", "why the last one went as it did"],
])}
Exit codes:
  0   done
  1   an error; what was wrong and what to do is on standard error
  2   wrong use: no such command or option, or something is missing
  3   it was not deployed, it was rolled back, or it was not done within --timeout
  4   the server can't be reached

Environment:
  LATCHKEY_URL       the server's address (http://127.0.0.1:7400); of several servers all, with commas between them
  LATCHKEY_TOKEN     an API token; without it .latchkey/cli.token is read, here or in a folder above
  LATCHKEY_PROJECT   the project (main)
  LATCHKEY_DIR       where .latchkey is, when it is elsewhere
  NO_COLOR           no colours; CI=1 also means plain lines instead of a spinner

With --json an answer is JSON on standard output and an error is problem JSON (RFC 9457) on standard error.
latchkey <command> --help explains each command.
`;

/** The whole command line as data; `run` runs it. */
export function createProgram(terminal: Terminal, outcome: Outcome): Command {
  const program = new Command("latchkey");
  program
    .description(ABOUT)
    .version(manifest.version, "--version", "print this program's version")
    .option("--json", "answer in JSON; errors are problem JSON on standard error")
    .option("--url <address>", "the server's address, instead of LATCHKEY_URL")
    .option("--project <name>", "the project, instead of LATCHKEY_PROJECT")
    .helpOption("-h, --help", "explain this command")
    .helpCommand(false)
    .exitOverride()
    .configureHelp({
      showGlobalOptions: true,
      subcommandTerm: (command) =>
        [
          command.name(),
          ...command.registeredArguments.map((a) => (a.required ? `<${a.name()}>` : `[${a.name()}]`)),
        ].join(" "),
      // The program's own help has them above.
      visibleGlobalOptions: (command) =>
        command === program ? [] : program.options.filter((option) => option.long !== "--version"),
    })
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text),
      // Said in `run`, in the form that was asked for.
      outputError: () => {},
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText("after", AFTER);
  addShip(program, terminal, outcome);
  addGates(program, terminal, outcome);
  addApply(program, terminal, outcome);
  addFlags(program, terminal, outcome);
  addPromote(program, terminal, outcome);
  addMigrations(program, terminal, outcome);
  addContract(program, terminal, outcome);
  addActions(program, terminal, outcome);
  addRollback(program, terminal, outcome);
  addResumeDeployments(program, terminal, outcome);
  addSplit(program, terminal, outcome);
  addApprovals(program, terminal, outcome);
  addLook(program, terminal, outcome);
  addTargets(program, terminal, outcome);
  addPreviews(program, terminal, outcome);
  addPath(program, terminal, outcome);
  addAutomation(program, terminal, outcome);
  addDora(program, terminal, outcome);
  addInsights(program, terminal, outcome);
  addZeroTouch(program, terminal, outcome);
  addPipeline(program, terminal, outcome);
  addPlanCanary(program, terminal, outcome);
  addLedger(program, terminal, outcome);
  addAccess(program, terminal, outcome);
  addPeople(program, terminal, outcome);
  addNotifications(program, terminal, outcome);
  addBackups(program, terminal, outcome);
  addConfig(program, terminal, outcome);
  addAdopt(program, terminal, outcome);
  addImport(program, terminal, outcome);
  addInit(program, terminal, outcome);
  addGithub(program, terminal, outcome);
  addCi(program, terminal, outcome);
  addBuildNetlify(program, terminal, outcome);
  addNetlify(program, terminal, outcome);
  addCompletion(program, terminal, outcome);
  return program;
}

/** Runs a command line (without the program's name) and answers its exit code. */
export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  const outcome: Outcome = { exitCode: EXIT.done };
  const program = createProgram(terminal, outcome);
  if (argv.length === 0) {
    program.outputHelp();
    return EXIT.done;
  }
  try {
    await program.parseAsync(argv, { from: "user" });
    return outcome.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
    const problem =
      error instanceof CommanderError
        ? usageProblem(error, deepest(program, argv))
        : problemFrom(error, { hasToken: findToken(terminal) !== null });
    const style = styleFor(terminal);
    if (argv.includes("--json")) terminal.err(`${JSON.stringify(problem)}\n`);
    else terminal.err(`${colourFirstLine(problemWords(problem), style.bad)}\n`);
    return problem.exitCode;
  }
}

/** Commander's short words as sentences, with where to read on. */
function usageProblem(error: CommanderError, command: Command): ReportedProblem {
  const text = error.message.replace(/^error: /, "");
  const [first = "", hint] = text.split("\n");
  const sentence = first.charAt(0).toUpperCase() + first.slice(1);
  const meant = /\((Did you mean .*\?)\)/.exec(hint ?? "")?.[1];
  const isGroup = error.code === "commander.help";
  return {
    type: "about:blank",
    title: "This is not how it is used",
    status: 0,
    code: "LK_CLI_USAGE",
    detail: isGroup
      ? `latchkey ${pathOf(command)} needs one of: ${command.commands.map((c) => c.name()).join(", ")}.`
      : `${sentence.replace(/\.?$/, ".")}${meant ? ` ${meant}` : ""}`,
    remedy: `See: latchkey ${[pathOf(command), "--help"].filter(Boolean).join(" ")}`,
    requestId: "",
    exitCode: EXIT.usage,
  };
}

/** The command that the words lead to, as far as they do. */
function deepest(program: Command, argv: readonly string[]): Command {
  let command = program;
  for (const word of argv) {
    const next = command.commands.find((c) => c.name() === word || c.aliases().includes(word));
    if (next) command = next;
  }
  return command;
}

function pathOf(command: Command): string {
  const names: string[] = [];
  for (let at: Command | null = command; at?.parent; at = at.parent) names.unshift(at.name());
  return names.join(" ");
}

const colourFirstLine = (text: string, colour: (text: string) => string): string => {
  const [first = "", ...rest] = text.split("\n");
  return [colour(first), ...rest].join("\n");
};
