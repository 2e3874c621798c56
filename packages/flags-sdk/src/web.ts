import { backoffMs } from "./backoff.ts";
import { becameOf } from "./outbox.ts";
import { type Outcome, Reports } from "./reports.ts";
import {
  type AnyFlags,
  type EvaluationContext,
  type FlagDetails,
  type FlagErrorCode,
  type FlagReason,
  type FlagRef,
  type FlagsEvents,
  type FlagsState,
  type FlagTypes,
  type FlagValue,
  failed,
  fits,
  type KeyOf,
  Listeners,
  mismatch,
  type ValueOf,
} from "./values.ts";
import { watchErrors } from "./watch-errors.ts";

export type * from "./values.ts";
export { watchErrors } from "./watch-errors.ts";

/** What a page has, as far as flags need it. */
interface Page {
  readonly localStorage?: { getItem(name: string): string | null; setItem(name: string, value: string): void };
  readonly EventSource?: new (url: string) => Stream;
  addEventListener?(event: string, listener: () => void): void;
  removeEventListener?(event: string, listener: () => void): void;
}
interface Stream {
  readonly readyState: number;
  onopen: (() => void) | null;
  onmessage: (() => void) | null;
  onerror: (() => void) | null;
  close(): void;
}
const page = globalThis as unknown as Page;
const CLOSED = 2;
const POLL_MS = 30_000;
/** A request that outlives its page has at most 64 KiB. */
const LAST_POST_MAX = 300;

interface Known {
  /** Left out where the server serves nothing: what the code says holds. */
  readonly value?: FlagValue;
  readonly variant: string | null;
  readonly reason: FlagReason;
  readonly rule: string | null;
}
interface Answered {
  readonly flags: readonly {
    readonly key: string;
    readonly value?: FlagValue;
    readonly variant?: string;
    readonly reason?: FlagReason;
    readonly metadata?: { readonly rule?: string };
    readonly errorCode?: string;
  }[];
  readonly eventStreams?: readonly { readonly url: string }[];
}

export interface WebFlagsOptions {
  /** Where Latchkey is: `https://latchkey.example.com`. */
  readonly url?: string | undefined;
  /** A key for browsers (`latchkey flags create-key web --kind browser`); it is no secret. */
  readonly key?: string | undefined;
  /** Who looks at the page; `targetingKey` decides shares. */
  readonly context?: EvaluationContext;
  /** What the page shows before the first answer, where nothing was kept from the last visit. */
  readonly initial?: Readonly<Record<string, FlagValue>>;
  /** False: values are not kept in the browser for the next visit's first paint. */
  readonly keep?: boolean;
  /** False: the server is not told who met which variant, nor what `track` says. */
  readonly reports?: boolean;
  /** True: as `watchErrors`, from the beginning: page views and scripts that fail are told as the metric `browser-errors`. */
  readonly errors?: boolean;
}

/** Opens the flags of a page. Returns at once: with what the last visit knew, or with `initial`. */
export function openWebFlags<T extends FlagTypes = AnyFlags>(o: WebFlagsOptions): WebFlags<T> {
  return new WebFlags<T>(o);
}

