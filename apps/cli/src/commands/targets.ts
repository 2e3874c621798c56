import type { Answer } from "@latchkey/api/client";
import type { Command } from "commander";
import { addCommand, type Outcome } from "../command.ts";
import { addPageOptions, moreWords, type PageOptions, readPages } from "../pages.ts";
import type { Terminal } from "../terminal.ts";
import { moment, type Style, state, table } from "../text.ts";

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
          ? table(head, rows, session.style) + deploysText(page.items, session.style) + moreWords(session, page)
          : "There are no services: `latchkey apply` adds one.",
      );
      return undefined;
    },
  });
}

/** What providers have of each service: which deploy is shown, and where each answers. */
function deploysText(targets: Answer<"listTargets">["items"], style: Style): string {
  const head = ["deploy", "service", "state", "commit", "for", "shown", "address"];
  const rows = targets.flatMap((t) =>
    (t.deploys ?? []).map((deploy) => [
      deploy.id,
      `${t.service} in ${t.environment}`,
      deploy.state,
      deploy.commit?.slice(0, 8) ?? "-",
      deploy.pullRequest === null ? (deploy.context ?? "-") : `#${deploy.pullRequest}`,
      [deploy.isPublished ? "published" : "", deploy.isLocked ? "locked" : ""].filter(Boolean).join(", ") || "-",
      deploy.address ?? "-",
    ]),
  );
  return rows.length > 0 ? `\n${table(head, rows, style)}` : "";
}
