import type { Command } from "commander";
import { addCommand, type Outcome } from "../command.ts";
import { wrongUse } from "../problem.ts";
import type { Terminal } from "../terminal.ts";
import { moment, parseDuration, state, table } from "../text.ts";

const ACTIONS = ["keep", "remove"];
interface Options {
  readonly reason?: string;
  readonly for: string;
}

/** 3d, or what every other time of the commands may be. */
const timeOf = (text: string): number | null =>
  /^[0-9]{1,3}d$/.test(text) ? Number.parseInt(text, 10) * 86_400_000 : parseDuration(text);

/** Environments of pull requests: what is there, and what a person decides about one. */
export function addPreviews(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<Options>(program, terminal, outcome, {
    usage: "previews [service] [action] [number]",
    about: "list the previews of pull requests; keep one for longer, or remove it",
    more: "Without an action it lists. `keep` lets a preview stay for --for, counted from now; `remove` takes it away until its pull request gets a newer commit. Both need --reason, which is kept in the ledger with your name.",
    group: "See what is there:",
    options: (command) =>
      command
        .option("--reason <text>", "with keep and remove: why, for the record")
        .option("--for <time>", "with keep: how long from now, such as 3d or 8h", "3d"),
    examples: [
      ["latchkey previews leads", "where each pull request of leads is to be looked at"],
      ['latchkey previews leads keep 12 --for 3d --reason "a demo on Friday"', "it stays until then"],
      ['latchkey previews leads remove 12 --reason "looked at"', "its processes and its database go now"],
    ],
    run: async ({ session: open, args: [service, action, number], options }) => {
      const session = open();
      if (action === undefined) {
        const query = service === undefined ? {} : { service };
        const answer = await session.client.listPreviews({ params: session.main, query });
        const rows = answer.items.map((p) => [
          p.service,
          `#${p.pullRequest}`,
          state(p.state, session.style),
          (p.servingCommit ?? p.commit).slice(0, 8),
          p.state === "ended" ? "-" : moment(p.endsAt),
          p.address ?? p.words,
        ]);
        session.print(answer, () =>
          rows.length > 0
            ? table(["service", "pull request", "state", "commit", "ends", "where"], rows, session.style)
            : "There are no previews. `previews` in a service's configuration makes them: docs/guides/previews.md.",
        );
        return undefined;
      }
      if (!ACTIONS.includes(action))
        throw wrongUse(`"${action}" is nothing that is done to a preview.`, `One of ${ACTIONS.join(", ")}.`);
      if (number === undefined || !/^[0-9]{1,9}$/.test(number))
        throw wrongUse(
          `${action} needs the number of a pull request.`,
          `Such as \`latchkey previews ${service} ${action} 12\`.`,
        );
      if (options.reason === undefined)
        throw wrongUse(`${action} needs --reason.`, "Say why: it is kept in the ledger.");
      const params = { ...session.main, service: service ?? "", pullRequest: number };
      if (action === "remove") {
        const removed = await session.client.removePreview({ params, body: { reason: options.reason } });
        session.print(removed, () => `${removed.name} of ${removed.service}: ${removed.words}`);
        return undefined;
      }
      const forMs = timeOf(options.for);
      if (forMs === null) throw wrongUse(`--for: "${options.for}" is no time.`, "Such as 3d, 8h or 90m.");
      const kept = await session.client.keepPreview({ params, body: { forMs, reason: options.reason } });
      session.print(kept, () => `${kept.name} of ${kept.service} stays until ${moment(kept.endsAt)}.`);
      return undefined;
    },
  });
}
