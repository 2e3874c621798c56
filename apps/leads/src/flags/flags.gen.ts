// Written by `latchkey flags codegen`. Do not change it by hand: generate it again when flags change.

/** A flag as the code names it: its key, and what the code does when nobody can tell. */
interface FlagRef<V> {
  readonly key: string;
  readonly fallback: V;
}

/** All flags and the types of their values: `openFlags<Flags>(…)`. */
export interface Flags {
  /**
   * Figures of the leads that are shown, above their list.
   * Owner: growth.
   */
  readonly "advanced-analytics": boolean;
  /**
   * Neil, who drafts the next message to a seller on the lead's page.
   * Owner: acquisitions.
   * To be gone from the code by 2027-06-30.
   */
  readonly "ai-negotiation-assistant": boolean;
  /**
   * Leads have a score that says how likely they are to sell; agents see it in the list and on the lead.
   * Owner: growth.
   * To be gone from the code by 2027-06-30.
   */
  readonly "ml-lead-scoring": boolean;
  /**
   * The lead form asks for the whole address in one line, instead of in four fields.
   * Owner: growth.
   * To be gone from the code by 2027-06-30.
   */
  readonly "one-line-address": boolean;
}

/**
 * Figures of the leads that are shown, above their list.
 * Owner: growth.
 */
export const advancedAnalytics: FlagRef<boolean> = { key: "advanced-analytics", fallback: false };

/**
 * Neil, who drafts the next message to a seller on the lead's page.
 * Owner: acquisitions.
 * To be gone from the code by 2027-06-30.
 */
export const aiNegotiationAssistant: FlagRef<boolean> = { key: "ai-negotiation-assistant", fallback: false };

/**
 * Leads have a score that says how likely they are to sell; agents see it in the list and on the lead.
 * Owner: growth.
 * To be gone from the code by 2027-06-30.
 */
export const mlLeadScoring: FlagRef<boolean> = { key: "ml-lead-scoring", fallback: false };

/**
 * The lead form asks for the whole address in one line, instead of in four fields.
 * Owner: growth.
 * To be gone from the code by 2027-06-30.
 */
export const oneLineAddress: FlagRef<boolean> = { key: "one-line-address", fallback: false };
