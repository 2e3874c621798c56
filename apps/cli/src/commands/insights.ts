import type { Answer } from "@latchkey/api/client";
import { CLAIM_NAMES } from "@latchkey/api/insights";
import { durationWords } from "@latchkey/core/insights/words";
import { type Command, Option } from "commander";
import { addCommand, addGroup, type Outcome } from "../command.ts";
import { sinceDays } from "../days.ts";
import { addPageOptions, moreWords, type PageOptions, readPages } from "../pages.ts";
import type { Terminal } from "../terminal.ts";
import { clip, moment, plain, table } from "../text.ts";

interface WindowOptions extends PageOptions {
  readonly days: string;
  readonly environment?: string;
}
type Deployment = Answer<"listInsightDeployments">["items"][number];
const DAYS = "90";

/** `latchkey insights`: what is behind the five keys, and what people say against the record. */
export function addInsights(program: Command, terminal: Terminal, outcome: Outcome): void {
  const group = addGroup(program, {
    name: "insights",
    about: "what is behind DORA's five keys: deployments, incidents, contradictions, corrections",
    group: "See what is there:",
    examples: [
      ["latchkey insights deployments leads --only failed", "what counts as failed, and why"],
      [
        "latchkey insights correct dep_… --claim no_failure --reason 'A drill'",
        "say against the record what it can't know",
      ],
    ],
  });
  addDeployments(group, terminal, outcome);
  addIncidents(group, terminal, outcome);
  addConflicts(group, terminal, outcome);
  addCorrections(group, terminal, outcome);
}

const windowOptions = (command: Command): Command =>
  addPageOptions(command, "50")
    .option("--days <n>", "how far back, 1 to 3650", DAYS)
    .option("--environment <name>", "another than production");
function windowOf(service: string | undefined, options: WindowOptions) {
  return {
    ...sinceDays(options.days),
    ...(service === undefined ? {} : { service }),
    ...(options.environment === undefined ? {} : { environment: options.environment }),
  };
}

const failureWords = (d: Deployment): string =>
  d.isExcluded
    ? "left out"
    : d.failure === null
      ? d.isSettled
        ? "fine"
        : "still watched"
      : `${plain(d.failure)}${d.recoveredAt === null || d.failedAt === null ? ", not over" : `, over after ${durationWords(Date.parse(d.recoveredAt) - Date.parse(d.failedAt))}`}`;

function addDeployments(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<WindowOptions & { readonly only?: "failed" | "rework" | "counted" }>(group, terminal, outcome, {
    usage: "deployments [service]",
    about: "list the deployments that figures are counted from, newest first",
    options: (command) =>
      windowOptions(command).addOption(
        new Option("--only <which>", "those that failed, or that an earlier failure made necessary").choices([
          "failed",
          "rework",
          "counted",
        ]),
      ),
    examples: [["latchkey insights deployments leads --only failed", "what failed, and how long until all was well"]],
    run: async ({ session: open, args, options }) => {
      const query = windowOf(args[0], options);
      const session = open();
      const only = options.only === undefined ? {} : { only: options.only };
      const page = await readPages(options, (asked) =>
        session.client.listInsightDeployments({ params: session.main, query: { ...asked, ...query, ...only } }),
      );
      session.print(page, () => {
        if (page.items.length === 0) return "None in this time.";
        const rows = page.items.map((d) => [
          ...[d.key, d.service, moment(d.at), d.kind, failureWords(d), `${d.changes.length}`, d.incidents.join(", ")],
        ]);
        const head = ["deployment", "service", "at", "kind", "how it went", "changes", "incidents"];
        return table(head, rows, session.style) + moreWords(session, page);
      });
      return undefined;
    },
  });
}

