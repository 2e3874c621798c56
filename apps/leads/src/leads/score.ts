import type { Lead } from "./lead.ts";

/** How likely each kind of property was to sell, as acquisitions sees it: weights of a logistic model, set by hand. */
const BY_TYPE: Readonly<Record<Lead["property"]["type"], number>> = {
  ...{ single_family: 0.9, multi_family: 0.5, condo: 0.2, land: -0.6, commercial: -0.4 },
};
const BY_SOURCE: Readonly<Record<Lead["source"], number>> = {
  ...{ referral: 1.1, direct_mail: 0.4, phone: 0.7, website: 0, advertisement: -0.3 },
};
const BASE = -0.8;
/** Somebody who writes why they sell mostly does. */
const WORDS_COUNT = 0.9;
const REASONS = /\b(inherited|divorce|moving|relocat\w*|repairs?|foreclos\w*|vacant|tenants?|urgent|soon|asap)\b/i;
const REASON_COUNTS = 0.8;
const AGAIN_COUNTS = 0.5;

/** How likely a lead is to sell, 0 to 100. The same lead always has the same score. */
export function scoreOf(lead: Pick<Lead, "property" | "source" | "message" | "duplicateOf">): number {
  const words = lead.message.split(/\s+/).filter(Boolean).length;
  const sum =
    BASE +
    BY_TYPE[lead.property.type] +
    BY_SOURCE[lead.source] +
    WORDS_COUNT * Math.min(1, words / 20) +
    (REASONS.test(lead.message) ? REASON_COUNTS : 0) +
    (lead.duplicateOf ? AGAIN_COUNTS : 0);
  return Math.round(100 / (1 + Math.exp(-sum)));
}
