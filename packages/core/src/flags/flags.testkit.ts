import type { Condition, Flag, FlagRules, Rule, Serve } from "./model.ts";

/** A flag of yes and no in production, as a test needs it. */
export function flagOf(key: string, rules: Partial<FlagRules> = {}, rest: Partial<Flag> = {}): Flag {
  return {
    key,
    type: "boolean",
    description: "",
    purpose: "release",
    owner: "web",
    tags: [],
    isArchived: false,
    isPublic: false,
    variants: { on: true, off: false },
    salt: key,
    hashVersion: "flagd-2",
    environments: {
      production: { isEnabled: true, off: "off", prerequisites: [], rules: [], otherwise: served("off"), ...rules },
    },
    ...rest,
  };
}

export const served = (variant: string): Serve => ({ kind: "variant", variant });
export const rolledOut = (percent: number): Serve => ({
  kind: "rollout",
  by: "targetingKey",
  variant: "on",
  against: "off",
  percent,
});
export const ruleOf = (id: string, when: Condition, serve: Serve = served("on")): Rule => ({ id, when, serve });
