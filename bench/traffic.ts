import { setMaxListeners } from "node:events";
import { arrivals, type Random, seeded, seedOf, weighted } from "@latchkey/core/shared/random";
import { Browser, newProfile, type Profile } from "./visitors/browser.ts";
import { JOURNEYS, thinker } from "./visitors/journeys.ts";
import { type Kind, Tally } from "./visitors/tally.ts";

/**
 * Open-loop traffic for rehearsals: visitors arrive by a Poisson process and do what visitors of the leads site do,
 * whether or not the answers come. Loopback only.
 */
export interface TrafficOptions {
  readonly url: string;
  /** Sessions per second; a session makes about eleven requests. */
  readonly sessionsPerSecond: number;
  readonly seed: number;
  /** Sessions under way at once; those above are counted as dropped, so that a slow answer never slows the arrivals. */
  readonly sessionsMax?: number;
}

const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]"]);
/** A session takes about 8 s: at 20 a second 160 are under way, and five times that when everything hangs. */
const SESSIONS_MAX = 800;
const MIX: Readonly<Record<Kind, number>> = { seller: 0.4, bouncer: 0.25, agent: 0.35 };
/** A quarter of the visitors was here before and has the cookies and the cache of then. */
const RETURNING = 0.25;
const PROFILES_MAX = 400;
/** A timer that fires late, on a busy machine, starts all sessions that are due by then. */
const TIMER_MIN_MS = 1;

export class Traffic {
  readonly #o: TrafficOptions;
  readonly #random: Random;
  readonly #stop = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  readonly #profiles: Profile[] = [];
  #tally = new Tally();
  #sessions = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: TrafficOptions) {
    if (!LOOPBACK.has(new URL(options.url).hostname)) throw new Error("Traffic goes to this machine only.");
    this.#o = options;
    this.#random = seeded(options.seed);
    // One listener per visitor who thinks.
    setMaxListeners(0, this.#stop.signal);
  }

  /** Counts since the start, or since the last `newPeriod`. */
  get tally(): Tally {
    return this.#tally;
  }
  get underWay(): number {
    return this.#underWay.size;
  }

  /** Begins new counts and answers those that end here. What a session does from now on counts for the new period. */
  newPeriod(): Tally {
    const ended = this.#tally;
    this.#tally = new Tally();
    return ended;
  }

  start(): void {
    const begun = performance.now();
    const times = arrivals(this.#random, this.#o.sessionsPerSecond);
    let next = times.next().value;
    const arrive = () => {
      while (next <= performance.now() - begun) {
        this.#begin();
        next = times.next().value;
      }
      this.#timer = setTimeout(arrive, Math.max(TIMER_MIN_MS, next - (performance.now() - begun)));
    };
    arrive();
  }

  /** Nobody arrives any more; who is here ends what they are waiting for and leaves. */
  async stop(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#stop.abort();
    await Promise.all(this.#underWay);
  }

  #begin(): void {
    if (this.#underWay.size >= (this.#o.sessionsMax ?? SESSIONS_MAX)) {
      this.#tally.counts.dropped += 1;
      return;
    }
    const number = this.#sessions++;
    const session = this.#session(number, seeded(seedOf(this.#o.seed, number)));
    this.#underWay.add(session);
    void session.finally(() => this.#underWay.delete(session));
  }

  async #session(number: number, random: Random): Promise<void> {
    const kind = weighted(random, MIX);
    const known = random() < RETURNING ? this.#takeProfile(random) : undefined;
    const profile = known ?? newProfile(number);
    this.#tally.session(kind, known !== undefined);
    const browser = new Browser(this.#o.url, profile, () => this.#tally);
    try {
      await JOURNEYS[kind]({ browser, random, think: thinker(random, this.#stop.signal) });
    } finally {
      browser.close();
      if (this.#profiles.length < PROFILES_MAX) this.#profiles.push(profile);
      else this.#profiles[Math.floor(random() * PROFILES_MAX)] = profile;
    }
  }

  /** Someone who was here before; taken out, because nobody is here twice at once. */
  #takeProfile(random: Random): Profile | undefined {
    const [taken] = this.#profiles.splice(Math.floor(random() * this.#profiles.length), 1);
    return taken;
  }
}
