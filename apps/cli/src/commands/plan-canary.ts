import type { Answer } from "@latchkey/api/client";
import { paceWords } from "@latchkey/core/analysis/planning/pace";
import {
  harmWords,
  healthyWords,
  metricWords,
  needWords,
  residualWords,
  smallestWords,
  strategyWords,
  timeWords,
} from "@latchkey/core/analysis/planning/words";
import { type Command, Option } from "commander";
import { addCommand, type Call, countOption, durationOption, numberOption, type Outcome } from "../command.ts";
import { EXIT } from "../problem.ts";
import { openProgress } from "../progress.ts";
import type { Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { milliseconds, ratio, type Style, table } from "../text.ts";

type Planning = Answer<"planCanary">;
type Plan = NonNullable<Planning["plan"]>;
type Finding = Plan["errors"]["findings"][number];

const ASK_EVERY_MS = 300;

interface Options {
  readonly environment: string;
  readonly share?: string;
  readonly duration?: string;
  readonly holdback?: string;
  readonly holdbackFor?: string;
  readonly onInconclusive?: string;
  readonly margin?: string;
  readonly requestsPerHour?: string;
  readonly synthetic?: string;
  readonly runs: string;
  readonly seed: string;
}

export function addPlanCanary(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<Options>(program, terminal, outcome, {
    usage: "plan-canary <service>",
    about: "what a canary can be expected to find and to prove at a service's traffic",
    more: "Rollouts of healthy and of harmful releases are played with the real judge before the last 7 days' traffic: the chance of a false rollback, the smallest harm that is found with 90 % and how soon, whom it reaches until then, and what a proof of safety needs. It proposes a strategy too. What is not given is as configured.",
    group: "See what is there:",
    options: (command) =>
      command
        .option("--environment <name>", "where", "production")
        .option("--share <percent>", "this share of the traffic in one step, instead of the configured steps")
        .option("--duration <time>", "how long a verdict is waited for, such as 20m or 6h")
        .option("--holdback <percent>", "the share that stays on the old release after promotion")
        .option("--holdback-for <time>", "for how long it stays, such as 10m or 24h")
        .addOption(
          new Option("--on-inconclusive <what>", "what follows without a verdict").choices([
            "hold",
            "promote",
            "roll_back",
          ]),
        )
        .option("--margin <points>", "how many percentage points more failures a PASS must rule out, such as 0.5")
        .option("--requests-per-hour <number>", "for this much traffic, instead of what was measured")
        .option("--synthetic <number>", "as if synthetic journeys made so many requests a second, visitors' counted in")
        .option("--runs <number>", "rollouts of a healthy release to play, 50 to 1000", "200")
        .option("--seed <number>", "another one draws other traffic", "1"),
    examples: [
      ["latchkey plan-canary leads", "the configured strategy at the last 7 days' traffic"],
      ["latchkey plan-canary leads --share 50 --duration 20m", "half of the traffic, 20 minutes for a verdict"],
      ["latchkey plan-canary leads --holdback 20 --holdback-for 24h", "what a longer holdback still finds"],
      ["latchkey plan-canary leads --requests-per-hour 5000 --json", "for a program, and for more traffic"],
    ],
    run,
  });
}

async function run({ session: open, args, options }: Call<Options>): Promise<number> {
  const query = queryOf(options);
  const session = open();
  const service = args[0] ?? "";
  const planning = await follow(session, { params: { ...session.main, service }, query });
  session.print(planning, () => words(planning, { session, service, environment: options.environment }));
  return EXIT.done;
}

function queryOf(o: Options) {
  const given = <T>(text: string | undefined, read: (text: string) => T): T | undefined =>
    text === undefined ? undefined : read(text);
  const margin = given(o.margin, (text) => numberOption(text, "--margin", 0.01, 50));
  return {
    environment: o.environment,
    share: given(o.share, (text) => numberOption(text, "--share", 0.1, 90)),
    durationMs: given(o.duration, (text) => durationOption(text, "--duration")),
    holdbackPercent: given(o.holdback, (text) => numberOption(text, "--holdback", 0, 50)),
    holdbackMs: given(o.holdbackFor, (text) => durationOption(text, "--holdback-for")),
    onInconclusive: o.onInconclusive as "hold" | "promote" | "roll_back" | undefined,
    safeErrorRatio: margin === undefined ? undefined : margin / 100,
    requestsPerHour: given(o.requestsPerHour, (text) => numberOption(text, "--requests-per-hour", 0.1, 50_000_000)),
    syntheticPerSecond: given(o.synthetic, (text) => numberOption(text, "--synthetic", 0, 20)),
    runs: countOption(o.runs, "--runs", 50, 1_000),
    seed: countOption(o.seed, "--seed", 0, 2 ** 32 - 1),
  };
}

async function follow(session: Session, asked: Parameters<Session["client"]["planCanary"]>[0]): Promise<Planning> {
  const progress = openProgress(session, "err");
  try {
    for (;;) {
      const seen = await session.client.planCanary(asked);
      if (seen.state === "done") return seen;
      const percent = Math.floor((100 * seen.done) / Math.max(1, seen.of));
      progress.standing(`${seen.done} of ${seen.of} rollouts played (${percent} %)`, "playing");
      await session.terminal.pause(ASK_EVERY_MS);
    }
  } finally {
    progress.end();
  }
}

interface Shown {
  readonly session: Session;
  readonly service: string;
  readonly environment: string;
}

function words(planning: Planning, { session, service, environment }: Shown): string {
  const { style } = session;
  const { plan, strategy } = planning;
  if (!plan) return "There is no plan.";
  const indented = (lines: readonly string[]) => lines.map((line) => `  ${line}`).join("\n");
  return [
    `${style.bold(`${service} in ${environment}`)}\n${indented([`${trafficWords(planning.traffic)}${syntheticWords(planning.traffic)}`, strategyWords(strategy), ...planning.played])}`,
    `${style.bold("Healthy releases")}\n${indented(healthyWords(plan.healthy))}`,
    `${style.bold("Harmful releases")}\n${harmTable(plan, style)}`,
    indented([
      smallestWords("errors", plan.errors.smallest),
      smallestWords("slowdown", plan.slowdown.smallest),
      ...plan.metrics.map(metricWords),
    ]),
    `${style.bold("What a verdict needs, and when that will have come")}\n${indented(plan.needs.map((need) => needWords(need, strategy.maximumMs)))}`,
    `${style.bold("Changes a day")}\n${indented(paceWords(planning.pace, planning.pace.when))}`,
    `${style.bold("Suggestion")}\n${indented(suggestionWords(plan, service, environment))}`,
  ].join("\n\n");
}

const syntheticWords = (t: Planning["traffic"]): string =>
  t.syntheticPerSecond > 0
    ? ` Synthetic journeys make it up to ${t.syntheticPerSecond} requests a second while the canary is in its steps.`
    : "";

function trafficWords(t: Planning["traffic"]): string {
  const perHour = Number(t.requestsPerHour.toPrecision(3));
  if (!t.measured)
    return `No traffic was measured yet: these figures are for ${perHour} requests an hour. Another number: --requests-per-hour.`;
  return `${perHour} requests an hour over the last ${t.hours === 1 ? "hour" : `${t.hours} hours (${Math.round(t.quietestHour)} to ${Math.round(t.busiestHour)})`}, ${ratio(t.errorRatio)} failed, median ${milliseconds(t.latencyMedianMs)}.`;
}

const BAR = 20;
/** How often harm is found, as a bar: "██████░░░░". */
function bar(chance: number, style: Style): string {
  const full = Math.round(chance * BAR);
  const text = "█".repeat(full) + "░".repeat(BAR - full);
  return chance >= 0.9 ? style.good(text) : chance < 0.5 ? style.dim(text) : style.warn(text);
}

function harmTable(plan: Plan, style: Style): string {
  const row = (kind: "errors" | "slowdown") => (f: Finding) => [
    `  ${harmWords(kind, f.size)}`,
    bar(f.chance, style),
    `${Math.round(f.chance * 100)} %`,
    f.medianMs === null ? "-" : timeWords(f.medianMs),
    f.p90Ms === null ? "-" : timeWords(f.p90Ms),
    f.visitorRequests === null ? "-" : String(f.visitorRequests),
    f.users === null ? "-" : String(f.users),
  ];
  return table(
    ["  harm", "chance to find it", "", "half within", "9 of 10 within", "requests until then", "users"],
    [...plan.errors.findings.map(row("errors")), ...plan.slowdown.findings.map(row("slowdown"))],
    style,
  );
}

function suggestionWords({ suggestion: s }: Plan, service: string, environment: string): string[] {
  const { strategy } = s;
  const smallest = s.errors.smallest;
  const found = smallest
    ? [`With it the smallest rise of failures found with 90 % is: ${harmWords("errors", smallest.size)}.`]
    : [];
  const place = environment === "production" ? "" : ` --environment ${environment}`;
  const command = `latchkey plan-canary ${service}${place} --share ${strategy.steps.at(-1)?.trafficPercent ?? 50} --duration ${timeOption(strategy.maximumMs)} --holdback ${strategy.holdbackPercent} --holdback-for ${timeOption(strategy.holdbackMs)} --on-inconclusive ${strategy.onInconclusive}`;
  return [
    ...s.words,
    strategyWords(strategy),
    ...found,
    residualWords(s.residual),
    ...(s.ways.length > 0 ? ["What would bring a proof:"] : []),
    ...s.ways.map((way) => `- ${way.words}`),
    `Look at it: ${command}`,
  ];
}

/** A time as an option takes it: "20m", "24h". */
const timeOption = (ms: number): string =>
  ms > 0 && ms % 3_600_000 === 0 ? `${ms / 3_600_000}h` : ms % 60_000 === 0 ? `${ms / 60_000}m` : `${ms / 1_000}s`;
