import type { Answer, Client } from "@latchkey/api/client";
import type { Command } from "commander";
import { addCommand, type Outcome } from "../command.ts";
import { jsonOption } from "../json-option.ts";
import type { Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { table } from "../text.ts";

type Definition = Parameters<Client["putFlag"]>[0]["body"]["definition"];

/** `latchkey flags preview`: what a definition would change for last week's users, before it is saved. */
export function addFlagPreview(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ environment: string; definition?: string }>(group, terminal, outcome, {
    usage: "preview <flag>",
    about: "how many of last week's users get which variant, and would by a definition that is not saved",
    options: (command) =>
      command
        .option("--environment <name>", "where", "production")
        .option("--definition <json>", "the definition as JSON, or @ and a file that holds it"),
    examples: [
      ["latchkey flags preview new-lead-form", "as it is now"],
      ["latchkey flags preview new-lead-form --definition @new-lead-form.json", "as it would be"],
    ],
    run: async ({ session: open, args, options, terminal: said }) => {
      const definition =
        options.definition === undefined
          ? undefined
          : jsonOption<Definition>(
              said,
              options.definition,
              "--definition",
              "`latchkey flags show <flag> --json` has one.",
            );
      const session = open();
      const params = { ...session.main, flag: args[0] ?? "" };
      const body = { environment: options.environment, ...(definition ? { definition } : {}) };
      const found = await session.client.previewFlag({ params, body });
      session.print(found, () => words(session, found, options.environment));
      return undefined;
    },
  });
}

function words(session: Session, found: Answer<"previewFlag">, environment: string): string {
  if (found.users === 0) return `Nobody in ${environment} has met a flag in the last week.`;
  const share = (n: number): string => `${((100 * n) / found.users).toFixed(1)} %`;
  const rows = found.variants.map((one) => [
    one.variant ?? "(the value in the code)",
    share(one.before),
    share(one.after),
  ]);
  return [
    table(["variant", "now", "then"], rows, session.style),
    "",
    `${share(found.changed)} would get something else. About ${found.estimatedUsers} users asked; ${found.users} of them were looked at.`,
  ].join("\n");
}
