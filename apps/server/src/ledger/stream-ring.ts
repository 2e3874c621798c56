/**
 * The newest entries of the ledger as the stream sends them: each made into text once, whoever reads it. Numbers have no
 * gap, so that an entry is found by its number; the oldest fall out, and are read from the database by who still wants
 * them.
 */
export interface StreamEntry {
  readonly sequence: number;
  readonly project: string;
  /** The event as it goes over the wire. */
  readonly text: string;
}
export interface Chunk {
  /** Null where nothing between is of the project. */
  readonly bytes: Buffer | null;
  /** Everything up to this number is in it, or is another project's. */
  readonly upTo: number;
}

/** Eight seconds at 500 entries/s: a client that is slower than that for so long reads the database. */
const ENTRIES_MAX = 4_096;
/** An entry has at most 64 Ki characters, most have 1 Ki: 4,096 of those, four times over. Strings take one byte or two for each. */
const CHARACTERS_MAX = 16 * 1_048_576;
/** What one write hands to a socket. Together with 16 KiB that Node keeps, all that a client may have waiting. */
export const CHUNK_CHARACTERS = 64 * 1_024;
/** Chunks kept between two appends: 32 of at most 128 KiB (64, and the entry that went over it) are 4 MiB. */
const CHUNKS_MAX = 32;

export class StreamRing {
  readonly #entriesMax: number;
  readonly #charactersMax: number;
  #entries: StreamEntry[] = [];
  #characters = 0;
  #first = 0;
  /** Most clients stand at the same number: what follows it is put together once. */
  readonly #chunks = new Map<string, Chunk>();

  constructor(o: { entriesMax?: number; charactersMax?: number } = {}) {
    this.#entriesMax = o.entriesMax ?? ENTRIES_MAX;
    this.#charactersMax = o.charactersMax ?? CHARACTERS_MAX;
  }

  get size(): number {
    return this.#entries.length;
  }
  get characters(): number {
    return this.#characters;
  }

  /** Forgets all: the next entry may have any number. */
  clear(): void {
    this.#entries = [];
    this.#characters = 0;
    this.#chunks.clear();
  }

  /** Adds what comes next. After a gap what was before it is forgotten, so that nothing is ever skipped. */
  append(entries: readonly StreamEntry[]): void {
    this.#chunks.clear();
    for (const entry of entries) {
      if (entry.sequence !== this.#first + this.#entries.length) {
        this.clear();
        this.#first = entry.sequence;
      }
      this.#entries.push(entry);
      this.#characters += entry.text.length;
    }
    let over = Math.max(0, this.#entries.length - this.#entriesMax);
    let characters = this.#characters;
    for (let i = 0; i < over; i++) characters -= this.#entries[i]?.text.length ?? 0;
    for (; characters > this.#charactersMax && over < this.#entries.length - 1; over++)
      characters -= this.#entries[over]?.text.length ?? 0;
    if (over === 0) return;
    this.#entries = this.#entries.slice(over);
    this.#first += over;
    this.#characters = characters;
  }

  /** What follows a number, for a project: about 64 KiB of it. Null when it is no longer, or not yet, here. */
  after(sequence: number, project: string): Chunk | null {
    const from = sequence + 1 - this.#first;
    if (from < 0 || from >= this.#entries.length) return null;
    const key = `${sequence}/${project}`;
    const known = this.#chunks.get(key);
    if (known) return known;
    const parts: string[] = [];
    let length = 0;
    let upTo = sequence;
    for (let i = from; i < this.#entries.length && length < CHUNK_CHARACTERS; i++) {
      const entry = this.#entries[i];
      if (!entry) break;
      upTo = entry.sequence;
      if (entry.project !== project) continue;
      parts.push(entry.text);
      length += entry.text.length;
    }
    const chunk = { bytes: parts.length === 0 ? null : Buffer.from(parts.join(""), "utf8"), upTo };
    // Clients that are behind stand at numbers of their own: what is put together for one of them is not kept for all.
    if (this.#chunks.size < CHUNKS_MAX) this.#chunks.set(key, chunk);
    return chunk;
  }
}