function addIncidents(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<WindowOptions>(group, terminal, outcome, {
    usage: "incidents [service]",
    about: "list incidents, and which deployment each is held to come from, and why",
    more: "An incident is a deployment's only by evidence: a verdict, an alert, an error budget, what its source says, or a person. That it came after one says nothing.",
    options: windowOptions,
    examples: [["latchkey insights incidents leads", "of one service"]],
    run: async ({ session: open, args, options }) => {
      const query = windowOf(args[0], options);
      const session = open();
      const page = await readPages(options, (asked) =>
        session.client.listInsightIncidents({ params: session.main, query: { ...asked, ...query } }),
      );
      session.print(page, () => {
        if (page.items.length === 0) return "None in this time.";
        const rows = page.items.map((one) => [
          ...[one.key, one.service ?? "", moment(one.at), clip(one.title, 50)],
          one.resolvedAt === null ? "open" : durationWords(Date.parse(one.resolvedAt) - Date.parse(one.at)),
          one.deployment === null
            ? "no deployment"
            : `${one.deployment} (${one.by}, ${Math.round(one.confidence * 100)} %)`,
        ]);
        return (
          table(["incident", "service", "since", "what", "lasted", "caused by"], rows, session.style) +
          moreWords(session, page)
        );
      });
      return undefined;
    },
  });
}

function addConflicts(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<PageOptions>(group, terminal, outcome, {
    usage: "conflicts",
    about: "list what contradicts itself in the facts: kept as it was told, never bent",
    options: (command) => addPageOptions(command, "50"),
    examples: [["latchkey insights conflicts", "such as a change that was merged after it was deployed"]],
    run: async ({ session: open, options }) => {
      const session = open();
      const page = await readPages(options, (asked) =>
        session.client.listInsightConflicts({ params: session.main, query: asked }),
      );
      session.print(page, () => {
        if (page.items.length === 0) return "Nothing contradicts itself.";
        const rows = page.items.map((one) => [plain(one.kind), one.subject, one.other ?? "", one.words]);
        return table(["what", "of", "against", ""], rows, session.style) + moreWords(session, page);
      });
      return undefined;
    },
  });
}

interface CorrectOptions {
  readonly claim: (typeof CLAIM_NAMES)[number];
  readonly incident?: string;
  readonly reason: string;
}
function addCorrections(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<CorrectOptions>(group, terminal, outcome, {
    usage: "correct <deployment>",
    about: "say against the record what it does not know; the record itself stays",
    more: "Every correction is an entry of the ledger with who said it and why, and can be taken back. Figures as known before it stay as they were (latchkey dora --as-known-on).",
    options: (command) =>
      command
        .addOption(new Option("--claim <what>", "what is said").choices([...CLAIM_NAMES]).makeOptionMandatory())
        .option("--incident <key>", "for caused_by and not_caused_by")
        .requiredOption("--reason <why>", "why, for those who read it later"),
    examples: [
      [
        "latchkey insights correct dep_… --claim not_caused_by --incident INC-7 --reason 'The provider was down'",
        "an incident that was not its doing",
      ],
    ],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const { claim, incident, reason } = options;
      const body = { claim, reason, deployment: args[0] ?? "", ...(incident === undefined ? {} : { incident }) };
      const answer = await session.client.correctInsight({ params: session.main, body });
      session.print(
        answer,
        () => `Said as ${answer.key}. To take it back: latchkey insights withdraw ${answer.key} --reason …`,
      );
      return undefined;
    },
  });
  addCommand<{ readonly reason: string }>(group, terminal, outcome, {
    usage: "withdraw <correction>",
    about: "take a correction back; both stay on record",
    options: (command) => command.requiredOption("--reason <why>", "why, for those who read it later"),
    examples: [["latchkey insights withdraw cor_… --reason 'It was our doing after all'", "by its id"]],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const params = { ...session.main, correctionKey: args[0] ?? "" };
      const answer = await session.client.withdrawInsightCorrection({ params, body: { reason: options.reason } });
      session.print(answer, () => `${answer.key} holds no more.`);
      return undefined;
    },
  });
}
