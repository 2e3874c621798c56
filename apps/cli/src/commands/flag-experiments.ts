import type { Answer } from "@latchkey/api/client";
import type { Command } from "commander";
import { addCommand, type Outcome } from "../command.ts";
import { wrongUse } from "../problem.ts";
import type { Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { facts, ratio, type Style, table } from "../text.ts";

type Result = Answer<"getFlagResults">["items"][number];
type Move = { readonly state: "held" | "running" } | { readonly percent: number; readonly state?: "running" };

/** `latchkey flags results|hold|resume|advance`: a rollout as an experiment, and a person's hand on it. */
export function addFlagExperiments(group: Command, terminal: Terminal, outcome: Outcome): void {
  addResults(group, terminal, outcome);
  addMove(group, terminal, outcome, {
    ...{ verb: "hold", about: "hold a rollout where it stands, until somebody resumes it" },
    example: "support is away",
    move: async () => ({ state: "held" }),
  });
  addMove(group, terminal, outcome, {
    ...{ verb: "resume", about: "let a rollout go on; after a kill, or a hold by its watch, it counts anew" },
    example: "the error is mended",
    move: async () => ({ state: "running" }),
  });
  addMove(group, terminal, outcome, {
    ...{ verb: "advance", about: "take the next step of a rollout now, without waiting for its time or its users" },
    example: "it is quiet",
    move: nextStep,
  });
}

interface MoveOptions {
  readonly environment: string;
  readonly rule: string;
  readonly reason: string;
}
interface Moving {
  readonly verb: string;
  readonly about: string;
  readonly example: string;
  readonly move: (session: Session, key: string, options: MoveOptions) => Promise<Move>;
}
function addMove(group: Command, terminal: Terminal, outcome: Outcome, o: Moving): void {
  addCommand<MoveOptions>(group, terminal, outcome, {
    usage: `${o.verb} <flag>`,
    about: o.about,
    options: (command) =>
      command
        .option("--environment <name>", "where", "production")
        .option("--rule <id>", "the rule that serves the rollout", "otherwise")
        .requiredOption("--reason <words>", "why; it stands in the history"),
    examples: [[`latchkey flags ${o.verb} new-lead-form --reason "${o.example}"`, "of what no rule matches"]],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const key = args[0] ?? "";
      const { environment, rule, reason } = options;
      const move = await o.move(session, key, options);
      const params = { ...session.main, flag: key };
      const flag = await session.client.moveRollout({ params, body: { environment, rule, reason, ...move } });
      const now = flag.rollouts.find((one) => one.environment === environment && one.rule === rule);
      session.print(flag, () => `${session.style.bold(key)} in ${environment}: ${now?.words ?? "as it was"}.`);
      return undefined;
    },
  });
}

async function nextStep(session: Session, key: string, o: MoveOptions): Promise<Move> {
  const params = { ...session.main, flag: key };
  const flag = await session.client.getFlag({ params });
  const rules = flag.definition.environments[o.environment];
  const serve = o.rule === "otherwise" ? rules?.otherwise : rules?.rules.find((one) => one.id === o.rule)?.serve;
  if (serve?.kind !== "rollout" || serve.ramp?.kind !== "steps")
    throw wrongUse(
      `${o.rule} of ${key} in ${o.environment} has no steps.`,
      `Say how far: latchkey flags rollout ${key} 25 --environment ${o.environment} --reason "..."`,
    );
  const at = flag.rollouts.find((one) => one.environment === o.environment && one.rule === o.rule);
  const percent = at?.percent ?? serve.percent;
  const next = serve.ramp.steps.find((step) => step.percent > percent);
  if (!next) throw wrongUse(`${key} is at its last step: ${percent} %.`, "There is nothing to advance to.");
  // What was killed is begun again by resume, with its own reason.
  return at?.state === "held" ? { percent: next.percent, state: "running" } : { percent: next.percent };
}

function addResults(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ environment?: string }>(group, terminal, outcome, {
    usage: "results <flag>",
    about: "what a rollout does to its users: effect, guardrails, and whether to go on, ship or stop",
    options: (command) => command.option("--environment <name>", "only there"),
    examples: [["latchkey flags results new-lead-form", "how it goes"]],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const params = { ...session.main, flag: args[0] ?? "" };
      const found = await session.client.getFlagResults({ params });
      const items = found.items.filter((one) => !options.environment || one.environment === options.environment);
      session.print({ ...found, items }, () =>
        items.length === 0
          ? "There is no rollout to look at: nothing of it is served to a share of the users."
          : items.map((one) => resultWords(one, session.style)).join("\n\n"),
      );
      return undefined;
    },
  });
}

const ADVICE: Readonly<Record<Result["advice"], string>> = {
  keep_going: "keep going",
  ship: "ship it",
  stop: "stop",
  no_difference: "no difference: choose by other reasons",
  killed: "killed",
  held: "held: look into it",
};
function resultWords(one: Result, style: Style): string {
  const isBad = one.advice === "stop" || one.advice === "killed" || one.advice === "held";
  const shown = isBad ? style.bad : one.advice === "ship" ? style.good : style.bold;
  const lines = facts(
    [
      [
        "rollout",
        `${style.bold(one.environment)}/${one.rule}: ${one.variant} for ${one.percent} %, else ${one.against}`,
      ],
      ["so", shown(ADVICE[one.advice])],
      ["stands", one.words],
      ["next", one.next],
      [
        "users",
        `${one.exposed.treated} with ${one.variant}, ${one.exposed.control} in the control${one.isMismatched ? style.bad(", which should be alike") : ""}`,
      ],
      ...one.goals.map((goal): [string, string] => ["goal", goal.words]),
    ],
    style,
  );
  const rows = one.guardrails.map((guardrail) => [
    ...[guardrail.metric, String(guardrail.treated), String(guardrail.control), timesWords(guardrail)],
    `${ratio(guardrail.evidence)} of what ends it`,
    guardrail.state === "unheard" ? style.dim("nothing reported") : guardrail.state,
  ]);
  const head = ["guardrail", "hurt", "of control", "times as many", "evidence of harm", ""];
  return rows.length === 0 ? lines : `${lines}\n\n${table(head, rows, style)}`;
}
const timesWords = ({ treated, control, ratio: { from, to } }: Result["guardrails"][number]): string =>
  treated + control === 0 ? "-" : `${from.toFixed(1)} to ${to === null ? "any" : to.toFixed(1)}`;
