import { ApiError, type Arguments } from "@latchkey/api/client";
import { type Command, Option } from "commander";
import { addCommand, type Call, durationOption, type Outcome } from "../command.ts";
import { endingWords, followDeployment } from "../follow.ts";
import { CliError, EXIT, wrongUse } from "../problem.ts";
import { isPromoted, isUnderWay } from "../rollout-words.ts";
import type { Session } from "../session.ts";
import { deploymentOf, releaseOf, rolloutOf } from "../targets.ts";
import type { Terminal } from "../terminal.ts";
import { duration, plain } from "../text.ts";

const CHANGE = "Change what is served:";

interface ShipOptions {
  readonly environment: string;
  readonly fault?: string;
  readonly strategy?: "canary" | "blue_green" | "all_at_once";
  readonly release?: string;
  readonly reason?: string;
  readonly overrideFreeze?: string;
  readonly overrideWindow?: string;
  readonly overridePath?: string;
  readonly ifBusy: "refuse" | "batch" | "queue" | "supersede";
  readonly wait?: boolean;
  readonly timeout?: string;
}

export function addShip(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<ShipOptions>(program, terminal, outcome, {
    usage: "ship <service>",
    about: "build the working tree, pass its gates, and roll it out under judgement",
    more: "With --wait this follows the deployment until it is promoted (exit code 0), or was not deployed or rolled back (exit code 3). Ctrl-C stops the following; the deployment goes on.",
    group: CHANGE,
    options: (command) =>
      command
        .option("--environment <name>", "where to", "production")
        .option("--release <id-or-number>", "roll out this release instead of building one, such as leads/12")
        .addOption(
          new Option("--strategy <kind>", "how, instead of as configured").choices([
            "canary",
            "blue_green",
            "all_at_once",
          ]),
        )
        .option(
          "--fault <fault>",
          "rehearse: none (a healthy one), errors=5%, latency=+50%, crash-after=200, leak, slow-tail=3%x10, broken-page",
        )
        .option("--reason <text>", "why, for the record")
        .addOption(
          new Option(
            "--if-busy <what>",
            "when another rollout is under way: wait for it and go out with what else waits (batch), wait and go out alone (queue), end it (supersede)",
          )
            .choices(["refuse", "batch", "queue", "supersede"])
            .default("refuse"),
        )
        .option("--override-freeze <reason>", "go out in spite of a freeze, and why: for owners")
        .option("--override-window <reason>", "go out although a gate of kind window is closed, and why: for owners")
        .option("--override-path <reason>", "skip the environment that it would be promoted from, and why: for owners")
        .option("--wait", "follow it until it is promoted or over")
        .option(
          "--timeout <time>",
          "with --wait: stop following after this time, such as 90s, 10m or 2h (exit code 3)",
        ),
    examples: [
      ["latchkey ship leads --wait", "ship what is in the working tree"],
      ["latchkey ship leads --wait --timeout 20m --json", "in CI: the deployment as JSON, the exit code as the answer"],
      [
        "latchkey ship leads --if-busy batch --wait",
        "after the rollout under way, with the other changes that wait for it",
      ],
      ["latchkey ship leads --release leads/12 --wait", "go back to an older release, judged like any other"],
      ["latchkey ship leads --fault errors=5% --wait", "rehearse a bad release: it is rolled back by itself"],
    ],
    run: ship,
  });
}

async function ship({ session: open, args, options }: Call<ShipOptions>): Promise<number> {
  const session = open();
  const service = args[0] ?? "";
  if (options.timeout !== undefined && !options.wait)
    throw wrongUse("--timeout is for --wait.", "Add --wait, or leave --timeout out.");
  if (options.fault && options.release)
    throw wrongUse(
      "A fault is built in: it can't be added to a release that exists.",
      "Leave out --fault or --release.",
    );
  const timeoutMs = options.timeout === undefined ? null : durationOption(options.timeout, "--timeout");
  const releaseId = options.release === undefined ? null : await releaseOf(session, options.release);
  const made = await accepted(session, service, {
    environment: options.environment,
    reason: options.reason ?? "",
    ifBusy: options.ifBusy,
    ...(options.overrideFreeze ? { overrideFreeze: options.overrideFreeze } : {}),
    ...(options.overrideWindow ? { overrideWindow: options.overrideWindow } : {}),
    ...(options.overridePath ? { overridePath: options.overridePath } : {}),
    ...(options.fault ? { fault: options.fault } : {}),
    ...(options.strategy ? { strategy: options.strategy } : {}),
    ...(releaseId ? { releaseId } : {}),
  });
  if (!options.wait) {
    session.print(made, () => `${made.id}: ${made.words}\nFollow it: latchkey deployment ${made.id} --wait`);
    return EXIT.done;
  }
  if (!session.json) session.terminal.out(`Shipping ${service} to ${made.environment} (${made.id})\n`);
  return waitFor(session, made.id, timeoutMs);
}

