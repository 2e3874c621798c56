import type { LedgerEntry } from "../../api/types.ts";
import { shortId, spaced } from "../../ui/format.ts";

/** What an entry says in one line: its own words, or what its data amounts to. */
export function entryWords(entry: LedgerEntry): string {
  const { data } = entry;
  const text = (key: string): string | null => {
    const value = data[key];
    return typeof value === "string" && value !== "" ? value : null;
  };
  const number = (key: string): number | null => {
    const value = data[key];
    return typeof value === "number" ? value : null;
  };
  const words = text("words");
  if (words) return words;
  if (entry.type === "delivery.deployment.requested") {
    const fault = text("fault");
    const why = text("reason");
    const of = text("releaseId") ? "an existing release" : fault ? `a rehearsal (${fault})` : "the working tree";
    return `${text("service") ?? "A service"} to ${text("environment") ?? "?"}: ${of}${why ? `, because: ${why}` : ""}`;
  }
  const outcome = text("outcome");
  if (entry.type === "delivery.deployment.ended" && outcome)
    return `${text("service") ?? ""} to ${text("environment") ?? "?"}: ${spaced(outcome)}`;
  if (entry.type === "delivery.release.created") return `${text("service") ?? ""} #${number("number") ?? "?"}`;
  if (entry.type === "delivery.deployment.gates_passed") return "All required gates passed.";
  if (entry.type === "delivery.gate.waived")
    return `Gate “${text("gate") ?? "?"}” of ${text("service") ?? "?"} waived: ${text("reason") ?? ""}`;
  if (entry.type === "delivery.deployment.window_overridden")
    return `${text("service") ?? "A service"} to ${text("environment") ?? "?"} goes out in spite of its windows: ${text("reason") ?? ""}`;
  if (entry.type === "delivery.gate.waiver_revoked")
    return `The waiver of gate “${text("gate") ?? "?"}” of ${text("service") ?? "?"} was taken back`;
  if (entry.type === "delivery.evidence.submitted")
    return `Report for gate “${text("gate") ?? "?"}” of ${text("service") ?? "?"}, commit ${text("commit")?.slice(0, 8) ?? "?"}`;
  if (entry.type === "delivery.rollout.created") return `${text("service") ?? ""} to ${text("environment") ?? ""}`;
  if (entry.type.startsWith("flags.flag."))
    return `${text("flag") ?? "A flag"}: ${spaced(entry.type.slice("flags.flag.".length))}${text("reason") ? `, because: ${text("reason") ?? ""}` : ""}`;
  if (entry.type.startsWith("flags.segment."))
    return `Segment ${text("segment") ?? ""}: ${spaced(entry.type.slice("flags.segment.".length))}`;
  if (entry.type.startsWith("flags.proposal."))
    return `${text("flag") ?? `Segment ${text("segment") ?? ""}`}: change ${spaced(entry.type.slice("flags.proposal.".length))}${text("reason") ? `, because: ${text("reason") ?? ""}` : ""}`;
  if (entry.type.startsWith("flags.key."))
    return `Key ${text("name") ?? ""} of ${text("environment") ?? "?"}: ${spaced(entry.type.slice("flags.key.".length))}`;
  if (entry.type === "insights.facts.taken") return `${number("taken") ?? "?"} facts of other systems were taken in`;
  if (entry.type.startsWith("insights.correction."))
    return `Of ${shortId(text("deployment") ?? "a deployment")} it was said: ${spaced(text("claim") ?? "?")}${entry.type.endsWith("withdrawn") ? "; that was taken back" : ""}, because: ${text("reason") ?? ""}`;
  if (entry.type === "security.token.created") return `${text("name") ?? "A token"} as ${text("role") ?? "?"}`;
  if (entry.type === "security.session.started") return `Signed in as ${text("role") ?? "?"}`;
  const slash = entry.subject.indexOf("/");
  return `${entry.subject.slice(0, slash)} ${shortId(entry.subject.slice(slash + 1))}`.trim();
}
