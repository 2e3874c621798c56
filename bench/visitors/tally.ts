/** What the visitors saw, counted on their side: the only place where "users touched" is known exactly. */
export const KINDS = ["seller", "bouncer", "agent"] as const;
export type Kind = (typeof KINDS)[number];

export interface Counts {
  requests: number;
  /** Answers of 500 and above. */
  errors: number;
  /** No answer: connection failed, broke off, or ten seconds went by. */
  failed: number;
  /** Answers of 400 to 499, such as a lead that somebody else moved first: no error of the release. */
  refused: number;
  notModified: number;
  pages: number;
  brokenPages: number;
  beacons: number;
  /** Sessions begun, by kind; `returning` of them came with kept cookies; `dropped` did not fit into the bound. */
  readonly sessions: Record<Kind, number>;
  returning: number;
  dropped: number;
  readonly routes: Record<string, number>;
}

const none = (): Counts => ({
  requests: 0,
  errors: 0,
  failed: 0,
  refused: 0,
  notModified: 0,
  pages: 0,
  brokenPages: 0,
  beacons: 0,
  sessions: { seller: 0, bouncer: 0, agent: 0 },
  returning: 0,
  dropped: 0,
  routes: {},
});

/** Counts of one period, such as one rollout. */
export class Tally {
  readonly counts = none();
  readonly #touched = new Set<number>();
  readonly #visitors = new Set<number>();
  readonly #sawRelease = new Map<string, Set<number>>();
  readonly #firstAnswer = new Map<string, number>();

  /** One answer, or null where none came. */
  answered(visitor: number, route: string, status: number | null, release: string | null): void {
    this.counts.requests += 1;
    this.counts.routes[route] = (this.counts.routes[route] ?? 0) + 1;
    this.#visitors.add(visitor);
    if (release !== null) {
      const seen = this.#sawRelease.get(release) ?? new Set();
      this.#sawRelease.set(release, seen.add(visitor));
      if (!this.#firstAnswer.has(release)) this.#firstAnswer.set(release, Date.now());
    }
    if (status === null) this.counts.failed += 1;
    else if (status >= 500) this.counts.errors += 1;
    else if (status >= 400) this.counts.refused += 1;
    else if (status === 304) this.counts.notModified += 1;
    if (status === null || status >= 500) this.#touched.add(visitor);
  }

  brokenPage(visitor: number): void {
    this.counts.brokenPages += 1;
    this.#touched.add(visitor);
  }

  session(kind: Kind, returning: boolean): void {
    this.counts.sessions[kind] += 1;
    if (returning) this.counts.returning += 1;
  }

  /** Distinct visitors who saw an error or a broken page. */
  get usersTouched(): number {
    return this.#touched.size;
  }
  get visitors(): number {
    return this.#visitors.size;
  }
  /** When a release's first answer of this period came; null when none did. */
  firstAnswerAtMs(release: string): number | null {
    return this.#firstAnswer.get(release) ?? null;
  }
  /** Distinct visitors who had at least one answer of this release ("leads@7"). */
  visitorsOf(release: string): number {
    return this.#sawRelease.get(release)?.size ?? 0;
  }
}
