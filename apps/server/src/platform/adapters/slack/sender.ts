import { arrived, failed, type SendResult } from "@latchkey/core/catalog/notifications/port";
import { type Posted, post } from "../outgoing/post.ts";
import type { Reach } from "../outgoing/reach.ts";

/** Slack, and what speaks like it: an incoming webhook, or a bot that can update what it wrote. */
export interface SlackParcel {
  readonly to:
    | { readonly webhookUrl: string }
    | { readonly apiUrl: string; readonly token: string; readonly conversation: string };
  readonly body: Readonly<Record<string, unknown>>;
  /** Of the message that this one replaces: what the first one's sending answered. */
  readonly reference: Readonly<Record<string, string>> | null;
}

export const SLACK_API = "https://slack.com/api/";
/** Errors of Slack's methods that time does not mend (docs.slack.dev, chat.postMessage and chat.update). */
const PERMANENT = new Set(
  "account_inactive as_user_not_supported cant_update_message channel_not_found edit_window_closed ekm_access_denied invalid_auth invalid_blocks is_archived missing_scope msg_too_long no_permission no_text not_authed not_in_channel restricted_action token_expired token_revoked".split(
    " ",
  ),
);
/** What it updates is not there any more: it is written anew. */
const VANISHED = new Set(["message_not_found", "cant_update_message", "edit_window_closed"]);

export async function sendToSlack(reach: Reach, o: SlackParcel): Promise<SendResult> {
  if ("webhookUrl" in o.to) {
    const { metadata: _, unfurl_links: __, ...body } = o.body;
    return ofWebhook(await post(reach, o.to.webhookUrl, { "content-type": "application/json" }, JSON.stringify(body)));
  }
  const { reference } = o;
  if (reference?.ts === undefined || reference.channel === undefined)
    return ask(reach, o.to, "chat.postMessage", o.body, o.to.conversation);
  const updated = await ask(reach, o.to, "chat.update", { ...o.body, ts: reference.ts }, reference.channel);
  const hasVanished = !updated.arrived && [...VANISHED].some((error) => updated.words.includes(`“${error}”`));
  return hasVanished ? ask(reach, o.to, "chat.postMessage", o.body, o.to.conversation) : updated;
}

function ofWebhook(posted: Posted): SendResult {
  if (posted.status === null) return failed(posted.words, { permanent: posted.permanent });
  if (posted.status >= 200 && posted.status < 300) return arrived(`It answered ${posted.status}.`);
  // Slack says what is wrong with the address or the message in a word, such as no_service.
  const isPermanent = posted.status >= 400 && posted.status < 500 && ![408, 409, 425, 429].includes(posted.status);
  const words = /^[a-z_]{1,60}$/.test(posted.body)
    ? `It answered ${posted.status}: “${posted.body}”.`
    : `It answered ${posted.status}.`;
  return failed(words, { permanent: isPermanent, retryAfterMs: posted.retryAfterMs });
}

async function ask(
  reach: Reach,
  to: { readonly apiUrl: string; readonly token: string },
  method: "chat.postMessage" | "chat.update",
  body: Readonly<Record<string, unknown>>,
  channel: string,
): Promise<SendResult> {
  const url = new URL(method, to.apiUrl.endsWith("/") ? to.apiUrl : `${to.apiUrl}/`);
  const headers = { "content-type": "application/json; charset=utf-8", authorization: `Bearer ${to.token}` };
  const posted = await post(reach, url.href, headers, JSON.stringify({ ...body, channel }));
  if (posted.status === null) return failed(posted.words, { permanent: posted.permanent });
  if (posted.status !== 200)
    return failed(`${method} answered ${posted.status}.`, { retryAfterMs: posted.retryAfterMs });
  const answer = readAnswer(posted.body);
  if (!answer.ok) return failed(`${method} answered “${answer.error}”.`, { permanent: PERMANENT.has(answer.error) });
  return arrived(method === "chat.update" ? "The message was updated." : "The message was written.", {
    ts: answer.ts,
    channel: answer.channel,
  });
}

function readAnswer(text: string): { ok: true; ts: string; channel: string } | { ok: false; error: string } {
  try {
    const { ok, error, ts, channel } = JSON.parse(text) as Record<string, unknown>;
    if (ok === true && typeof ts === "string" && typeof channel === "string") return { ok, ts, channel };
    return { ok: false, error: typeof error === "string" ? error.slice(0, 80) : "an answer that can't be read" };
  } catch {
    return { ok: false, error: "an answer that is no JSON" };
  }
}
