import type { Fact } from "@latchkey/core/insights/history";
import type { Progress } from "../progress.ts";
import type { Session } from "../session.ts";

/** Hands at most `FACTS_MAX` facts to the server, which answers how many were news to it. */
export type SendFacts = (facts: readonly Fact[]) => Promise<{ readonly accepted: number; readonly known: number }>;
export interface Sent {
  readonly accepted: number;
  readonly known: number;
}

const FACTS_MAX = 500;
/** Well below what the server takes at once: a deployment may name thousands of commits. */
const BYTES_MAX = 500_000;

/** In calls that the server takes, in the order they have. */
export function* calls(facts: readonly Fact[]): Generator<readonly Fact[]> {
  let call: Fact[] = [];
  let bytes = 0;
  for (const fact of facts) {
    const size = Buffer.byteLength(JSON.stringify(fact)) + 1;
    if (call.length > 0 && (call.length === FACTS_MAX || bytes + size > BYTES_MAX)) {
      yield call;
      call = [];
      bytes = 0;
    }
    call.push(fact);
    bytes += size;
  }
  if (call.length > 0) yield call;
}

/** Sends all of them. What was sent before is known and does no harm: an import that was broken off is simply run again. */
export async function sendAll(facts: readonly Fact[], send: SendFacts, progress: Progress): Promise<Sent> {
  let accepted = 0;
  let known = 0;
  for (const call of calls(facts)) {
    const answer = await send(call);
    accepted += answer.accepted;
    known += answer.known;
    progress.standing(`Sent ${accepted + known} of ${facts.length} facts`, "sending");
  }
  return { accepted, known };
}

export const factSender =
  (session: Session): SendFacts =>
  (facts) =>
    session.client.postInsightFacts({ params: session.main, body: { facts: facts as PostedFacts } });
/** The client takes arrays that it could change; it does not. */
type PostedFacts = Parameters<Session["client"]["postInsightFacts"]>[0]["body"]["facts"];

export const sentWords = (facts: number, sent: Sent | null): string =>
  sent === null ? `${facts}, not sent` : `${facts} sent: ${sent.accepted} new, ${sent.known} known`;
