import type { Answer, Client } from "@latchkey/api/client";
import { type Command, Option } from "commander";
import { addCommand, type Outcome } from "../command.ts";
import { EXIT, wrongUse } from "../problem.ts";
import type { Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { clip, moment, table } from "../text.ts";
import { agreed, channelOf, list, quietHoursOf, quietWords, ruleOf } from "./notification-options.ts";

type Rule = Answer<"listNotificationRules">["items"][number];
type Body = Parameters<Client["createNotificationRule"]>[0]["body"];

interface RuleOptions {
  readonly name?: string;
  readonly channel?: string;
  readonly types?: string;
  readonly services?: string;
  readonly environments?: string;
  readonly outcomes?: string;
  readonly severity?: Rule["severity"];
  readonly quiet?: string;
  readonly on?: boolean;
  readonly off?: boolean;
}

export function addNotificationRules(group: Command, terminal: Terminal, outcome: Outcome): void {
  addRules(group, terminal, outcome);
  addAddRule(group, terminal, outcome);
  addChangeRule(group, terminal, outcome);
  addRemoveRule(group, terminal, outcome);
}

const addRuleOptions = (command: Command): Command =>
  command
    .option("--channel <channels>", "where to, by names or ids with commas")
    .option("--types <patterns>", "which ledger entries, such as delivery.rollout.*")
    .option("--services <names>", "only of these services")
    .option("--environments <names>", "only in these environments")
    .option("--outcomes <names>", "of progressing, waiting, promoted, succeeded, rolled_back, failed, aborted, other")
    .addOption(
      new Option("--severity <severity>", "auto goes by the outcome; critical is told in quiet hours, too").choices([
        "auto",
        "info",
        "warning",
        "critical",
      ]),
    )
    .option("--quiet <hours>", 'held until they end: "mon-fri 22:00-07:00 Europe/Berlin", or none');

function addRules(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<object>(group, terminal, outcome, {
    usage: "rules",
    about: "list the rules: which entries go where, and when it is quiet",
    examples: [["latchkey notifications rules", "who is told of what"]],
    run: async ({ session: open }) => {
      const session = open();
      const [found, { items: channels }] = [
        await session.client.listNotificationRules({ params: session.main }),
        await session.client.listNotificationChannels({ params: session.main }),
      ];
      const nameOf = (id: string) => channels.find((channel) => channel.id === id)?.name ?? id;
      const all = (items: readonly string[]) => (items.length === 0 ? "all" : items.join(","));
      const rows = found.items.map((r) => [
        ...[r.name, r.enabled ? "on" : "off", clip(all(r.types), 40), clip(all(r.outcomes), 40)],
        ...[r.channelIds.map(nameOf).join(","), r.severity],
        quietWords(r.quietHours) + (r.quietUntil ? session.style.warn(` (now, until ${moment(r.quietUntil)})`) : ""),
      ]);
      session.print(found, () =>
        rows.length > 0
          ? table(["name", "", "types", "outcomes", "channels", "severity", "quiet"], rows, session.style)
          : "There are no rules: nobody is told of anything. Add one: latchkey notifications add-rule",
      );
      return undefined;
    },
  });
}

async function bodyOf(session: Session, o: RuleOptions, before: Body): Promise<Body> {
  if (o.on && o.off) throw wrongUse("--on and --off together mean nothing.", "Give one of them.");
  const channelIds =
    o.channel === undefined
      ? before.channelIds
      : await Promise.all(list(o.channel).map(async (target) => (await channelOf(session, target)).id));
  return {
    ...before,
    channelIds,
    ...(o.name === undefined ? {} : { name: o.name }),
    ...(o.on ? { enabled: true } : o.off ? { enabled: false } : {}),
    ...(o.types === undefined ? {} : { types: list(o.types) }),
    ...(o.services === undefined ? {} : { services: list(o.services) }),
    ...(o.environments === undefined ? {} : { environments: list(o.environments) }),
    // What is no outcome the server names.
    ...(o.outcomes === undefined ? {} : { outcomes: list(o.outcomes) as Rule["outcomes"] }),
    ...(o.severity === undefined ? {} : { severity: o.severity }),
    ...(o.quiet === undefined ? {} : { quietHours: quietHoursOf(o.quiet) }),
  };
}

function addAddRule(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<RuleOptions>(group, terminal, outcome, {
    usage: "add-rule <name>",
    about: "add a rule: what is told where",
    options: addRuleOptions,
    examples: [
      ["latchkey notifications add-rule alarms --channel ours --outcomes rolled_back,failed", "what went wrong"],
      ["latchkey notifications add-rule all --channel ours --types 'delivery.*'", "all of delivery"],
    ],
    run: async ({ session: open, args, options }) => {
      if (options.channel === undefined) throw wrongUse("Where does it go?", "Add --channel.");
      const session = open();
      const body = await bodyOf(session, options, { name: args[0] ?? "", channelIds: [] });
      const made = await session.client.createNotificationRule({ params: session.main, body });
      session.print(made, () => `Added the rule ${made.name}.`);
      return undefined;
    },
  });
}

function addChangeRule(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<RuleOptions>(group, terminal, outcome, {
    usage: "change-rule <rule>",
    about: "change a rule; what is not named stays",
    options: (command) =>
      addRuleOptions(
        command.option("--name <name>", "another name").option("--on", "turn it on").option("--off", "turn it off"),
      ),
    examples: [
      ['latchkey notifications change-rule "What matters" --quiet "mon-sun 22:00-07:00 Europe/Berlin"', "quiet nights"],
    ],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const { id, createdAt: _, quietUntil: __, ...before } = await ruleOf(session, args[0] ?? "");
      const body = await bodyOf(session, options, before);
      const changed = await session.client.updateNotificationRule({ params: { ...session.main, ruleId: id }, body });
      session.print(changed, () => `Changed the rule ${changed.name}.`);
      return undefined;
    },
  });
}

function addRemoveRule(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ yes?: boolean }>(group, terminal, outcome, {
    usage: "remove-rule <rule>",
    about: "delete a rule; what it sent already stays on its way",
    options: (command) => command.option("--yes", "do not ask"),
    examples: [["latchkey notifications remove-rule alarms", "by its name or id"]],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const rule = await ruleOf(session, args[0] ?? "");
      if (!(await agreed(terminal, options.yes, `Delete the rule ${rule.name}?`))) return EXIT.done;
      await session.client.deleteNotificationRule({ params: { ...session.main, ruleId: rule.id } });
      session.print({ deleted: rule.id }, () => `Deleted the rule ${rule.name}.`);
      return EXIT.done;
    },
  });
}
