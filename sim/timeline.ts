/** The world's time: a queue of happenings, one at a time, the same for the same seed. */
interface Happening {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void | Promise<void>;
}

export class Timeline {
  /** True time, milliseconds since 1970: what no part of the world knows. */
  nowMs: number;
  readonly #heap: Happening[] = [];
  #order = 0;

  readonly #isBusy: () => boolean;

  /** `isBusy` tells of work outside of this time, such as a real database's: time stands still meanwhile. */
  constructor(startMs: number, isBusy: () => boolean) {
    this.nowMs = startMs;
    this.#isBusy = isBusy;
  }

  at(atMs: number, run: () => void | Promise<void>): void {
    this.#order += 1;
    push(this.#heap, { atMs: Math.max(atMs, this.nowMs), order: this.#order, run });
  }

  after(ms: number, run: () => void | Promise<void>): void {
    this.at(this.nowMs + ms, run);
  }

  /** Runs what is due until `untilMs`, or until `isDone`. Between two happenings all promises settle. */
  async run(untilMs: number, isDone: () => boolean): Promise<void> {
    while (!isDone()) {
      const next = this.#heap[0];
      if (!next || next.atMs > untilMs) {
        this.nowMs = untilMs;
        return;
      }
      pop(this.#heap);
      this.nowMs = next.atMs;
      const running = next.run();
      if (running) await running;
      await settled();
      // Looks again at once: sleeping until PostgreSQL answers costs more processor time than it saves (64 s against 60
      // for 60 worlds), and takes twice as long.
      while (this.#isBusy()) {
        await new Promise((resolve) => setImmediate(resolve));
        await settled();
      }
    }
  }
}

/** A tick comes when no microtask is left: an immediate would do as well, at a system call each. */
const settled = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

const isBefore = (a: Happening, b: Happening): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

function push(heap: Happening[], item: Happening): void {
  let i = heap.push(item) - 1;
  while (i > 0) {
    const up = (i - 1) >> 1;
    const parent = heap[up];
    if (!parent || !isBefore(item, parent)) break;
    heap[i] = parent;
    heap[up] = item;
    i = up;
  }
}

function pop(heap: Happening[]): void {
  const last = heap.pop();
  if (!last || heap.length === 0) return;
  let i = 0;
  for (;;) {
    const left = heap[2 * i + 1];
    const right = heap[2 * i + 2];
    const child = right && left && isBefore(right, left) ? 2 * i + 2 : 2 * i + 1;
    const least = heap[child];
    if (!least || isBefore(last, least)) break;
    heap[i] = least;
    i = child;
  }
  heap[i] = last;
}
