import { instantOf } from "../../shared/instant.ts";
import type { ImportProblem } from "./fact.ts";

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Names are longer than this nowhere; what is, is no name. */
const TEXT_MAX = 300;

/** What PostgreSQL takes into no text: NUL, and halves of a surrogate pair. */
const UNSTORABLE = /\0|\p{Surrogate}/u;
const storable = (words: string): string => words.replace(/\0|\p{Surrogate}/gu, "\uFFFD");

/**
 * Reads the fields of something that somebody sent and notes each mistake with its path. What is read is only used when
 * there is none. A field that is not there, null or empty is null, which is nobody's word.
 */
export class Fields {
  readonly #problems: ImportProblem[];
  readonly #value: Readonly<Record<string, unknown>>;
  readonly #path: string;
  constructor(value: unknown, problems: ImportProblem[], path = "") {
    this.#problems = problems;
    this.#path = path;
    this.#value = isRecord(value) ? value : {};
    if (!isRecord(value)) this.wrong("", "must be an object");
  }

  wrong(name: string, words: string): null {
    this.#problems.push({ place: this.#at(name), words });
    return null;
  }
  #at(name: string): string {
    const place = name === "" ? this.#path : this.#path === "" ? name : `${this.#path}.${name}`;
    return place === "" ? "the body" : place;
  }
  #given(name: string): unknown {
    const value = Object.hasOwn(this.#value, name) ? this.#value[name] : undefined;
    return value === "" || value === undefined ? null : value;
  }

  text(name: string): string | null {
    const value = this.#given(name);
    if (value === null) return null;
    const text = typeof value === "number" && Number.isSafeInteger(value) ? String(value) : value;
    if (typeof text !== "string") return this.wrong(name, "must be a text");
    if (UNSTORABLE.test(text)) return this.wrong(name, "holds a character that no text has (NUL, or half of one)");
    return text.length > TEXT_MAX ? this.wrong(name, `must have at most ${TEXT_MAX} characters`) : text;
  }
  /** A text of any length. */
  words(name: string): string | null {
    const value = this.#given(name);
    if (value === null) return null;
    return typeof value === "string" ? storable(value) : this.wrong(name, "must be a text");
  }
  /** Words for people: cut where they are too long. */
  title(name: string): string | null {
    const value = this.#given(name);
    if (value === null) return null;
    return typeof value === "string" ? storable(value).slice(0, TEXT_MAX) : this.wrong(name, "must be a text");
  }
  /** Empty when it is missing or wrong, which is noted. */
  required(name: string, what: string): string {
    if (this.#given(name) === null) this.wrong(name, `is missing: ${what}`);
    return this.text(name) ?? "";
  }
  requiredInstant(name: string, what: string): number {
    if (this.#given(name) === null) this.wrong(name, `is missing: ${what}`);
    return this.instant(name) ?? 0;
  }
  /** Milliseconds since 1970. */
  instant(name: string): number | null {
    const value = this.#given(name);
    if (value === null) return null;
    const atMs = typeof value === "string" ? instantOf(value) : null;
    return atMs ?? this.wrong(name, "must be a time such as 2026-01-31T12:00:00Z");
  }
  whole(name: string): number | null {
    const value = this.#given(name);
    if (value === null) return null;
    return typeof value === "number" && Number.isSafeInteger(value)
      ? value
      : this.wrong(name, "must be a whole number");
  }
  truth(name: string): boolean | null {
    const value = this.#given(name);
    if (value === null) return null;
    return typeof value === "boolean" ? value : this.wrong(name, "must be true or false");
  }
  inner(name: string): Fields | null {
    const value = this.#given(name);
    return value === null ? null : new Fields(value, this.#problems, this.#at(name));
  }
  /** Notes that it is missing, and stands for it while the rest is read. */
  missing(name: string, what: string): Fields {
    if (this.#given(name) === null) this.wrong(name, `is missing: ${what}`);
    return new Fields({}, [], name);
  }
  /** The same, with a list of its own for what is wrong. */
  into(problems: ImportProblem[]): Fields {
    return new Fields(this.#value, problems, this.#path);
  }
  list(name: string): readonly Fields[] {
    const value = this.#given(name);
    if (value === null) return [];
    if (!Array.isArray(value)) {
      this.wrong(name, "must be a list");
      return [];
    }
    return value.map((item, i) => new Fields(item, this.#problems, `${this.#at(name)}[${i}]`));
  }
}

const SHA = /^([0-9a-f]{40}|[0-9a-f]{64})$/;
/** A commit's full name; a short one is refused, as it can't be matched with what other sources tell. */
export function shaField(fields: Fields, name: string): string | null {
  const text = fields.text(name)?.toLowerCase() ?? null;
  return text === null || SHA.test(text) ? text : fields.wrong(name, "must be the full name of a commit, 40 digits");
}
