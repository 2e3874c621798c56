import type { Answer } from "@latchkey/api/client";
import type { Command } from "commander";
import { addCommand, type Outcome } from "../command.ts";
import { daysOption } from "../days.ts";
import { wrongUse } from "../problem.ts";
import type { Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { clip, moment, table } from "../text.ts";

const GROUP = "See what is there:";
const EXCEPTIONS_SHOWN = 20;

interface ZeroTouchOptions {
  readonly commit?: string;
  readonly branch?: string;
  readonly environment: string;
}
interface AutomationOptions {
  readonly days: string;
}

/** How much goes to production by itself. */
export function addAutomation(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<AutomationOptions>(program, terminal, outcome, {
    usage: "automation [service]",
    about: "how much goes to production by itself, how often it fails there, and how reliable the pipeline is",
    more: "Automatic is a deployment that a merge or a pipeline asked for, that nobody approved and that nobody acted on. Failed is one that visitors met and that was taken back, then or later. The pipeline let a deployment down where a gate that it needed could not run.",
    group: GROUP,
    options: (command) => command.option("--days <n>", "how far back, 1 to 90", "30"),
    examples: [["latchkey automation leads --days 7", "of one service, in the last week"]],
    run: async ({ session: open, args, options }) => {
      const days = daysOption(options.days, 90);
      const session = open();
      const query = { days, ...(args[0] === undefined ? {} : { service: args[0] }) };
      const answer = await session.client.getAutomation({ params: session.main, query });
      session.print(answer, () => automationWords(answer, session));
      return undefined;
    },
  });
}

/** Why a deployment went out alone, or waited for a person. */
export function addZeroTouch(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<ZeroTouchOptions>(program, terminal, outcome, {
    usage: "zero-touch <deployment>",
    about: "why a deployment went out with nobody watching, or waited for a person; or what a commit would do",
    more: "Shows each rule of the service's gate of kind zero_touch with its answer, works the decision out again from the recorded evidence, and says whether it comes to the same. A service's name stands for its newest deployment. With --commit nothing is deployed: each rule is asked of what that commit would change, as things stand now.",
    group: GROUP,
    options: (command) =>
      command
        .option("--commit <hash>", "of a service: which rules this commit would meet")
        .option("--branch <name>", "with --commit, where the sources are on GitHub: the branch that it is on")
        .option("--environment <name>", "with --commit: where it would go", "production"),
    examples: [
      ["latchkey zero-touch leads", "of the newest deployment"],
      ["latchkey zero-touch leads --commit $(git rev-parse HEAD)", "what would be asked of the commit at hand"],
    ],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const { commit, branch, environment } = options;
      if (commit !== undefined) {
        const seen = await session.client.previewZeroTouch({
          params: { ...session.main, service: args[0] ?? "" },
          query: { commit, environment, ...(branch === undefined ? {} : { branch }) },
        });
        session.print(seen, () => previewWords(seen, session));
        return undefined;
      }
      if (branch !== undefined) throw wrongUse("--branch goes with --commit.", "Give the commit too.");
      const deploymentId = await deploymentOf(session, args[0] ?? "");
      const answer = await session.client.getZeroTouch({ params: { ...session.main, deploymentId } });
      session.print(answer, () => zeroTouchWords(answer, session));
      return undefined;
    },
  });
}

function previewWords(seen: Answer<"previewZeroTouch">, session: Session): string {
  const since = seen.since === null ? "" : `, since ${seen.since.slice(0, 8)} that serves`;
  return [
    `${seen.service}, commit ${seen.commit.slice(0, 8)} to ${seen.environment}${since}: ${seen.words}`,
    ...seen.items.map(({ gate, reasons }) =>
      table(
        [gate, "", ""],
        reasons.map((r) => [r.rule, r.holds ? "holds" : "asks for a person", r.words]),
        session.style,
      ),
    ),
  ].join("\n");
}

async function deploymentOf(session: Session, target: string): Promise<string> {
  if (target.startsWith("dep_")) return target;
  const { items } = await session.client.listDeployments({
    params: session.main,
    query: { service: target, limit: 1 },
  });
  const newest = items[0]?.id;
  if (newest === undefined)
    throw wrongUse(`${target} has no deployment.`, "Give a deployment's id, or a service that was shipped.");
  return newest;
}

function automationWords(a: Answer<"getAutomation">, session: Session): string {
  const row = (name: string, share: typeof a.coverage, goal: string) => [
    name,
    share.ratio === null ? "-" : `${Math.round(share.ratio * 1_000) / 10} %`,
    `${share.count} of ${share.of}`,
    goal,
    share.holds === null ? "nothing to measure" : share.holds ? "holds" : "missed",
  ];
  const shares = table(
    ["measure", "share", "deployments", "goal", ""],
    [
      row("automatic", a.coverage, "at least 90 %"),
      row("failed in production", a.failed, "at most 1 %"),
      row("not let down by the pipeline", a.reliability, "at least 99 %"),
    ],
    session.style,
  );
  if (a.exceptions.length === 0) return shares;
  const shown = a.exceptions.slice(0, EXCEPTIONS_SHOWN);
  const rows = shown.map((e) => [e.deploymentId, moment(e.endedAt), e.kind, clip(e.words, 80)]);
  const rest = a.exceptions.length - shown.length;
  return `${shares}\n\n${table(["deployment", "ended", "kind", "why"], rows, session.style)}${rest > 0 ? `\nand ${rest} more (--json has them)` : ""}`;
}

function zeroTouchWords({ items }: Answer<"getZeroTouch">, session: Session): string {
  if (items.length === 0)
    return "Nothing was decided: its service has no gate of kind zero_touch, or the gates before it have not passed.";
  return items
    .map((d) => {
      const verdict = d.alone ? "goes out with nobody watching" : "waits for a person";
      const replay =
        d.isReplayed === null
          ? `Decided by ${d.version}, which this server does not have any more.`
          : d.isReplayed
            ? "Worked out again from the recorded evidence it comes to the same."
            : "Worked out again from the recorded evidence it comes to something else: that must not be.";
      const rows = d.reasons.map((r) => [r.rule, r.holds ? "holds" : "asks for a person", r.words]);
      return `${d.deploymentId} ${verdict} (gate "${d.gate}", ${moment(d.decidedAt)}).\n${table(["rule", "", "what"], rows, session.style)}\n${replay}`;
    })
    .join("\n\n");
}
