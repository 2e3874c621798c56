import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Backup } from "@latchkey/api/models";

/**
 * The folder of the backups: `<id>.tar`, and beside it `<id>.json`, which says how it was taken. The folder is the truth
 * about them, not the database: what is restored into must not forget what it was restored from.
 */
export class Shelf {
  readonly #dir: string;
  constructor(dir: string) {
    this.#dir = dir;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  }

  get dir(): string {
    return this.#dir;
  }
  fileOf(id: string): string {
    return join(this.#dir, `${id}.tar`);
  }
  #noteOf(id: string): string {
    return join(this.#dir, `${id}.json`);
  }

  note(backup: Backup): void {
    const draft = `${this.#noteOf(backup.id)}.draft`;
    writeFileSync(draft, JSON.stringify(backup), { mode: 0o600 });
    renameSync(draft, this.#noteOf(backup.id));
  }

  /** Newest first: ids are UUIDv7. */
  list(): Backup[] {
    const notes = readdirSync(this.#dir).filter((name) => /^bak_[\w-]+\.json$/.test(name));
    return notes
      .sort()
      .reverse()
      .flatMap((name) => this.find(name.slice(0, -".json".length)) ?? []);
  }

  find(id: string): Backup | null {
    if (!/^bak_[\w-]{1,60}$/.test(id)) return null;
    try {
      const backup = Backup.parse(JSON.parse(readFileSync(this.#noteOf(id), "utf8")));
      return backup.state !== "kept" || existsSync(this.fileOf(id)) ? backup : null;
    } catch {
      return null;
    }
  }

  sizeOf(id: string): number {
    return statSync(this.fileOf(id)).size;
  }

  /** Deletes one, with its note. */
  drop(id: string): void {
    for (const file of [this.fileOf(id), this.#noteOf(id)]) rmSync(file, { force: true });
  }

  /** Keeps the newest; answers the ids of those that were deleted. Notes of failures go with the backups of their time. */
  keepNewest(count: number): string[] {
    const kept = this.list().filter((backup) => backup.state === "kept");
    const oldest = kept[count - 1]?.id;
    const old = this.list().filter((backup) => oldest !== undefined && backup.id < oldest);
    for (const { id } of old) this.drop(id);
    return old.filter((backup) => backup.state === "kept").map((backup) => backup.id);
  }

  /** What a server that was killed left half-done: halves of files go, and what was under way has failed. */
  tidy(): void {
    for (const name of readdirSync(this.#dir))
      if (name.endsWith(".partial") || name.endsWith(".draft")) rmSync(join(this.#dir, name), { force: true });
    for (const backup of this.list().filter((one) => one.state === "running")) {
      rmSync(this.fileOf(backup.id), { force: true });
      const problem = "The server ended while it was taken. Take another.";
      this.note({ ...backup, state: "failed", progress: null, problem, file: null });
    }
  }
}
