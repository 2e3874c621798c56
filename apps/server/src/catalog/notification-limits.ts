/** What keeps notifications bounded. */

/** Entries read in one transaction: with a story each, a second's work. */
export const ENTRIES_AT_ONCE = 200;
/** Of a channel, on their way or held: a day without it at one a second for three hours. Beyond it they are dead letters at once. */
export const QUEUE_MAX = 10_000;
/** Of a channel: those beyond are forgotten, the oldest first, and counted. */
export const DEAD_MAX = 10_000;
/** What ended is kept for so long. */
export const KEPT_DAYS = 30;
/** Of a channel in one round. */
export const SENT_AT_ONCE = 20;
/** Sent to side by side. */
export const CHANNELS_AT_ONCE = 8;
/** Dead letters replayed by one request: as many as a queue holds. */
export const REPLAYED_AT_ONCE = 10_000;
/** A sender that stands still for longer is taken for gone: longer than any channel's own limits of time together. */
export const SENDING_WITHIN_MS = 90_000;
/** A rotated secret signs for so long beside the new one. */
export const OLD_SECRET_MS = 86_400_000;
