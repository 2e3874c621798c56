/** A deployment that has passed its gates and waits for its turn, as far as batching must know it. */
export interface Waiting {
  readonly id: string;
  readonly releaseId: string;
  /** It asked to go out with others. What asks for one release, or rehearses a fault, never does. */
  readonly mayBatch: boolean;
  /** The commit that its release was built at; null outside git. */
  readonly commit: string | null;
  /** The working tree held changes that were not committed. */
  readonly dirty: boolean;
  /** The strategy asked for instead of the configured one. */
  readonly strategy: string | null;
}

/** Whether a commit has another one in its history. */
export type Contains = (newer: string, older: string) => Promise<boolean>;

/**
 * Those of a queue, oldest first, that go out in one rollout: its head, and for as long as each contains the one before,
 * those behind it, at most `maximum` (1: nobody joins). The last one is the carrier: its release is what is rolled out. The
 * queue's order is kept: the first that can't join ends the batch, also when a later one could.
 */
export async function batchOf<W extends Waiting>(
  queue: readonly W[],
  maximum: number,
  contains: Contains,
): Promise<readonly W[]> {
  const [head] = queue;
  if (!head) return [];
  const batch: W[] = [head];
  let carrier = head;
  for (const next of queue.slice(1)) {
    if (batch.length >= maximum || !(await carries(next, carrier, contains))) break;
    batch.push(next);
    carrier = next;
  }
  return batch;
}

/** What was not committed can't be shown to be in any other tree, so a release of a dirty tree is carried by none. */
async function carries(newer: Waiting, older: Waiting, contains: Contains): Promise<boolean> {
  if (!newer.mayBatch || !older.mayBatch || newer.strategy !== older.strategy) return false;
  if (newer.commit === null || older.commit === null || older.dirty) return false;
  return newer.commit === older.commit || contains(newer.commit, older.commit);
}

/** A change that a rollout carries; the last of a list is the newest, and its release contains those before. */
export interface Carried {
  readonly deploymentId: string;
  readonly releaseId: string;
}

/** What a rollout of the first `upTo` changes came to: they were promoted, or taken back. */
export interface Trial {
  readonly upTo: number;
  readonly outcome: "good" | "bad";
}

/**
 * What trials say about changes that went out together, by their number in order: the first `cleared` were promoted, those
 * from there up to `suspected` hold at least one that does harm (alone or with those before), and of the rest nothing is
 * known: each release contains the changes before its own. Without harm beyond what is cleared, both are equal.
 */
export function narrow(trials: readonly Trial[]): { readonly cleared: number; readonly suspected: number } {
  const cleared = Math.max(0, ...trials.filter((t) => t.outcome === "good").map((t) => t.upTo));
  const bad = trials.filter((t) => t.outcome === "bad" && t.upTo > cleared).map((t) => t.upTo);
  return { cleared, suspected: bad.length > 0 ? Math.min(...bad) : cleared };
}

const many = (from: number, to: number): string => (to - from > 1 ? `changes ${from + 1} to ${to}` : `change ${to}`);

/** What is known of `of` changes that were rolled back together: one sentence or two, numbered from the oldest on. */
export function narrowWords(of: number, { cleared, suspected }: ReturnType<typeof narrow>): string {
  const since = cleared > 0 ? `Of ${of} changes, ${many(0, cleared)} went out since. ` : "";
  if (suspected === cleared)
    return cleared === of ? `All ${of} changes went out since: the harm was not seen again.` : since.trim();
  const rest = suspected < of ? ` Nothing is known of ${many(suspected, of)}, which came after.` : "";
  if (suspected - cleared === 1)
    return `${since}${cleared > 0 ? "C" : `Of ${of} changes, c`}hange ${suspected} does harm, alone or with those before it.${rest}`;
  if (suspected === of && cleared === 0)
    return `It was rolled back with ${of} changes: nobody knows yet which of them does harm. Splitting it finds out.`;
  return `${since}${cleared > 0 ? "O" : `Of ${of} changes, o`}ne of ${many(cleared, suspected)} does harm, alone or with those before it.${rest}`;
}

/**
 * Where suspected changes are halved: how many of them the first half has, at a border between two releases as near to the
 * middle as there is one. Null when all are of one release: it can't be divided any more.
 */
export function halfOf(suspected: readonly Carried[]): number | null {
  const borders = suspected.flatMap((change, i) =>
    i > 0 && change.releaseId !== suspected[i - 1]?.releaseId ? [i] : [],
  );
  const middle = suspected.length / 2;
  return borders.reduce<number | null>(
    (best, at) => (best === null || Math.abs(at - middle) < Math.abs(best - middle) ? at : best),
    null,
  );
}
