import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Entry } from "./entry.ts";
import { cloudEventOf, mailOf, slackBody } from "./forms.ts";
import { digestOf, messageOf } from "./message.ts";
import { afterFailure, fullJitter, RETRY_POLICY } from "./retry.ts";

const anyText = fc.string({ unit: "grapheme", maxLength: 400 });
const anyEntry: fc.Arbitrary<Entry> = fc.record({
  sequence: fc.nat(),
  id: fc.constant("evt_1"),
  type: fc.constantFrom("delivery.rollout.advanced", "delivery.deployment.ended", "security.token.created", "x", ""),
  subject: fc.oneof(anyText, fc.constant("rollout/r")),
  project: fc.constant("main"),
  actor: fc.record({ id: anyText, kind: fc.constantFrom("person", "system"), name: anyText }),
  occurredAt: fc.constant("2026-07-17T20:00:00.000Z"),
  data: fc.dictionary(
    fc.constantFrom("service", "words", "outcome", "trafficPercent", "blastRadius", "environment"),
    fc.jsonValue(),
  ),
});
const sent = { deliveryId: "ntf_1", base: "https://lk.test" };

describe("every entry, whatever is in it", () => {
  it("becomes a message that each kind of channel can take", () => {
    fc.assert(
      fc.property(anyEntry, fc.array(anyEntry, { maxLength: 4 }), (entry, story) => {
        const message = messageOf(entry, story);
        expect(message.title.length).toBeLessThanOrEqual(150);
        const slack = JSON.stringify(slackBody(message, sent));
        expect(slack.length).toBeLessThan(20_000);
        const mail = mailOf(message, sent, null);
        // A line break in a subject would be a header of somebody's choice.
        expect(mail.subject).not.toMatch(/[\r\n]/);
        // Whatever was written there is no markup here.
        const tags = mail.html.match(/<[^>]*>/g) ?? [];
        for (const tag of tags) expect(tag).toMatch(/^<\/?(div|p|strong|a|ul|li|br)( (style|href)="[^"<>]*")*>$/);
        const event = cloudEventOf(message, entry, sent);
        expect(event).toMatchObject({ specversion: "1.0", id: "evt_1", source: "https://lk.test" });
      }),
      { numRuns: 300 },
    );
  });
  it("keeps Slack's own characters out of what others wrote", () => {
    const data = { service: "<!channel> & <@U1>", words: "<https://evil.test|click>" };
    const entry = {
      ...{ sequence: 1, id: "e", type: "delivery.rollout.advanced", subject: "rollout/r", project: "main" },
      actor: { id: "", kind: "system", name: "" },
      occurredAt: "2026-07-17T20:00:00.000Z",
      data,
    };
    const body = JSON.stringify(slackBody(messageOf(entry), sent));
    expect(body).not.toContain("<!channel>");
    expect(body).not.toContain("<https://evil");
    expect(body).toContain("&lt;!channel&gt; &amp; &lt;@U1&gt;");
  });
  it("is in the digest of what was held, each once and in order", () => {
    fc.assert(
      fc.property(fc.array(anyEntry, { minLength: 1, maxLength: 10 }), (entries) => {
        const digest = digestOf(entries.map((entry, n) => ({ sequence: n, message: messageOf(entry) })));
        expect(digest.items.map((item) => item.sequence)).toEqual(entries.map((_, n) => n));
      }),
      { numRuns: 50 },
    );
  });
});

describe("back-off", () => {
  const unit = fc.double({ min: 0, max: 0.999_999, noNaN: true });
  it("is below a limit that doubles to its cap, and never before what the receiver asked for", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), unit, (n, random) => {
        const wait = fullJitter(n, 2_000, 900_000, random);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(Math.min(900_000, 2_000 * 2 ** (n - 1)));
      }),
    );
    fc.assert(
      fc.property(fc.nat(20), fc.nat(20), fc.nat(10_000_000), unit, (tries, channelFailures, retryAfterMs, random) => {
        const f = { tries, ageMs: 0, channelFailures, permanent: false, retryAfterMs };
        const after = afterFailure(f, RETRY_POLICY, { delivery: random, channel: random });
        const asked = Math.min(retryAfterMs, RETRY_POLICY.retryAfterMaxMs);
        expect(after.retryInMs).toBeGreaterThanOrEqual(asked);
        expect(after.channelRestsMs).toBeGreaterThanOrEqual(asked);
      }),
    );
  });
  it("gives up only after a day and enough tries, or at once where another try can't help", () => {
    const f = { tries: 100, ageMs: 86_399_999, channelFailures: 9, permanent: false, retryAfterMs: null };
    const dead = (over: object) => afterFailure({ ...f, ...over }, RETRY_POLICY, { delivery: 0.5, channel: 0.5 }).dead;
    expect(dead({})).toBe(false);
    expect(dead({ ageMs: 86_400_000 })).toBe(true);
    expect(dead({ ageMs: 86_400_000, tries: 7 })).toBe(false);
    expect(dead({ permanent: true, tries: 1, ageMs: 0 })).toBe(true);
  });
});
