import type { Answer } from "@latchkey/api/client";
import { type Command, Option } from "commander";
import { addCommand, addGroup, type Outcome } from "../command.ts";
import { addPageOptions, moreWords, type PageOptions, readPages } from "../pages.ts";
import { EXIT, wrongUse } from "../problem.ts";
import type { Terminal } from "../terminal.ts";
import { clip, moment, plain, type Style, table } from "../text.ts";
import {
  addTargetOptions,
  agreed,
  channelOf,
  needsTarget,
  type TargetOptions,
  targetOf,
} from "./notification-options.ts";
import { addNotificationRules } from "./notification-rules.ts";

type Channel = Answer<"listNotificationChannels">["items"][number];
type Delivery = Answer<"listNotificationDeliveries">["items"][number];

export function addNotifications(program: Command, terminal: Terminal, outcome: Outcome): void {
  const group = addGroup(program, {
    name: "notifications",
    about: "say who is told of what: channels, rules, and what did not arrive",
    group: "Set it up:",
    examples: [
      ["latchkey notifications add ops --webhook https://example.com/hook", "a signed webhook"],
      ["latchkey notifications test ops", "does it arrive?"],
      ["latchkey notifications deliveries --state dead", "what did not arrive"],
      ["latchkey notifications replay --channel ops", "send it again"],
    ],
  });
  addChannels(group, terminal, outcome);
  addAdd(group, terminal, outcome);
  addChange(group, terminal, outcome);
  addRemove(group, terminal, outcome);
  addTest(group, terminal, outcome);
  addRotate(group, terminal, outcome);
  addNotificationRules(group, terminal, outcome);
  addDeliveries(group, terminal, outcome);
  addReplay(group, terminal, outcome);
}

function stateWords(channel: Channel, style: Style): string {
  if (channel.state === "working") return style.good("working");
  if (channel.state === "failing" || channel.state === "resting") return style.bad(channel.state);
  return channel.state;
}

function addChannels(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<object>(group, terminal, outcome, {
    usage: "channels",
    about: "list the channels and how they do; `latchkey notifications` alone does this",
    isDefault: true,
    options: (command) => command.allowExcessArguments(),
    examples: [["latchkey notifications", "does everything arrive?"]],
    run: async ({ session: open, args }) => {
      if (args.length > 0)
        throw wrongUse(`There is no command latchkey notifications ${args[0]}.`, "See: latchkey notifications --help");
      const session = open();
      const found = await session.client.listNotificationChannels({ params: session.main });
      const rows = found.items.map((c) => [
        ...[c.name, c.kind, stateWords(c, session.style), String(c.waiting), String(c.held), String(c.dead)],
        ...[
          c.lastSuccessAt ? moment(c.lastSuccessAt) : "never",
          clip(c.state === "working" ? c.settings.words : (c.lastFailure ?? c.settings.words), 60),
        ],
      ]);
      const head = ["name", "kind", "state", "waiting", "held", "dead", "last success", "about"];
      session.print(found, () =>
        rows.length > 0
          ? table(head, rows, session.style)
          : "There are no channels. Add one: latchkey notifications add <name> --webhook <url>",
      );
      return undefined;
    },
  });
}

function addAdd(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<TargetOptions>(group, terminal, outcome, {
    usage: "add <name>",
    about: "add a channel; a webhook's signing secret is shown now and never again",
    more: "The first channel gets a rule: rollbacks, failed deployments, what waits for a person, and promotions.",
    options: addTargetOptions,
    examples: [
      ["latchkey notifications add ours --webhook https://example.com/hook", "the secret goes to standard output"],
      ["latchkey notifications add team --slack-token-file bot.token --slack-channel '#deploys'", "a bot"],
      [
        "latchkey notifications add mail --smtp mail.example.com:587 --from lk@example.com --to ops@example.com",
        "mail",
      ],
    ],
    run: async ({ session: open, args, options }) => {
      const target = targetOf(options, terminal);
      if (target === null) throw needsTarget();
      const session = open();
      const made = await session.client.createNotificationChannel({
        params: session.main,
        body: { name: args[0] ?? "", target },
      });
      if (!session.json) {
        const rule = made.rule ? ` The rule “${made.rule.name}” goes with it.` : " No rule names it yet.";
        terminal.err(`${made.channel.id}: ${made.channel.settings.words}.${rule}\n`);
        if (made.signingSecret) terminal.err("Its signing secret, shown only now:\n");
      }
      session.print(
        made,
        () =>
          made.signingSecret ?? `Added ${made.channel.name}. Try it: latchkey notifications test ${made.channel.name}`,
      );
      return undefined;
    },
  });
}

interface ChangeOptions extends TargetOptions {
  readonly name?: string;
  readonly on?: boolean;
  readonly off?: boolean;
}

function addChange(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<ChangeOptions>(group, terminal, outcome, {
    usage: "change <channel>",
    about: "rename a channel, turn it on or off, or send it elsewhere",
    options: (command) =>
      addTargetOptions(
        command
          .option("--name <name>", "another name")
          .option("--on", "send again what waits")
          .option("--off", "send nothing; what comes waits"),
      ),
    examples: [
      ["latchkey notifications change ours --off", "while its receiver is mended"],
      ["latchkey notifications change ours --webhook https://example.com/v2", "the signing secret stays"],
    ],
    run: async ({ session: open, args, options }) => {
      const target = targetOf(options, terminal);
      if (options.on && options.off) throw wrongUse("--on and --off together mean nothing.", "Give one of them.");
      const enabled = options.on ? true : options.off ? false : undefined;
      const body = {
        ...(options.name === undefined ? {} : { name: options.name }),
        ...(enabled === undefined ? {} : { enabled }),
        ...(target === null ? {} : { target }),
      };
      if (Object.keys(body).length === 0)
        throw wrongUse("Nothing is to be changed.", "Add --name, --on, --off or a target.");
      const session = open();
      const { id } = await channelOf(session, args[0] ?? "");
      const changed = await session.client.updateNotificationChannel({
        params: { ...session.main, channelId: id },
        body,
      });
      session.print(changed, () => `Changed ${changed.name}: ${changed.enabled ? changed.settings.words : "off"}.`);
      return undefined;
    },
  });
}

