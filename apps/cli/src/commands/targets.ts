import type { Command } from "commander";
import { addCommand, type Outcome } from "../command.ts";
import { addPageOptions, moreWords, type PageOptions, readPages } from "../pages.ts";
import type { Terminal } from "../terminal.ts";
import { moment, state, table } from "../text.ts";

/** Where each service runs, and the shares that are served there. */
export function addTargets(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<PageOptions>(program, terminal, outcome, {
    usage: "targets",
    about: "where each service runs, who splits its traffic, and the shares that are served",
    group: "See what is there:",
    options: (command) => addPageOptions(command, "50"),
    examples: [["latchkey targets", "of all services, in all environments"]],
    run: async ({ session: open, options }) => {
      const session = open();
      const page = await readPages(options, (query) => session.client.listTargets({ params: session.main, query }));
      const rows = page.items.map((t) => [
        t.service,
        t.environment,
        t.kind,
        state(t.state, session.style),
        t.shares.map((share) => `${share.release} ${share.trafficPercent} %`).join(", ") || "-",
        t.acknowledgedAt ? moment(t.acknowledgedAt) : "-",
        [t.error ?? t.words, ...t.notes].join(" "),
      ]);
      const head = ["service", "environment", "target", "state", "serves", "since", "what"];
      session.print(page, () =>
        rows.length > 0
          ? table(head, rows, session.style) + moreWords(session, page)
          : "There are no services: `latchkey apply` adds one.",
      );
      return undefined;
    },
  });
}
