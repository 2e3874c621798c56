import type { Answer } from "@latchkey/api/client";
import type { Command } from "commander";
import { addCommand, type Call, type Outcome } from "../command.ts";
import { EXIT } from "../problem.ts";
import type { Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { bytes, moment, ratio, type Style, table } from "../text.ts";

type Health = Answer<"getHealth">;
type Figure = Health["figures"][number];

/** The server takes its figures every 10 s: looking twice as often shows each within 5 s. */
const EVERY_MS = 5_000;
const CLEAR = "\x1b[H\x1b[2J";

export function addHealth(program: Command, terminal: Terminal, outcome: Outcome, group: string): void {
  addCommand<{ watch?: boolean }>(program, terminal, outcome, {
    usage: "health",
    about: "how near the server is to its limits, and what to do where it is near",
    more: "Every figure has a limit and a judgement: fine, busy, or at its limit. docs/limits.md has all limits.",
    group,
    options: (command) => command.option("--watch", "look again every 5 seconds, until Ctrl-C"),
    examples: [
      ["latchkey health", "is anything near its limit?"],
      ["latchkey health --watch", "keep an eye on it"],
      ["latchkey health --json", "for a monitor: `state` is the worst of all figures"],
    ],
    run,
  });
}

async function run({ session: open, options, terminal }: Call<{ watch?: boolean }>): Promise<number> {
  const session = open();
  const look = async () => {
    const health = await session.client.getHealth({});
    if (options.watch && terminal.isInteractive && !session.json) terminal.out(CLEAR);
    session.print(health, () => wordsOf(health, session));
  };
  await look();
  if (!options.watch) return EXIT.done;
  const over = new AbortController();
  const forget = terminal.onInterrupt(() => over.abort());
  try {
    for (;;) {
      await terminal.pause(EVERY_MS, over.signal);
      if (over.signal.aborted) return EXIT.done;
      await look();
    }
  } finally {
    forget();
  }
}

function wordsOf(health: Health, { style }: Session): string {
  const rows = health.figures.map((f) => [
    judgement(f.state, style),
    f.label,
    amount(f.value, f.unit),
    f.limit === null ? "-" : amount(f.limit, f.unit),
    f.words,
  ]);
  const toDo = health.figures.flatMap((f) => (f.remedy ? [`${f.label}: ${f.remedy}`] : []));
  return [
    `${judgement(health.state, style)} at ${moment(health.at)}. ${leaseWords(health.lease)}`,
    table(["", "figure", "is", "limit", ""], rows, style),
    ...(toDo.length > 0 ? [`What to do:\n${toDo.map((line) => `  ${line}`).join("\n")}`] : []),
  ].join("\n\n");
}

function leaseWords(lease: Health["lease"]): string {
  if (!lease) return "No server has decided about rollouts yet.";
  if (!lease.live) return "No server decides about rollouts right now.";
  return `${lease.heldHere ? "This server" : "Another server"} decides about rollouts (fence ${lease.fence}).`;
}

function judgement(state: Health["state"], style: Style): string {
  if (state === "full") return style.bad("at its limit");
  return state === "busy" ? style.warn("busy") : style.good("fine");
}

function amount(value: number, unit: Figure["unit"]): string {
  if (unit === "bytes") return bytes(value);
  if (unit === "part") return ratio(value);
  return unit === "ms" ? `${Math.round(value * 10) / 10} ms` : String(value);
}
