import type { Entry } from "@latchkey/core/catalog/notifications/entry";
import { cloudEventOf, mailOf, slackBody } from "@latchkey/core/catalog/notifications/forms";
import type { Message } from "@latchkey/core/catalog/notifications/message";
import { failed, type SendResult } from "@latchkey/core/catalog/notifications/port";
import { findEntry, type Secrets, type Subjects } from "../ledger/index.ts";
import type { Reach } from "../platform/adapters/outgoing/reach.ts";
import { SLACK_API, sendToSlack } from "../platform/adapters/slack/sender.ts";
import { sendMail } from "../platform/adapters/smtp/sender.ts";
import { sendWebhook } from "../platform/adapters/webhook/sender.ts";
import type { Executor } from "../platform/database.ts";
import { type Opened, unpack, validSecrets } from "./channel-targets.ts";
import type { ChannelRow } from "./channels.store.ts";

export interface CarriersOptions {
  readonly db: Executor;
  readonly secrets: Secrets;
  readonly subjects: Pick<Subjects, "open">;
  readonly reach: Reach;
  /** The console's address, for links. */
  readonly baseUrl: string;
}
export interface Parcel {
  readonly id: string;
  readonly message: Message;
  /** The entry that it tells of; null for a digest or a test. */
  readonly sequence: number | null;
  /** Those that a digest tells of. */
  readonly digested: readonly number[];
  readonly reference: Readonly<Record<string, string>> | null;
}

/** Brings a message into the form of its channel and hands it to the adapter. Names are opened here, at the last moment. */
export function carriers(o: CarriersOptions) {
  const opened = async <T>(value: T): Promise<T> => JSON.parse(await o.subjects.open(JSON.stringify(value))) as T;
  const entryOf = async (sequence: number): Promise<Entry | null> => {
    const row = await findEntry(o.db, sequence);
    return row && opened(JSON.parse(row.canonical) as Entry);
  };

  async function webhook(parcel: Parcel, url: string, secrets: readonly string[]): Promise<SendResult> {
    const sent = { deliveryId: parcel.id, base: o.baseUrl };
    const entries: Entry[] = [];
    for (const sequence of parcel.digested) {
      const entry = await entryOf(sequence);
      if (entry) entries.push(entry);
    }
    const entry = parcel.sequence === null ? null : await entryOf(parcel.sequence);
    const event = cloudEventOf(await opened(parcel.message), entry, sent, entries);
    return sendWebhook(o.reach, { url, secrets, deliveryId: parcel.id, event });
  }

  return async (channel: Pick<ChannelRow, "id" | "secrets">, parcel: Parcel): Promise<SendResult> => {
    const own: Opened | null = unpack(o.secrets, channel);
    if (own === null)
      return failed(
        "The channel's secrets can't be read: the key that they were encrypted with is gone. Give its target again.",
      );
    const { target } = own;
    if (target.kind === "webhook") return webhook(parcel, target.url, validSecrets(own.signing, Date.now()));
    const message = await opened(parcel.message);
    const sent = { deliveryId: parcel.id, base: o.baseUrl };
    if (target.kind === "email") {
      const subject = parcel.reference?.subject;
      const mail = mailOf(message, sent, subject === undefined ? null : `Re: ${subject}`);
      const result = await sendMail(o.reach, { target, deliveryId: parcel.id, mail, reference: parcel.reference });
      if (!result.arrived) return result;
      return { ...result, reference: { ...result.reference, subject: subject ?? mail.subject } };
    }
    const to =
      target.webhookUrl !== undefined
        ? { webhookUrl: target.webhookUrl }
        : { apiUrl: target.apiUrl ?? SLACK_API, token: target.token ?? "", conversation: target.conversation ?? "" };
    return sendToSlack(o.reach, { to, body: slackBody(message, sent), reference: parcel.reference });
  };
}
export type Carry = ReturnType<typeof carriers>;
