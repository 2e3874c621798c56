/** The five keys, by whichever definition. */
export const KEYS = ["frequency", "leadTime", "failRate", "recovery", "rework"] as const;
export type KeyName = (typeof KEYS)[number];

/**
 * Whose definition a figure follows. DORA has changed its own twice since 2021 (dora.dev, "A history of DORA's software delivery
 * metrics"), and the guide asks for older ones; the same history gives different figures, so each says which it is.
 */
export const DEFINITIONS = ["dora-2025", "dora-2021", "guide"] as const;
export type Definition = (typeof DEFINITIONS)[number];
export const isDefinition = (value: unknown): value is Definition => DEFINITIONS.includes(value as Definition);

export interface DefinitionWords {
  readonly name: string;
  /** What is different from the others, in one sentence. */
  readonly difference: string;
  /** What each key is; null for a key that the definition doesn't have. */
  readonly keys: Readonly<Record<KeyName, string | null>>;
}

const LEAD_FROM_COMMIT = "From a change's first commit until it serves all visitors of production; the median.";

export const DEFINITION_WORDS: Readonly<Record<Definition, DefinitionWords>> = {
  "dora-2025": {
    name: "DORA 2025",
    difference:
      "Counts what deployments cause and nothing else: a failed deployment is over when its visitors are well again, an outage that no deployment caused is left out, and work that failures made necessary is a key of its own.",
    keys: {
      frequency: "Deployments that reached visitors of production, per day; going back is none.",
      leadTime: LEAD_FROM_COMMIT,
      failRate:
        "Of the deployments of which the end is known, how many needed an intervention: were taken back, also by their canary, caused an incident, or had to be mended.",
      recovery: "From a failed deployment's first visitors until visitors are well again; the median.",
      rework: "Of all deployments, how many were made only because an earlier one had failed; going back is one.",
    },
  },
  "dora-2021": {
    name: "DORA 2021",
    difference:
      "Takes every incident into the time to restore, whatever caused it, counts going back as a deployment like any other, and knows no rework.",
    keys: {
      frequency: "Deployments that reached visitors of production, per day, going back included.",
      leadTime: LEAD_FROM_COMMIT,
      failRate: "Of all deployments of which the end is known, how many needed an intervention.",
      recovery: "From an incident's begin to its resolution, whatever caused it; the median.",
      rework: null,
    },
  },
  guide: {
    name: "The guide",
    difference:
      "Begins the lead time when the pull request is opened, calls only a deployment that was rolled back a failure, and restores from the detection of an incident.",
    keys: {
      frequency: "Deployments that reached visitors of production, per day, going back included.",
      leadTime: "From the opening of a pull request until it serves all visitors of production; the median.",
      failRate: "Of all deployments, how many were rolled back.",
      recovery: "From an incident's detection to its resolution, whatever caused it; the median.",
      rework: null,
    },
  },
};
