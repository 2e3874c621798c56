import { createHmac } from "node:crypto";
import type { Place } from "./targets.store.ts";

/** An edge asks for the table again when its own is older than this; an older one still holds while it asks. */
export const EDGE_REFRESH_MS = 2_000;
/** An edge that could not get a newer table by then shows the published deploy only. */
export const EDGE_MAX_AGE_MS = 10_000;
/** An answer that was begun before a change may leave this server so long after it. */
const EDGE_MARGIN_MS = 2_000;
/** So long after a change no edge goes by what was before: an age is measured from before the table was asked for. */
export const SERVED_AFTER_MS = EDGE_MAX_AGE_MS + EDGE_MARGIN_MS;
/** Counts are kept in the database, and so outlive servers: to the judge all edges of a site are one gateway that never restarts. */
export const EDGE_BOOT = "edges";

/** What an Edge Function is given: where it asks, and what both sides sign with. Made of the server's key, kept nowhere. */
export interface EdgeKeys {
  readonly id: string;
  readonly secret: string;
}
export function edgeKeysOf(key: Buffer, place: Place): EdgeKeys {
  const name = JSON.stringify([place.project, place.service, place.environment]);
  const made = (what: string) => createHmac("sha256", key).update(`netlify edge ${what} ${name}`).digest();
  return { id: made("address").toString("hex").slice(0, 32), secret: made("secret").toString("base64url") };
}

/** The signature of a body, in a table's and in a batch's header. */
export const signEdge = (secret: string, text: string): string =>
  `sha256=${createHmac("sha256", secret).update(text).digest("hex")}`;