/** The API's remedy for a busy environment speaks of fields; here they are options. */
async function accepted(session: Session, service: string, body: Arguments<"ship">["body"]) {
  try {
    return await session.client.ship({ params: { ...session.main, service }, body });
  } catch (error) {
    if (!(error instanceof ApiError) || error.problem.code !== "LK_BUSY") throw error;
    const remedy = `Follow it (latchkey deployment ${service} --wait), or add --if-busy batch (after it, with others that wait so), --if-busy queue (after it, alone) or --if-busy supersede (instead of it).`;
    throw new ApiError({ ...error.problem, remedy }, { cause: error });
  }
}

async function waitFor(session: Session, deploymentId: string, timeoutMs: number | null): Promise<number> {
  const { end, last } = await followDeployment(session, deploymentId, timeoutMs);
  if (end === "interrupted") {
    session.terminal.err(
      `\nNo longer following. The deployment goes on; see it again with: latchkey deployment ${deploymentId} --wait\n`,
    );
    return EXIT.interrupted;
  }
  if (end === "timed_out" || !last || isUnderWay(last.status))
    throw new CliError({
      code: "LK_CLI_TIMEOUT",
      title: "Not done in time",
      detail: `Deployment ${deploymentId} is not done after ${duration(timeoutMs ?? 0)} (${plain(last?.status ?? "unknown")}). It goes on.`,
      remedy: `Follow it again: latchkey deployment ${deploymentId} --wait`,
      exitCode: EXIT.notDeployed,
    });
  session.print(last, () => endingWords(last, session));
  if (last.status === "failed_build" && !session.json) session.terminal.out(last.buildOutput);
  return isPromoted(last.status) ? EXIT.done : EXIT.notDeployed;
}

/** After a batch was rolled back: find the change that does harm. */
export function addSplit(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ reason?: string }>(program, terminal, outcome, {
    usage: "split <target>",
    about: "after a batch of changes was rolled back: ship half of them, then the rest, to find the one that does harm",
    more: "The target is a deployment (dep_...) that was a part of the batch, or a service: its newest deployment. Both halves wait in the queue and go out alone; the second contains the first, and is not shipped where the first is rolled back. Each result narrows what is suspected (latchkey deployment); split again until one change is left.",
    group: CHANGE,
    options: (command) => command.option("--reason <text>", "why, for the record"),
    examples: [
      ["latchkey split dep_...", "try the first half, then the rest"],
      ["latchkey deployment dep_...", "what is cleared by now, and what is suspected"],
    ],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const deploymentId = await deploymentOf(session, args[0] ?? "");
      const made = await session.client.splitDeployment({
        params: { ...session.main, deploymentId },
        body: { reason: options.reason ?? "" },
      });
      session.print(made, () => {
        const [first, rest] = made.items.map((d) => `release ${d.release?.number ?? "?"} (${d.id})`);
        return `First ${first}; once that is promoted, ${rest}.\nFollow it: latchkey deployment ${made.items[0]?.id} --wait`;
      });
      return undefined;
    },
  });
}

const ACTIONS = [
  ["pause", "pause", "hold a rollout at its share of the traffic; harm still rolls it back"],
  ["resume", "resume", "let a paused rollout go on with its steps"],
  ["abort", "abort", "give a rollout up; traffic goes back to the release before"],
] as const;

/** What a person may do to a rollout. */
export function addActions(program: Command, terminal: Terminal, outcome: Outcome): void {
  for (const [name, action, about] of ACTIONS) {
    addCommand<{ reason: string; environment?: string }>(program, terminal, outcome, {
      usage: `${name} <target>`,
      about,
      more: "The target is a rollout (rol_...), a deployment (dep_...) or a service: its rollout under way. The reason is kept in the ledger, with your name.",
      group: CHANGE,
      options: (command) =>
        command
          .requiredOption("--reason <text>", "why, for the record")
          .option("--environment <name>", "where, for a service that is rolled out in several environments"),
      examples: [
        [`latchkey ${name} leads --reason "${REASONS[name]}"`, "the rollout of leads that is under way"],
        [`latchkey ${name} rol_... --reason "${REASONS[name]}"`, "a rollout by its id"],
      ],
      run: async ({ session: open, args, options }) => {
        await actOn(open(), args[0] ?? "", action, options);
        return undefined;
      },
    });
  }
}

/** Does to the rollout under way what a person asks for, and says what comes next. */
export async function actOn(
  session: Session,
  target: string,
  action: Arguments<"actOnRollout">["body"]["action"],
  { environment, reason }: { readonly environment?: string; readonly reason: string },
): Promise<void> {
  if (reason.trim() === "") throw wrongUse("--reason is empty.", "Say why, in a few words.");
  const rolloutId = await rolloutOf(session, target, { environment, mayBeOver: false });
  const rollout = await session.client.actOnRollout({
    params: { ...session.main, rolloutId },
    body: { action, reason },
  });
  session.print(
    rollout,
    () =>
      `${rollout.service} is ${plain(rollout.state)}. Next: ${rollout.next.words}\nWatch it: latchkey rollout ${rollout.id} --watch`,
  );
}

const REASONS = {
  pause: "the team is at lunch",
  resume: "the team is back",
  abort: "shipped by mistake",
} as const;
