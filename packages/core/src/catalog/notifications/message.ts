import {
  type Entry,
  environmentOf,
  type Outcome,
  outcomeOf,
  type Severity,
  serviceOf,
  severityOf,
  wordsOf,
  worse,
} from "./entry.ts";

/** What people are told, before it is put into the form of a channel. Names in it may still be sealed. */
export interface Message {
  readonly title: string;
  /** How it went so far: "10 % → 50 % → promoted". */
  readonly trail: string | null;
  readonly why: string | null;
  readonly facts: readonly Fact[];
  readonly severity: Severity;
  readonly outcome: Outcome;
  /** Its page in the console. */
  readonly path: string;
  readonly occurredAt: string;
  /** Of a digest: what was held, oldest first. */
  readonly items: readonly Item[];
}
export interface Fact {
  readonly label: string;
  readonly value: string;
}
export interface Item {
  readonly sequence: number;
  readonly title: string;
  readonly why: string | null;
  readonly path: string;
  readonly occurredAt: string;
}

/** What people read in one go; a digest of more becomes several. */
export const DIGEST_ITEMS_MAX = 50;
/** Entries of a rollout that its message is made of: a canary of 20 steps with pauses has fewer. */
export const STORY_MAX = 100;
/** What fits into a line and a half of a chat or a subject. */
const WHY_MAX = 600;

const clip = (text: string, max: number): string => (text.length <= max ? text : `${text.slice(0, max - 1)}…`);

const IN_WORDS: Readonly<Record<Outcome, string>> = {
  progressing: "under way",
  waiting: "waits for a person",
  promoted: "promoted",
  succeeded: "done",
  rolled_back: "rolled back",
  failed: "failed",
  aborted: "ended early",
  other: "",
};
const KIND_IN_WORDS: Readonly<Record<string, string>> = {
  created: "begun",
  previewed: "at its preview address",
  paused: "paused",
  resumed: "resumed",
  promoted: "promoted",
  completed: "done",
  roll_back_begun: "being rolled back",
  rolled_back: "rolled back",
  aborted: "aborted",
  superseded: "superseded",
  start_failed: "did not start",
  person_asked: "waits for a person",
};
const lastWord = (type: string): string => type.slice(type.lastIndexOf(".") + 1);

/** The message of an entry. `story` has the entries of its rollout up to this one, oldest first, where it is one's. */
export function messageOf(entry: Entry, story: readonly Entry[] = []): Message {
  const outcome = outcomeOf(entry);
  return {
    title: titleOf(entry, story),
    trail: trailOf(story),
    why: ((words) => words && clip(words, WHY_MAX))(wordsOf(entry) ?? wordsOf(story.findLast(wordsOf) ?? entry)),
    facts: factsOf(entry, story),
    severity: severityOf(outcome),
    outcome,
    path: pathOf(entry),
    occurredAt: entry.occurredAt,
    items: [],
  };
}

function titleOf(entry: Entry, story: readonly Entry[]): string {
  const place = [serviceOf(entry), environmentOf(entry)].filter((part) => part !== null).join(" in ");
  const kind = lastWord(entry.type);
  const percent = percentOf(entry);
  if (/^delivery\.(rollout|deployment)\./.test(entry.type)) {
    const state =
      kind === "ended"
        ? endWords(entry)
        : (KIND_IN_WORDS[kind] ?? (percent !== null ? `at ${percent} %` : "under way"));
    return clip(`${place || entry.subject}: ${state}`, 150);
  }
  const words = entry.type.split(".").slice(1).join(" ").replaceAll("_", " ");
  const name = `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
  return clip(story.length === 0 && place === "" ? name : `${name}: ${place || entry.subject}`, 150);
}

const endWords = (entry: Entry): string => {
  const status = String(entry.data.outcome);
  if (status === "failed_build") return "the build failed";
  if (status === "failed_gate") return "a gate failed";
  if (status === "failed_start") return "the release did not start";
  if (status === "unchanged") return "nothing to deploy";
  return IN_WORDS[outcomeOf(entry)] || status.replaceAll("_", " ");
};

const percentOf = (entry: Entry): number | null =>
  typeof entry.data.trafficPercent === "number" ? Math.round(entry.data.trafficPercent * 10) / 10 : null;

/** Each share of traffic once, then each state that is more than a share. */
function trailOf(story: readonly Entry[]): string | null {
  const parts: string[] = [];
  for (const entry of story) {
    const kind = lastWord(entry.type);
    const percent = percentOf(entry);
    const isShare = kind === "exposed" || kind === "advanced" || kind === "held_back";
    const word = isShare && percent !== null ? `${percent} %` : KIND_IN_WORDS[kind];
    // "Done" says that a promoted one stayed: after a rollback its own words say more.
    if (word && kind !== "created" && parts.at(-1) !== word) parts.push(word);
  }
  return parts.length === 0 ? null : parts.join(" → ");
}

function factsOf(entry: Entry, story: readonly Entry[]): Fact[] {
  const facts: Fact[] = [];
  const add = (label: string, value: unknown) => {
    if (typeof value === "string" && value !== "") facts.push({ label, value: clip(value, 200) });
  };
  add("Service", serviceOf(entry));
  add("Environment", environmentOf(entry));
  add("Asked for by", story[0]?.actor.name);
  if (entry.actor.kind !== "system" && entry.actor.name !== story[0]?.actor.name) add("By", entry.actor.name);
  add("Release", entry.data.canaryReleaseId ?? entry.data.releaseId);
  const radius = entry.data.blastRadius;
  if (typeof radius === "object" && radius !== null && "words" in radius) add("Reached", radius.words);
  return facts;
}

/** Where the console shows it. */
function pathOf({ subject, sequence }: Pick<Entry, "subject" | "sequence">): string {
  const [kind = "", ...rest] = subject.split("/");
  const id = encodeURIComponent(rest.join("/"));
  const pages = ["rollout", "deployment", "release", "service"];
  return id !== "" && pages.includes(kind) ? `/${kind}s/${id}` : `/ledger/${sequence}`;
}

/** One message of all that was held, so that the end of the night is not a hundred of them. Never empty. */
export function digestOf(held: readonly { readonly sequence: number; readonly message: Message }[]): Message {
  const newest = held.at(-1)?.message;
  const alone = held.length === 1;
  return {
    title: `While it was quiet: ${alone ? "1 message" : `${held.length} messages`}`,
    trail: null,
    why: null,
    facts: [],
    severity: held.map((one) => one.message.severity).reduce(worse, "info"),
    outcome: "other",
    path: "/notifications",
    occurredAt: newest?.occurredAt ?? "",
    items: held.map(({ sequence, message }) => ({
      sequence,
      title: message.title,
      why: message.why && clip(message.why, 200),
      path: message.path,
      occurredAt: message.occurredAt,
    })),
  };
}

/** Of a channel that was just made, so that somebody sees it arrive. */
export const testMessage = (channelName: string, occurredAt: string): Message => ({
  title: "A test message from Latchkey",
  trail: null,
  why: `The channel “${channelName}” works. Nothing has happened.`,
  facts: [],
  severity: "info",
  outcome: "other",
  path: "/notifications",
  occurredAt,
  items: [],
});
