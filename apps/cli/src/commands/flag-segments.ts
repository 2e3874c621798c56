import type { Client } from "@latchkey/api/client";
import type { Command } from "commander";
import { addCommand, type Outcome } from "../command.ts";
import { jsonOption } from "../json-option.ts";
import { EXIT, wrongUse } from "../problem.ts";
import type { Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { clip, table } from "../text.ts";
import { addPropose, proposeSegment } from "./flag-proposals.ts";
import { agreed } from "./notification-options.ts";

const EXAMPLE = 'Such as {"kind":"attribute","attribute":"country","operator":"in","values":["DE"]}.';

/** `latchkey flags segments|set-segment|remove-segment`: named conditions that flags share. */
export function addFlagSegments(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<object>(group, terminal, outcome, {
    usage: "segments",
    about: "list the segments: named conditions that flags share",
    examples: [["latchkey flags segments", "and which flags name them"]],
    run: async ({ session: open }) => {
      const session = open();
      const found = await session.client.listFlagSegments({ params: session.main });
      const rows = found.items.map((one) => [
        ...[one.key, one.description || "-", one.usedBy.join(", ") || "no flag"],
        clip(JSON.stringify(one.when), 60),
      ]);
      session.print(found, () =>
        rows.length === 0
          ? "There are no segments."
          : table(["segment", "about", "named by", "condition"], rows, session.style),
      );
      return undefined;
    },
  });
  addCommand<{ about?: string; when: string; reason: string; propose?: boolean }>(group, terminal, outcome, {
    usage: "set-segment <segment>",
    about: "create a segment, or change its condition for all flags that name it",
    options: (command) =>
      addPropose(
        command
          .option("--about <words>", "who that is; left out, it stays as it is")
          .requiredOption("--when <json>", "the condition as JSON, or @ and a file that holds it")
          .requiredOption("--reason <words>", "why; it stands in the ledger"),
      ),
    examples: [
      ["latchkey flags set-segment abroad --when @abroad.json --propose --reason 'a new market'", "for two people"],
      ["latchkey flags set-segment abroad --when @abroad.json --reason 'a new market'", "the condition from a file"],
    ],
    run: async ({ session: open, args, options, terminal }) => {
      const when = jsonOption<Condition>(terminal, options.when, "--when", EXAMPLE);
      const session = open();
      const segment = args[0] ?? "";
      const said = { when, description: options.about ?? (await aboutOf(session, segment)) };
      if (options.propose) {
        await proposeSegment(session, segment, { kind: "set_segment", ...said }, options.reason);
        return undefined;
      }
      const params = { ...session.main, segment };
      const made = await session.client.putFlagSegment({ params, body: { ...said, reason: options.reason } });
      session.print(made, () => `The segment ${made.key} holds, named by ${made.usedBy.join(", ") || "no flag yet"}.`);
      return undefined;
    },
  });
  addCommand<{ yes?: boolean; propose?: boolean; reason?: string }>(group, terminal, outcome, {
    usage: "remove-segment <segment>",
    about: "delete a segment that no flag names",
    options: (command) =>
      addPropose(command.option("--yes", "do not ask").option("--reason <words>", "why, with --propose")),
    examples: [
      ["latchkey flags remove-segment abroad", "asks first"],
      ["latchkey flags remove-segment abroad --propose --reason 'nobody names it'", "somebody else agrees"],
    ],
    run: async ({ session: open, args, options, terminal: said }) => {
      const session = open();
      const segment = args[0] ?? "";
      if (options.propose) {
        if (!options.reason) throw wrongUse("A proposal needs a reason.", "Add --reason, for whoever agrees.");
        await proposeSegment(session, segment, { kind: "delete_segment" }, options.reason);
        return EXIT.done;
      }
      if (!(await agreed(said, options.yes, `Delete the segment ${segment}?`))) return EXIT.done;
      await session.client.deleteFlagSegment({ params: { ...session.main, segment } });
      session.print({ removed: segment }, () => `Deleted the segment ${segment}.`);
      return EXIT.done;
    },
  });
}

/** Who a segment is about until now; a new one is about nobody yet. */
async function aboutOf(session: Session, segment: string): Promise<string> {
  const { items } = await session.client.listFlagSegments({ params: session.main });
  return items.find((one) => one.key === segment)?.description ?? "";
}

type Condition = Parameters<Client["putFlagSegment"]>[0]["body"]["when"];
