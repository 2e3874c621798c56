import type { Entry, Severity } from "./entry.ts";
import type { Item, Message } from "./message.ts";

/** A message in the form of each kind of channel. Names are opened before. `base` is the console's address. */
export interface Sent {
  /** Stays the same however often it is sent: the receiver knows a repetition by it. */
  readonly deliveryId: string;
  readonly base: string;
}
const COLOUR: Readonly<Record<Severity, string>> = { info: "#2b6cb0", warning: "#b7791f", critical: "#c53030" };
const MARK: Readonly<Record<Severity, string>> = { info: "", warning: "⚠ ", critical: "✖ " };

/** Slack's three control characters ("Formatting text for app surfaces", docs.slack.dev). */
const slackText = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
/** Slack cuts or refuses longer ones: a section has 3,000 characters, a header 150. */
const SLACK_SECTION_MAX = 2_900;
const whole = (lines: readonly (string | null)[]): string =>
  lines.filter((line) => line !== null && line !== "").join("\n");
const cut = (text: string, max: number): string => (text.length <= max ? text : `${text.slice(0, max - 1)}…`);
/** Shown in a text where the time zone of the reader is not known. */
const minute = (occurredAt: string): string => `${occurredAt.slice(0, 16).replace("T", " ")} UTC`;

/** Body for `chat.postMessage`, `chat.update` and incoming webhooks, which differ only in the address. */
export function slackBody(message: Message, { deliveryId, base }: Sent): Record<string, unknown> {
  const items = message.items.map(
    (item) => `• <${base}${item.path}|${slackText(item.title)}>${item.why ? `: ${slackText(item.why)}` : ""}`,
  );
  const text = whole([
    `*${MARK[message.severity]}<${base}${message.path}|${slackText(message.title)}>*`,
    message.trail && slackText(message.trail),
    message.why && slackText(message.why),
    ...items,
  ]);
  const facts = message.facts.map((fact) => `${slackText(fact.label)}: ${slackText(fact.value)}`).join(" · ");
  const footer = whole([facts, `${minute(message.occurredAt)} · ${deliveryId}`]);
  return {
    text: slackText(whole([`${MARK[message.severity]}${message.title}`, message.trail])),
    attachments: [
      {
        color: COLOUR[message.severity],
        blocks: [
          { type: "section", text: { type: "mrkdwn", text: cut(text, SLACK_SECTION_MAX) } },
          { type: "context", elements: [{ type: "mrkdwn", text: cut(footer, SLACK_SECTION_MAX) }] },
        ],
      },
    ],
    unfurl_links: false,
    metadata: { event_type: "latchkey_notification", event_payload: { delivery_id: deliveryId } },
  };
}

export interface Mail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

const htmlText = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
/** A header is one line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be in a header.
const oneLine = (text: string): string => text.replaceAll(/[\u0000-\u001f\u007f]+/g, " ").trim();

export function mailOf(message: Message, { deliveryId, base }: Sent, threadTitle: string | null): Mail {
  const link = `${base}${message.path}`;
  const facts = message.facts.map((fact) => `${fact.label}: ${fact.value}`);
  const item = (i: Item) => `- ${minute(i.occurredAt)}  ${i.title}${i.why ? `: ${i.why}` : ""}\n  ${base}${i.path}`;
  const footer = `${minute(message.occurredAt)}, ${deliveryId}`;
  const text = [
    whole([message.title, message.trail, message.why]),
    message.items.map(item).join("\n"),
    facts.join("\n"),
    link,
    `-- \nLatchkey, ${footer}`,
  ];
  const htmlItem = (i: Item) =>
    `<li>${minute(i.occurredAt)} <a href="${htmlText(base + i.path)}">${htmlText(i.title)}</a>${i.why ? `: ${htmlText(i.why)}` : ""}</li>`;
  const html = [
    `<div style="border-left:4px solid ${COLOUR[message.severity]};padding-left:12px;font-family:sans-serif">`,
    `<p><strong><a href="${htmlText(link)}">${htmlText(message.title)}</a></strong></p>`,
    message.trail ? `<p>${htmlText(message.trail)}</p>` : "",
    message.why ? `<p>${htmlText(message.why)}</p>` : "",
    message.items.length > 0 ? `<ul>${message.items.map(htmlItem).join("")}</ul>` : "",
    facts.length > 0 ? `<p>${facts.map(htmlText).join("<br>")}</p>` : "",
    `<p style="color:#666;font-size:small">Latchkey, ${htmlText(footer)}</p></div>`,
  ];
  return {
    // Mail programs keep a conversation together by its subject, too.
    subject: oneLine(threadTitle ?? `${MARK[message.severity]}${message.title}`),
    text: `${text.filter((part) => part !== "").join("\n\n")}\n`,
    html: html.join(""),
  };
}

/** CloudEvents 1.0 in structured mode: the entry with what it means for people. `entry` is null for what is none. */
export function cloudEventOf(
  message: Message,
  entry: Entry | null,
  sent: Sent,
  digested: readonly Entry[] = [],
): Record<string, unknown> {
  const words = { title: message.title, trail: message.trail, why: message.why, link: `${sent.base}${message.path}` };
  const told = { severity: message.severity, outcome: message.outcome, message: words };
  const base = { specversion: "1.0", source: sent.base, datacontenttype: "application/json" };
  if (entry !== null) {
    const { id, type, subject, sequence, project, actor, occurredAt, data } = entry;
    // `sequence` and `partitionkey` are CloudEvents' own extensions: a receiver can bring entries into order by them.
    return {
      ...base,
      ...{ id, type, subject, time: occurredAt, sequence: String(sequence), partitionkey: subject, project },
      data: { ...told, actor, entry: data },
    };
  }
  return {
    ...base,
    id: sent.deliveryId,
    type: digested.length > 0 ? "catalog.notification.digest" : "catalog.notification.test",
    time: message.occurredAt,
    data: {
      ...told,
      entries: digested.map((one) => ({
        ...{ id: one.id, type: one.type, subject: one.subject, time: one.occurredAt, sequence: String(one.sequence) },
        ...{ project: one.project, actor: one.actor, entry: one.data },
      })),
    },
  };
}