/** The values of who looks at the page, as the server decided them. No rules and nobody else's values get here. */
export class WebFlags<T extends FlagTypes = AnyFlags> {
  readonly #o: WebFlagsOptions;
  readonly #base: string;
  readonly #listeners = new Listeners();
  readonly #reports: Reports | null;
  #context: EvaluationContext;
  #known = new Map<string, Known>();
  #state: FlagsState = "starting";
  #etag: string | null = null;
  /** Answers to a question about somebody else are thrown away. */
  #asked = 0;
  #attempt = 0;
  #stream: Stream | null = null;
  #watch = () => {};
  readonly #met = new Set<() => void>();
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(o: WebFlagsOptions) {
    this.#o = o;
    this.#base = (o.url ?? "").replace(/\/+$/, "");
    this.#context = o.context ?? {};
    this.#begin();
    const { key } = o;
    this.#reports =
      !key || o.reports === false
        ? null
        : new Reports({
            lastMax: LAST_POST_MAX,
            later: (work, ms) => {
              const timer = setTimeout(work, ms);
              return () => clearTimeout(timer);
            },
            onMet: () => {
              for (const listener of this.#met) listener();
            },
            post: async (path, body, keepalive) => becameOf((await this.#post(path, body, { keepalive })).status),
          });
    page.addEventListener?.("pagehide", this.#leave);
    page.addEventListener?.("online", this.#comeBack);
    if (o.errors) this.#watch = watchErrors(this);
    if (key) void this.#look();
  }

  get state(): FlagsState {
    return this.#state;
  }
  get context(): EvaluationContext {
    return this.#context;
  }

  /** The value; the fallback where the flag is unknown or of another type. */
  value<K extends KeyOf<T>, V extends T[K]>(key: K, fallback: V): ValueOf<T, K, V> {
    return this.details(key, fallback).value;
  }
  /** The value with variant, reason and rule; who met a share's variant is told to the server. */
  details<K extends KeyOf<T>, V extends T[K]>(key: K, fallback: V): FlagDetails<ValueOf<T, K, V>> {
    this.expose(key);
    return this.peek(key, fallback as FlagValue) as FlagDetails<ValueOf<T, K, V>>;
  }
  /** The value of a flag that generated code names. */
  get<V>(flag: FlagRef<V>): V {
    this.expose(flag.key);
    return this.peek(flag.key, flag.fallback as FlagValue).value as V;
  }
  /** As `details`, and nobody is told. */
  peek(key: string, fallback: FlagValue): FlagDetails<FlagValue> {
    const known = this.#known.get(key);
    if (known) {
      const { value = fallback } = known;
      return fits(value, fallback) ? { ...known, value, errorCode: null } : mismatch(fallback, key, value);
    }
    const code: FlagErrorCode = this.#state === "starting" ? "PROVIDER_NOT_READY" : "FLAG_NOT_FOUND";
    return failed(fallback, code, `Nothing is known of "${key}".`);
  }
  /** Tells the server that who looks at the page meets what a flag has for them, where a share decided that. */
  expose(key: string): void {
    const known = this.#known.get(key);
    const who = this.#context.targetingKey;
    if (known?.reason === "SPLIT" && known.variant !== null && who)
      this.#reports?.exposed(key, known.variant, known.rule, who);
  }

  /** Tells the server what happened to who looks at the page: `track("leads", { value: 1 })`. */
  track(metric: string, outcome: Outcome = {}): void {
    this.#reports?.happened(metric, this.#context.targetingKey ?? "", outcome);
  }

  /** As `track`, for what is noticed often: told only of who met a share's variant, and where it is worse than what was told lately. */
  notice(metric: string, outcome: Outcome): void {
    this.#reports?.noticed(metric, this.#context.targetingKey ?? "", outcome);
  }
  /** Calls `listener` each time that who looks at the page is told to have met a share's variant. */
  whenMet(listener: () => void): () => void {
    this.#met.add(listener);
    return () => void this.#met.delete(listener);
  }

  on<E extends keyof FlagsEvents>(event: E, listener: FlagsEvents[E]): () => void {
    return this.#listeners.on(event, listener);
  }

  /** Somebody else, or more is known of them. Resolves when the server has answered for them, or could not. */
  setContext(context: EvaluationContext): Promise<void> {
    const before = this.#known;
    this.#context = context;
    this.#etag = null;
    if (this.#state !== "closed") this.#state = "starting";
    this.#begin();
    this.#tellChanges(before);
    return this.#o.key ? this.#look() : Promise.resolve();
  }

  /** Sends what waits, ends the stream; values stay as they are. */
  async close(): Promise<void> {
    this.#move("closed");
    this.#asked += 1;
    clearTimeout(this.#again);
    this.#stream?.close();
    page.removeEventListener?.("pagehide", this.#leave);
    page.removeEventListener?.("online", this.#comeBack);
    this.#watch();
    await this.#reports?.flush(true);
  }

  readonly #leave = () => void this.#reports?.flush(true);
  readonly #comeBack = () => void this.#look();

  /** What the first paint shows. */
  #begin(): void {
    const kept = this.#kept();
    const initial = Object.entries(this.#o.initial ?? {}).map(([key, value]): [string, Known] => [
      key,
      { value, variant: null, reason: "STALE", rule: null },
    ]);
    this.#known = new Map(kept ?? initial);
    if (this.#known.size > 0) this.#move("stale");
  }

  async #look(): Promise<void> {
    if (this.#state === "closed") return;
    this.#asked += 1;
    const mine = this.#asked;
    clearTimeout(this.#again);
    try {
      const { context } = this;
      const headers: Record<string, string> = this.#etag ? { "if-none-match": this.#etag } : {};
      const answer = await this.#post("/ofrep/v1/evaluate/flags", { context }, { headers });
      const given = answer.ok ? ((await answer.json()) as Answered) : null;
      if (mine !== this.#asked) return;
      if (given) {
        this.#etag = answer.headers.get("etag");
        this.#take(given);
      } else if (answer.status !== 304) throw new Error(String(answer.status));
      this.#attempt = 0;
      this.#move("ready");
      if (this.#stream) return;
      if (given) this.#listen(given);
      else this.#later(POLL_MS);
    } catch {
      if (mine !== this.#asked) return;
      if (this.#known.size > 0) this.#move("stale");
      this.#attempt += 1;
      this.#later(backoffMs(this.#attempt));
    }
  }

  #take({ flags }: Answered): void {
    const before = this.#known;
    this.#known = new Map();
    for (const { key, value, variant = null, reason = "STATIC", metadata, errorCode } of flags) {
      if (errorCode) continue;
      const served = value === undefined ? {} : { value };
      const now: Known = { ...served, variant, reason, rule: metadata?.rule ?? null };
      const old = before.get(key);
      // The same object until it changes: who compares by identity renders anew otherwise.
      this.#known.set(key, old && JSON.stringify(old) === JSON.stringify(now) ? old : now);
    }
    this.#tellChanges(before);
    this.#keep();
  }

  #listen({ eventStreams }: Answered): void {
    const address = eventStreams?.[0]?.url;
    if (!page.EventSource || !address) {
      this.#later(POLL_MS);
      return;
    }
    const stream = new page.EventSource(new URL(address, `${this.#base}/`).href);
    this.#stream = stream;
    let isGiven = false;
    stream.onopen = () => {
      isGiven = true;
      // What changed while nobody listened was told to nobody.
      void this.#look();
    };
    stream.onmessage = () => {
      // Also where the answer is the same: with another share the same variant is another arm's.
      this.#reports?.forget();
      void this.#look();
    };
    stream.onerror = () => {
      if (this.#state === "ready") this.#move("stale");
      // The browser comes back by itself, unless it was refused: then by a new answer, with another ticket.
      if (stream.readyState !== CLOSED) return;
      this.#stream = null;
      this.#etag = null;
      // Refused at once, there is no place for one more: what it would have told is asked for.
      this.#later(isGiven ? backoffMs(1) : POLL_MS);
    };
  }

  #later(ms: number): void {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => void this.#look(), ms);
  }

  #post(path: string, body: object, init: { headers?: Record<string, string>; keepalive?: boolean }) {
    return fetch(this.#base + path, {
      ...init,
      method: "POST",
      headers: { ...init.headers, authorization: `Bearer ${this.#o.key}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  }

  #tellChanges(before: ReadonlyMap<string, Known>): void {
    const keys = [...new Set([...before.keys(), ...this.#known.keys()])];
    const of = (map: ReadonlyMap<string, Known>, key: string) => JSON.stringify(map.get(key));
    const changed = keys.filter((key) => of(before, key) !== of(this.#known, key));
    if (changed.length > 0) this.#listeners.tell("change", changed);
  }
  #move(state: FlagsState): void {
    if (this.#state === state || this.#state === "closed") return;
    this.#state = state;
    this.#listeners.tell("state", state);
  }

  /** One entry for each key, whoever looks: a browser's room is small. */
  get #place(): string {
    return `latchkey-flags ${this.#o.key}`;
  }
  /** What was kept for this very context: values of somebody else are nobody's business. */
  #kept(): [string, Known][] | null {
    try {
      const text = this.#o.keep === false ? null : page.localStorage?.getItem(this.#place);
      const [who, kept] = JSON.parse(text ?? "[]") as [unknown, unknown];
      const isSame = JSON.stringify(who) === JSON.stringify(this.#context);
      return isSame && Array.isArray(kept) && kept.length > 0 ? (kept as [string, Known][]) : null;
    } catch {
      return null;
    }
  }
  #keep(): void {
    if (this.#o.keep === false) return;
    try {
      page.localStorage?.setItem(this.#place, JSON.stringify([this.#context, [...this.#known]]));
    } catch {
      // The browser keeps nothing, or is full: the next visit starts from `initial`.
    }
  }
}
