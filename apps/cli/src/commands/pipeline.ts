import type { Answer } from "@latchkey/api/client";
import type { Command } from "commander";
import { addCommand, countOption, type Outcome } from "../command.ts";
import { addPageOptions, moreWords, type PageOptions, readPages } from "../pages.ts";
import type { Terminal } from "../terminal.ts";
import { clip, duration, facts, moment, type Style, state, table } from "../text.ts";

const LOOK = "See what is there:";
type Item = Answer<"getPipeline">["items"][number];
type Change = Answer<"getChange">;

/** Changes, and where each of them is on its way. */
export function addPipeline(program: Command, terminal: Terminal, outcome: Outcome): void {
  addPipelineView(program, terminal, outcome);
  addChanges(program, terminal, outcome);
  addChange(program, terminal, outcome);
}

/** A sign for each stage, so that the way is seen at a glance: done, under way, failed, ahead, not needed. */
const SIGNS = { done: "#", running: ">", failed: "x", waiting: ".", skipped: "-" } as const;
const picture = (item: Item, style: Style): string =>
  item.stages
    .map((s) => {
      const paint = {
        done: style.good,
        running: style.warn,
        failed: style.bad,
        waiting: style.dim,
        skipped: style.dim,
      }[s.state];
      return paint(SIGNS[s.state]);
    })
    .join("");
const nameOf = (change: Change): string =>
  change.pullRequest === null ? (change.commit?.slice(0, 8) ?? change.key.slice(0, 8)) : `#${change.pullRequest}`;

function addPipelineView(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ limit: string }>(program, terminal, outcome, {
    usage: "pipeline [service]",
    about: "show where each change is on its way to production, and what is in its way",
    more: "Each change has a sign for each stage: open, checks, merged, build, gates, queue, canary, production. # is done, > under way, x failed, . ahead, - not needed.",
    group: LOOK,
    options: (command) => command.option("--limit <count>", "so many changes at most", "30"),
    examples: [
      ["latchkey pipeline", "of all services"],
      ["latchkey pipeline leads --json", "with the time that each stage took, for a program"],
    ],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const [service] = args;
      const limit = countOption(options.limit, "--limit", 1, 100);
      const pipeline = await session.client.getPipeline({
        params: session.main,
        query: { limit, ...(service ? { service } : {}) },
      });
      const rows = pipeline.items.map((item) => {
        const at = item.stages.find((s) => s.name === item.stage);
        const share = item.trafficPercent === null ? "" : ` ${item.trafficPercent} %`;
        return [
          picture(item, session.style),
          nameOf(item.change),
          item.service,
          `${state(item.stage, session.style)}${share}`,
          at?.durationMs == null || item.stage === "production" ? "-" : duration(at.durationMs),
          clip(item.change.title, 50),
          item.blockedBy === null ? "" : session.style.warn(clip(item.blockedBy, 80)),
        ];
      });
      const problems = pipeline.connections
        .filter((c) => c.problem !== null)
        .map((c) => session.style.bad(`${c.service}: ${c.problem}`));
      session.print(pipeline, () =>
        [
          ...problems,
          rows.length > 0
            ? table(["way", "change", "service", "is in", "for", "what", "in its way"], rows, session.style)
            : "There are no changes yet. Connect a service with GitHub, or `latchkey ship <service> --wait`.",
        ].join("\n"),
      );
      return undefined;
    },
  });
}

function addChanges(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<PageOptions>(program, terminal, outcome, {
    usage: "changes <service>",
    about: "list the changes of a service, newest first: commits with their pull requests",
    group: LOOK,
    options: (command) => addPageOptions(command),
    examples: [
      ["latchkey changes leads", "when each was opened, merged and deployed"],
      ["latchkey changes leads --json", "the same for a program"],
    ],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const service = args[0] ?? "";
      const page = await readPages(options, (query) =>
        session.client.listChanges({ params: { ...session.main, service }, query }),
      );
      const rows = page.items.map((c) => [
        c.key.startsWith("pr-") ? c.key : c.key.slice(0, 12),
        state(c.state, session.style),
        c.openedAt ? moment(c.openedAt) : "-",
        c.deployedAt ? moment(c.deployedAt) : "-",
        c.leadTimeMs === null ? "-" : duration(c.leadTimeMs),
        clip(c.title, 60),
      ]);
      session.print(page, () =>
        rows.length > 0
          ? table(["change", "state", "opened", "deployed", "took", "what"], rows, session.style) +
            moreWords(session, page)
          : `No changes of ${service} are known: connect it with GitHub (github in its configuration).`,
      );
      return undefined;
    },
  });
}

function addChange(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<object>(program, terminal, outcome, {
    usage: "change <service> <change>",
    about: "show one change: its commit, its pull request, and when production had it",
    more: "The change is a pull request (pr-12) or a commit with all its 40 digits.",
    group: LOOK,
    examples: [
      ["latchkey change leads pr-12", "by its pull request"],
      ["latchkey change leads pr-12 --json", "the same for a program"],
    ],
    run: async ({ session: open, args }) => {
      const session = open();
      const c = await session.client.getChange({
        params: { ...session.main, service: args[0] ?? "", change: args[1] ?? "" },
      });
      const at = (name: string, when: string | null): [string, string][] =>
        when === null ? [] : [[name, moment(when)]];
      const rows: [string, string][] = [
        ["state", state(c.state, session.style)],
        ["author", c.author || "-"],
        ...(c.commit ? [["commit", c.commit] as [string, string]] : []),
        ...(c.url ? [["see", c.url] as [string, string]] : []),
        ...at("opened", c.openedAt),
        ...at("committed", c.committedAt),
        ...at("merged", c.mergedAt),
        ...at("deployed", c.deployedAt),
        ...(c.leadTimeMs === null ? [] : [["took", duration(c.leadTimeMs)] as [string, string]]),
        ...(c.deploymentId ? [["by", c.deploymentId] as [string, string]] : []),
      ];
      session.print(c, () => `${session.style.bold(`${nameOf(c)} ${c.title}`)}\n${facts(rows, session.style)}`);
      return undefined;
    },
  });
}
