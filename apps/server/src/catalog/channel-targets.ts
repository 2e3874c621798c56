import type { ChannelTarget } from "@latchkey/api/notifications";
import type { Secrets } from "../ledger/index.ts";
import type { Reach } from "../platform/adapters/outgoing/reach.ts";
import { newSigningSecret } from "../platform/adapters/webhook/sender.ts";
import { ProblemError } from "../platform/problems.ts";
import type { ChannelRow } from "./channels.store.ts";
import { OLD_SECRET_MS } from "./notification-limits.ts";

/** What a channel is, as it is stored: what may be shown, and the whole of it encrypted. */
export interface SigningSecret {
  readonly secret: string;
  /** Null for the newest. */
  readonly validUntilMs: number | null;
}
export interface Opened {
  readonly target: ChannelTarget;
  /** Of a webhook, the newest first. */
  readonly signing: readonly SigningSecret[];
}
type Stored = Pick<ChannelRow, "kind" | "settings" | "secrets">;

/** Whether a target can be written down. Throws a problem that names the field. */
export async function checkTarget(reach: Reach, target: ChannelTarget): Promise<void> {
  const refuse = (field: string, message: string) =>
    new ProblemError("LK_INVALID", {
      detail: `target.${field}: ${message}`,
      fields: [{ field: `target.${field}`, message }],
    });
  const check = async (field: string, host: string, isClear: boolean, advice: string) => {
    const reached = await reach(host);
    // A name that is not known now may be later; every sending looks again.
    if ("refused" in reached && !reached.isPassing) throw refuse(field, reached.refused);
    if (isClear && !("place" in reached && reached.place.isLoopback)) throw refuse(field, advice);
  };
  const urls = { url: "url", webhookUrl: "webhookUrl", apiUrl: "apiUrl" } as const;
  for (const field of Object.values(urls)) {
    const address = (target as Partial<Record<string, unknown>>)[field];
    if (typeof address !== "string") continue;
    const url = new URL(address);
    if (url.username !== "" || url.password !== "") throw refuse(field, "leave user and password out of the address");
    await check(field, url.hostname, url.protocol !== "https:", "use https; http is for this machine only");
  }
  if (target.kind === "email")
    await check("host", target.host, target.security === "none", "use starttls or tls; none is for this machine only");
}

export function pack(secrets: Secrets, channelId: string, opened: Opened): Stored {
  const { target } = opened;
  return {
    kind: target.kind,
    settings: { words: wordsOf(target), updates: target.kind === "slack" && target.token !== undefined },
    secrets: secrets.seal(JSON.stringify(opened), channelId),
  };
}

/** Null when the key that it was encrypted with is gone. */
export function unpack(secrets: Secrets, row: Pick<ChannelRow, "id" | "secrets">): Opened | null {
  const text = secrets.open(row.secrets, row.id);
  return text === null ? null : (JSON.parse(text) as Opened);
}

/** Nothing that lets anybody in: the path of a chat's webhook is its secret, and so may be another's query. */
function wordsOf(target: ChannelTarget): string {
  if (target.kind === "email")
    return `${target.to.length} mail ${target.to.length === 1 ? "address" : "addresses"} by ${target.host}:${target.port}`;
  if (target.kind === "webhook") {
    const url = new URL(target.url);
    return `${url.origin}${url.pathname}${url.search === "" ? "" : "?…"}`;
  }
  if (target.webhookUrl !== undefined) return `an incoming webhook of ${new URL(target.webhookUrl).host}`;
  return `${target.conversation} by a bot`;
}

/** A webhook has one from the beginning; the others sign nothing. */
export const firstSigning = (target: ChannelTarget): SigningSecret[] =>
  target.kind === "webhook" ? [{ secret: newSigningSecret(), validUntilMs: null }] : [];

/** A new secret, and the newest of the old ones for a while. */
export function rotated(signing: readonly SigningSecret[], nowMs: number): SigningSecret[] {
  const old = signing[0];
  return [
    { secret: newSigningSecret(), validUntilMs: null },
    ...(old ? [{ secret: old.secret, validUntilMs: nowMs + OLD_SECRET_MS }] : []),
  ];
}

export const validSecrets = (signing: readonly SigningSecret[], nowMs: number): string[] =>
  signing.filter((one) => one.validUntilMs === null || one.validUntilMs > nowMs).map((one) => one.secret);
