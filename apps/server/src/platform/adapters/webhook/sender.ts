import { createHmac, randomBytes } from "node:crypto";
import { arrived, failed, type SendResult } from "@latchkey/core/catalog/notifications/port";
import { post } from "../outgoing/post.ts";
import type { Reach } from "../outgoing/reach.ts";

/**
 * Webhooks as Standard Webhooks has them (standardwebhooks.com, 1.0): an id that stays the same, the time, and an
 * HMAC-SHA256 of id, time and body for each secret that is good.
 */
const PREFIX = "whsec_";
/** 24 to 64 bytes by the standard. */
const SECRET_BYTES = 32;
/** The receiver wants no more of it. */
const GONE = 410;

export const newSigningSecret = (): string => `${PREFIX}${randomBytes(SECRET_BYTES).toString("base64")}`;

/** The value of `webhook-signature`: one part for each secret, the newest first. */
export function signatures(secrets: readonly string[], id: string, atS: number, body: string): string {
  return secrets
    .map((secret) => {
      const key = Buffer.from(secret.slice(PREFIX.length), "base64");
      return `v1,${createHmac("sha256", key).update(`${id}.${atS}.${body}`).digest("base64")}`;
    })
    .join(" ");
}

export interface WebhookParcel {
  readonly url: string;
  readonly secrets: readonly string[];
  readonly deliveryId: string;
  readonly event: Readonly<Record<string, unknown>>;
  readonly timeoutMs?: number;
}

export async function sendWebhook(reach: Reach, o: WebhookParcel): Promise<SendResult> {
  const body = JSON.stringify(o.event);
  const atS = Math.floor(Date.now() / 1_000);
  const headers = {
    "content-type": "application/cloudevents+json; charset=utf-8",
    "webhook-id": o.deliveryId,
    "webhook-timestamp": String(atS),
    "webhook-signature": signatures(o.secrets, o.deliveryId, atS, body),
  };
  const posted = await post(reach, o.url, headers, body, o.timeoutMs);
  if (posted.status === null) return failed(posted.words, { permanent: posted.permanent });
  if (posted.status >= 200 && posted.status < 300) return arrived(`It answered ${posted.status}.`);
  const isMoved = posted.status >= 300 && posted.status < 400;
  return failed(`It answered ${posted.status}${isMoved ? ", and redirects are not followed" : ""}.`, {
    permanent: posted.status === GONE,
    retryAfterMs: posted.retryAfterMs,
  });
}
