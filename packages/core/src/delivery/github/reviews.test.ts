import examples from "@octokit/webhooks-examples/api.github.com/index.json" with { type: "json" };
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { factsOf } from "./facts.ts";
import { type Fact, type Folded, fieldOf, fold } from "./fold.ts";
import { type Review, type ReviewedPull, voicesOfReviews } from "./reviews.ts";

const HEAD = "a".repeat(40);
const OLD = "b".repeat(40);
let id = 0;
const review = (login: string, state: string, more: Partial<Review> = {}): Review => {
  id += 1;
  return { id, login, state, commit: HEAD, submittedAtMs: id, isDismissed: false, ...more };
};
const pull = (reviews: readonly Review[], more: Partial<ReviewedPull> = {}): ReviewedPull => ({
  number: 1,
  headSha: HEAD,
  author: "ada",
  reviews,
  ...more,
});

describe("reviews", () => {
  const cases: [string, readonly Review[], object][] = [
    ["a yes to the newest commit", [review("grace", "approved")], { approving: ["grace"], holding: [] }],
    ["a yes to an older commit", [review("grace", "approved", { commit: OLD })], { approving: [], holding: [] }],
    ["a yes that was dismissed", [review("grace", "approved", { isDismissed: true })], { approving: [], holding: [] }],
    ["the author's own yes", [review("ada", "approved")], { approving: [], holding: [] }],
    [
      "a comment after a yes",
      [review("grace", "approved"), review("grace", "commented")],
      { approving: ["grace"], holding: [] },
    ],
    [
      "changes asked for",
      [review("grace", "changes_requested", { commit: OLD })],
      { approving: [], holding: ["grace"] },
    ],
    [
      "a yes after changes were asked for",
      [review("grace", "changes_requested"), review("grace", "approved")],
      { approving: ["grace"], holding: [] },
    ],
    [
      "changes asked for after a yes",
      [review("grace", "approved"), review("grace", "changes_requested")],
      { approving: [], holding: ["grace"] },
    ],
    ["a reviewer who was erased", [review("grace", "approved", { login: null })], { approving: [], holding: [] }],
  ];
  it.each(cases)("%s", (_words, reviews, wanted) => {
    expect(voicesOfReviews([pull(reviews)], "head")).toEqual(wanted);
  });

  it("count for newer commits where the gate says so", () => {
    const reviews = [review("grace", "approved", { commit: OLD })];
    expect(voicesOfReviews([pull(reviews)], "any").approving).toEqual(["grace"]);
  });

  it("of one of two pull requests are no yes to both, and nobody approves beside an own one", () => {
    const two = [
      pull([review("grace", "approved"), review("joan", "approved")]),
      pull([review("joan", "approved")], { author: "grace" }),
    ];
    expect(voicesOfReviews(two, "head").approving).toEqual(["joan"]);
    expect(voicesOfReviews([pull([review("grace", "approved")]), pull([])], "head").approving).toEqual([]);
  });

  it("come to the same in any order, and twice", () => {
    const any = fc.record({
      id: fc.integer({ min: 1, max: 20 }),
      login: fc.constantFrom("grace", "joan", "ada"),
      state: fc.constantFrom("approved", "changes_requested", "dismissed", "commented"),
      commit: fc.constantFrom(HEAD, OLD),
      submittedAtMs: fc.integer({ min: 0, max: 5 }),
      isDismissed: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc
          .uniqueArray(any, { selector: (r) => r.id, maxLength: 8 })
          .chain((all) =>
            fc.tuple(fc.constant(all), fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 })),
          ),
        ([all, shuffled]) => {
          expect(voicesOfReviews([pull(shuffled)], "head")).toEqual(voicesOfReviews([pull(all)], "head"));
        },
      ),
    );
  });
});

type Example = { readonly name: string; readonly examples: readonly { readonly review?: { state?: string } }[] };
describe("GitHub's own reviews", () => {
  const payloads =
    (examples as unknown as readonly Example[]).find((e) => e.name === "pull_request_review")?.examples ?? [];
  const factOf = (payload: object): Fact => {
    const read = factsOf("pull_request_review", payload);
    const [fact] = read.ok ? (read.value?.facts ?? []) : [];
    if (!fact) throw new Error("the example says nothing");
    return fact;
  };

  it("are there with the fields that are read", () => {
    expect(payloads.length).toBeGreaterThan(0);
    for (const payload of payloads)
      expect(factOf(payload).fields).toMatchObject({
        author: expect.any(String),
        commit: expect.stringMatching(/^[0-9a-f]{40}$/),
      });
  });

  it("that are dismissed stay so, also where the word of it has an earlier time than the yes", () => {
    const [payload] = payloads;
    const yes = factOf({
      ...payload,
      review: { ...payload?.review, state: "approved", updated_at: "2030-01-01T00:00:00Z" },
    });
    const dismissed = factOf({ ...payload, review: { ...payload?.review, state: "dismissed" } });
    expect(dismissed.atMs).toBeLessThan(yes.atMs);
    for (const order of [
      [yes, dismissed],
      [dismissed, yes, yes],
    ])
      expect(fieldOf(order.reduce<Folded>(fold, {}), "dismissed")).toBe(true);
  });
});
