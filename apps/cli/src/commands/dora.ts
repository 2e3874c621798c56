import type { Answer } from "@latchkey/api/client";
import { DEFINITIONS, SPANS } from "@latchkey/api/insights";
import { durationWords, rateWords, shareWords } from "@latchkey/core/insights/words";
import type { Command } from "commander";
import { addCommand, type Outcome } from "../command.ts";
import { sinceDays } from "../days.ts";
import { wrongUse } from "../problem.ts";
import type { Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { moment, table } from "../text.ts";

const GROUP = "See what is there:";

interface DoraOptions {
  readonly days: string;
  readonly environment?: string;
  readonly definition: string;
  readonly by: string;
  readonly asKnownOn?: string;
}
type Dora = Answer<"getDora">;
type Figure = Dora["keys"]["changeFailRate"];

/** DORA's five keys. */
export function addDora(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<DoraOptions>(program, terminal, outcome, {
    usage: "dora [service]",
    about: "DORA's five keys: how often, how fast, how safely changes reach production",
    more: "Counts what was deployed here and what was imported (latchkey import --help). Each figure comes with its interval (95 %), how many it is drawn from, and what is not known yet. An incident counts against a deployment only where evidence links them, never because it came after it.",
    group: GROUP,
    options: (command) =>
      command
        .option("--days <n>", "how far back, 1 to 3650", "90")
        .option("--environment <name>", "another than production")
        .option("--definition <name>", `what counts: ${DEFINITIONS.join(", ")}`, DEFINITIONS[0])
        .option("--by <span>", `a line for each ${SPANS.join(", ")}`, "week")
        .option("--as-known-on <date>", "as it was known then, such as 2026-10-01"),
    examples: [
      ["latchkey dora", "of all services, in the last 90 days"],
      ["latchkey dora leads --days 30 --by day", "of one service, by the day"],
      ["latchkey dora --definition guide", "as the guide counts: from the pull request, and what was rolled back"],
      ["latchkey dora --json | jq .keys.changeFailRate.value", "one figure for a program"],
    ],
    run: async ({ session: open, args, options }) => {
      const query = queryOf(args[0], options);
      const session = open();
      const answer = await session.client.getDora({ params: session.main, query });
      session.print(answer, () => doraWords(answer, session));
      return undefined;
    },
  });
}

function queryOf(service: string | undefined, options: DoraOptions) {
  const definition = DEFINITIONS.find((name) => name === options.definition);
  if (definition === undefined)
    throw wrongUse(`There is no definition "${options.definition}".`, `Give one of ${DEFINITIONS.join(", ")}.`);
  const by = SPANS.find((name) => name === options.by);
  if (by === undefined) throw wrongUse(`--by can't be "${options.by}".`, `Give one of ${SPANS.join(", ")}.`);
  const known = options.asKnownOn === undefined ? null : Date.parse(options.asKnownOn);
  if (known !== null && Number.isNaN(known))
    throw wrongUse(`--as-known-on must be a date; it is "${options.asKnownOn}".`, "Give one such as 2026-10-01.");
  return {
    ...{ by, definition, ...sinceDays(options.days) },
    ...(service === undefined ? {} : { service }),
    ...(options.environment === undefined ? {} : { environment: options.environment }),
    ...(known === null ? {} : { asKnownAt: new Date(known).toISOString() }),
  };
}

const KEYS = [
  ["deploymentFrequency", "deployment frequency", rateWords],
  ["changeLeadTime", "change lead time", durationWords],
  ["changeFailRate", "change fail rate", shareWords],
  ["recoveryTime", "failed deployment recovery time", durationWords],
  ["reworkRate", "deployment rework rate", shareWords],
] as const;

function figureRow(name: string, figure: Figure, words: (value: number) => string): string[] {
  const { value, p90, interval, of, open, soaking } = figure;
  return [
    name,
    value === null ? "no data" : words(value),
    p90 === null ? "" : `p90 ${words(p90)}`,
    interval === null ? "" : `${words(interval.low)} to ${words(interval.high)}`,
    `${of}`,
    [...(open > 0 ? [`${open} not over`] : []), ...(soaking > 0 ? [`${soaking} still watched`] : [])].join(", "),
  ];
}

function doraWords(a: Dora, session: Session): string {
  const { style } = session;
  if (a.newestFactAt === null)
    return "Nothing was deployed here yet. Ship something, or bring history in: latchkey import git . --service <name>";
  const head = `${moment(a.from)} to ${moment(a.to)}, ${a.definition}: ${a.definitionWords}`;
  const keys = table(
    ["key", "median or share", "", "95 % interval", "of", "not known yet"],
    KEYS.map(([key, name, words]) => figureRow(name, a.keys[key], words)),
    style,
  );
  const value = (figure: Figure, words: (value: number) => string) =>
    figure.value === null ? "-" : words(figure.value);
  const lines = a.series.map(({ from, keys: of }) => [
    from.slice(0, 10),
    ...KEYS.map(([key, , words]) => value(of[key], words)),
  ]);
  const series = table([a.by, "frequency", "lead time", "fail rate", "recovery", "rework"], lines, style);
  const goals = a.scores
    .filter(({ goal }) => goal !== null)
    .map(({ key, goal }) => {
      const name = KEYS.find(([known]) => known === key)?.[1] ?? key;
      const holds = goal?.holds ?? null;
      return `${holds === null ? style.dim("no data") : holds ? style.good("holds  ") : style.bad("missed ")}  ${name}: ${goal?.words ?? ""}`;
    });
  const odds =
    a.conflicts > 0 ? [`${a.conflicts} things in the facts contradict themselves: see the console, Insights.`] : [];
  return [head, "", keys, "", ...goals, ...(goals.length > 0 ? [""] : []), series, ...odds].join("\n");
}