function addRemove(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ yes?: boolean }>(group, terminal, outcome, {
    usage: "remove <channel>",
    about: "delete a channel with what was on its way there",
    options: (command) => command.option("--yes", "do not ask"),
    examples: [["latchkey notifications remove ours", "by its name or id"]],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const channel = await channelOf(session, args[0] ?? "");
      const question = `Delete ${channel.name}? ${channel.waiting + channel.held} messages on their way are deleted with it.`;
      if (!(await agreed(terminal, options.yes, question))) return EXIT.done;
      await session.client.deleteNotificationChannel({ params: { ...session.main, channelId: channel.id } });
      session.print({ deleted: channel.id }, () => `Deleted ${channel.name}.`);
      return EXIT.done;
    },
  });
}

function addTest(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<object>(group, terminal, outcome, {
    usage: "test <channel>",
    about: "send a test message now; exit code 1 when it does not arrive",
    examples: [["latchkey notifications test ours", "does it arrive?"]],
    run: async ({ session: open, args }) => {
      const session = open();
      const { id, name } = await channelOf(session, args[0] ?? "");
      const result = await session.client.testNotificationChannel({ params: { ...session.main, channelId: id } });
      const words = result.arrived ? session.style.good("arrived") : session.style.bad("did not arrive");
      session.print(result, () => `${name}: ${words}. ${result.words}`);
      return result.arrived ? EXIT.done : EXIT.error;
    },
  });
}

function addRotate(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<object>(group, terminal, outcome, {
    usage: "rotate <channel>",
    about: "make a new signing secret for a webhook; the old one is good for 24 hours more",
    examples: [["latchkey notifications rotate ours", "only the secret goes to standard output"]],
    run: async ({ session: open, args }) => {
      const session = open();
      const { id } = await channelOf(session, args[0] ?? "");
      const made = await session.client.rotateNotificationSecret({ params: { ...session.main, channelId: id } });
      if (!session.json)
        terminal.err(`The old secret signs, too, until ${moment(made.oldValidUntil)}. The new one, shown only now:\n`);
      session.print(made, () => made.signingSecret);
      return undefined;
    },
  });
}

const STATES = ["held", "waiting", "delivered", "skipped", "digested", "dead"] as const;

function addDeliveries(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<PageOptions & { state?: Delivery["state"]; channel?: string }>(group, terminal, outcome, {
    usage: "deliveries",
    about: "list what was sent, waits, is held, or did not arrive",
    options: (command) =>
      addPageOptions(
        command
          .addOption(new Option("--state <state>", "only those").choices(STATES))
          .option("--channel <channel>", "only of this channel, by its name or id"),
      ),
    examples: [
      ["latchkey notifications deliveries", "the newest"],
      ["latchkey notifications deliveries --state dead", "what did not arrive, and why"],
    ],
    run: async ({ session: open, options }) => {
      const session = open();
      const channelId = options.channel === undefined ? undefined : (await channelOf(session, options.channel)).id;
      const page = await readPages(options, (query) =>
        session.client.listNotificationDeliveries({
          params: session.main,
          query: { ...query, ...(options.state ? { state: options.state } : {}), ...(channelId ? { channelId } : {}) },
        }),
      );
      const rows = page.items.map((d) => [
        ...[moment(d.createdAt), d.channelName, d.state === "dead" ? session.style.bad("dead") : plain(d.state)],
        ...[String(d.tries), clip(d.title, 50), d.lastFailure === null ? "" : clip(d.lastFailure, 60), d.id],
      ]);
      session.print(page, () =>
        rows.length > 0
          ? table(["when", "channel", "state", "tries", "what", "why", "id"], rows, session.style) +
            moreWords(session, page)
          : "There is nothing.",
      );
      return undefined;
    },
  });
}

function addReplay(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ channel?: string }>(group, terminal, outcome, {
    usage: "replay [ids...]",
    about: "send dead letters again, with the ids that they had",
    options: (command) => command.option("--channel <channel>", "all of this channel, by its name or id"),
    examples: [
      ["latchkey notifications replay --channel ours", "all that did not arrive there"],
      ["latchkey notifications replay ntf_...", "one"],
    ],
    run: async ({ session: open, args, options }) => {
      if (args.length > 0 === (options.channel !== undefined))
        throw wrongUse("What is to be sent again?", "Give ids, or --channel for all of one.");
      const session = open();
      const body =
        options.channel === undefined
          ? { deliveryIds: [...args] }
          : { channelId: (await channelOf(session, options.channel)).id };
      const { replayed } = await session.client.replayNotifications({ params: session.main, body });
      session.print({ replayed }, () =>
        replayed === 0
          ? "There were no dead letters among them."
          : `${replayed} ${replayed === 1 ? "is" : "are"} on the way again.`,
      );
      return undefined;
    },
  });
}
