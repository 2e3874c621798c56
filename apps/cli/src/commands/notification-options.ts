import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Answer, Client } from "@latchkey/api/client";
import { type Command, Option } from "commander";
import { CliError, wrongUse } from "../problem.ts";
import type { Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";

/** How a channel's target and a rule's quiet hours are written on a command line. Secrets come from files. */
type Target = Parameters<Client["createNotificationChannel"]>[0]["body"]["target"];
type Rule = Answer<"listNotificationRules">["items"][number];
export type QuietHours = NonNullable<Rule["quietHours"]>;

export interface TargetOptions {
  readonly webhook?: string;
  readonly slackWebhookFile?: string;
  readonly slackTokenFile?: string;
  readonly slackChannel?: string;
  readonly slackApi?: string;
  readonly smtp?: string;
  readonly smtpSecurity?: "starttls" | "tls" | "none";
  readonly smtpUser?: string;
  readonly smtpPasswordFile?: string;
  readonly smtpCaFile?: string;
  readonly from?: string;
  readonly to?: string;
}

export const addTargetOptions = (command: Command): Command =>
  command
    .option("--webhook <url>", "a receiver of signed CloudEvents")
    .option("--slack-webhook-file <file>", "a file with the address of an incoming webhook")
    .option("--slack-token-file <file>", "a file with a bot's token: one message per rollout is updated")
    .option("--slack-channel <name>", "where the bot writes")
    .option("--slack-api <url>", "another address of Slack's API")
    .option("--smtp <host:port>", "a mail server")
    .option("--from <address>", "the sender of mail")
    .option("--to <addresses>", "who gets mail, with commas")
    .option("--smtp-user <name>", "the name to sign in with")
    .option("--smtp-password-file <file>", "a file with the password")
    .option("--smtp-ca-file <file>", "a certificate authority of your own, in PEM")
    .addOption(new Option("--smtp-security <kind>", "none only to this machine").choices(["starttls", "tls", "none"]));

const KINDS = "--webhook, --slack-webhook-file, --slack-token-file or --smtp";

/** The target that the options name; null when they name none. */
export function targetOf(o: TargetOptions, terminal: Terminal): Target | null {
  const kinds = [o.webhook, o.slackWebhookFile, o.slackTokenFile, o.smtp].filter((kind) => kind !== undefined);
  if (kinds.length === 0) return null;
  if (kinds.length > 1) throw wrongUse("A channel goes to one place.", `Give one of ${KINDS}.`);
  const read = (file: string) => readSecret(terminal, file);
  if (o.webhook !== undefined) return { kind: "webhook", url: o.webhook };
  if (o.slackWebhookFile !== undefined) return { kind: "slack", webhookUrl: read(o.slackWebhookFile) };
  if (o.slackTokenFile !== undefined) {
    if (o.slackChannel === undefined) throw wrongUse("Where does the bot write?", "Add --slack-channel.");
    const api = o.slackApi === undefined ? {} : { apiUrl: o.slackApi };
    return { kind: "slack", token: read(o.slackTokenFile), conversation: o.slackChannel, ...api };
  }
  const [, host = "", port] = /^(.*?)(?::(\d+))?$/.exec(o.smtp ?? "") ?? [];
  if (o.from === undefined || o.to === undefined)
    throw wrongUse("Mail needs a sender and somebody who gets it.", "Add --from and --to.");
  return {
    kind: "email",
    host,
    from: o.from,
    to: list(o.to),
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(o.smtpSecurity === undefined ? {} : { security: o.smtpSecurity }),
    ...(o.smtpUser === undefined ? {} : { user: o.smtpUser }),
    ...(o.smtpPasswordFile === undefined ? {} : { password: read(o.smtpPasswordFile) }),
    ...(o.smtpCaFile === undefined ? {} : { ca: read(o.smtpCaFile) }),
  };
}

export const needsTarget = () => wrongUse("Where does the channel go?", `Give one of ${KINDS}.`);

function readSecret(terminal: Terminal, file: string): string {
  try {
    return readFileSync(resolve(terminal.cwd, file), "utf8").trim();
  } catch {
    throw wrongUse(`${file} can't be read.`, "Name a file that holds it.");
  }
}

export const list = (text: string): string[] =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

/** "mon-fri 22:00-07:00 Europe/Berlin", "sat,sun 00:00-00:00 UTC"; null for "none". */
export function quietHoursOf(text: string): QuietHours | null {
  if (text === "none") return null;
  const how = 'Write it as --quiet "mon-fri 22:00-07:00 Europe/Berlin", or --quiet none.';
  const found = /^(\S+)\s+(\d\d:\d\d)-(\d\d:\d\d)\s+(\S+)$/.exec(text.trim());
  if (!found) throw wrongUse(`--quiet ${text} can't be read.`, how);
  const [, given = "", from = "", to = "", timeZone = ""] = found;
  const days = list(given.toLowerCase()).flatMap((part) => {
    const [first, last = first] = part.split("-").map((day) => (DAYS as readonly string[]).indexOf(day));
    if (first === undefined || last === undefined || first < 0 || last < 0)
      throw wrongUse(`--quiet: there are no days ${part}.`, how);
    const count = ((last - first + 7) % 7) + 1;
    return Array.from({ length: count }, (_, i) => DAYS[(first + i) % 7] ?? "mon");
  });
  return { timeZone, days: DAYS.filter((day) => days.includes(day)), from, to };
}

export const quietWords = (hours: QuietHours | null): string =>
  hours === null ? "-" : `${hours.days.join(",")} ${hours.from}-${hours.to} ${hours.timeZone}`;

/** A channel by its id or its name. */
export async function channelOf(session: Session, target: string) {
  const { items } = await session.client.listNotificationChannels({ params: session.main });
  const channel = items.find((one) => one.id === target || one.name === target);
  if (channel) return channel;
  throw new CliError({
    code: "LK_CLI_CHANNEL",
    title: "Which channel?",
    detail: `There is no channel ${target}.`,
    remedy:
      items.length === 0 ? "Add one: latchkey notifications add" : `There are ${items.map((c) => c.name).join(", ")}.`,
  });
}

/** A rule by its id or its name. */
export async function ruleOf(session: Session, target: string): Promise<Rule> {
  const { items } = await session.client.listNotificationRules({ params: session.main });
  const rule = items.find((one) => one.id === target || one.name === target);
  if (rule) return rule;
  throw new CliError({
    code: "LK_CLI_RULE",
    title: "Which rule?",
    detail: `There is no rule ${target}.`,
    remedy:
      items.length === 0
        ? "Add one: latchkey notifications add-rule"
        : `There are ${items.map((r) => r.name).join(", ")}.`,
  });
}

/** Asks before something is deleted; false when it is kept. */
export async function agreed(terminal: Terminal, yes: boolean | undefined, question: string): Promise<boolean> {
  if (yes) return true;
  if (!terminal.canAsk) throw wrongUse("Nobody is there to agree.", "Add --yes.");
  if (await terminal.agrees(question)) return true;
  terminal.out("Nothing was deleted.\n");
  return false;
}
