/** What the reviews of pull requests come to, for an approval that takes them. */
export interface Review {
  readonly id: number;
  /** The reviewer's name on GitHub, in small letters; null where it can't be read any more. */
  readonly login: string | null;
  readonly state: string;
  readonly commit: string | null;
  readonly submittedAtMs: number;
  readonly isDismissed: boolean;
}
export interface ReviewedPull {
  readonly number: number;
  /** The newest commit of the pull request. */
  readonly headSha: string | null;
  /** Who opened it, in small letters. */
  readonly author: string | null;
  readonly reviews: readonly Review[];
}
/** `head`: a yes counts for the commit that it was given to. `any`: also for commits that came after it. */
export type ReviewsCounted = "head" | "any";

export interface ReviewVoices {
  /** Who says yes to each of the pull requests. */
  readonly approving: readonly string[];
  /** Who asks for changes on one of them. */
  readonly holding: readonly string[];
}

/** A comment changes nothing of what its writer has said before. */
const SAYS: readonly string[] = ["approved", "changes_requested", "dismissed"];

/**
 * What each reviewer says in the end, in whatever order the reviews are given: the newest word counts, as on GitHub. A request
 * for changes stands, also over newer commits, until it is dismissed or its writer says yes.
 */
function standing(pull: ReviewedPull, counted: ReviewsCounted): Map<string, "approve" | "hold"> {
  const newest = new Map<string, Review>();
  for (const review of pull.reviews) {
    if (review.login === null || !SAYS.includes(review.state)) continue;
    const before = newest.get(review.login);
    if (before && !isLater(review, before)) continue;
    newest.set(review.login, review);
  }
  const said = new Map<string, "approve" | "hold">();
  for (const [login, review] of newest) {
    if (review.isDismissed || review.state === "dismissed" || login === pull.author) continue;
    if (review.state === "changes_requested") said.set(login, "hold");
    else if (counted === "any" || (review.commit !== null && review.commit === pull.headSha))
      said.set(login, "approve");
  }
  return said;
}
const isLater = (a: Review, b: Review): boolean =>
  a.submittedAtMs === b.submittedAtMs ? a.id > b.id : a.submittedAtMs > b.submittedAtMs;

/**
 * Who has approved all of these pull requests, and who asks for changes in one of them. A yes to one of two is a yes to neither:
 * they go out together. Nobody approves where one of them is that person's own.
 */
export function voicesOfReviews(pulls: readonly ReviewedPull[], counted: ReviewsCounted): ReviewVoices {
  const said = pulls.map((pull) => standing(pull, counted));
  const authors = new Set(pulls.map((pull) => pull.author));
  const everybody = new Set(said.flatMap((of) => [...of.keys()]));
  const logins = [...everybody].sort();
  return {
    approving: logins.filter((login) => !authors.has(login) && said.every((of) => of.get(login) === "approve")),
    holding: logins.filter((login) => said.some((of) => of.get(login) === "hold")),
  };
}
