import type { Logger } from "pino";
import { type Executor, openDatabase } from "./database.ts";
import { checkContracts, migrate, waiting, wordsOfServers } from "./migrate.ts";

export interface ContractsOptions {
  readonly db: Executor;
  readonly log: Logger;
  readonly ownerUrl: string;
  readonly migrations: string;
  /** What this server is called among those that live. */
  readonly self: string;
}

/**
 * Contract migrations (see migrate.ts) while a server runs: does its own once no older server lives, and throws when a
 * newer one has done one that this version does not know, because it was away for so long that it was taken for gone.
 */
export class Contracts {
  readonly #o: ContractsOptions;
  #isWaiting = true;
  #said = "";

  constructor(options: ContractsOptions) {
    this.#o = options;
  }

  /** One look. Throws a sentence when this server can't go on. */
  async look(): Promise<void> {
    const { db, log, migrations, ownerUrl, self } = this.#o;
    await checkContracts(db, migrations);
    if (!this.#isWaiting) return;
    const left = await waiting(db, migrations, self);
    this.#isWaiting = left.length > 0;
    const [next] = left;
    if (!next) return;
    if (next.servers.length > 0) {
      const words = `${next.name} waits until no older server lives: ${wordsOfServers(next.servers)}`;
      if (words !== this.#said) log.warn({ migration: next.name }, words);
      this.#said = words;
      return;
    }
    const owner = openDatabase(ownerUrl, { max: 1 });
    try {
      const done = await migrate(owner, migrations, self);
      if (done.length > 0) log.info({ migrations: done }, "no older server lives any more: the database is migrated");
    } finally {
      await owner.close();
    }
  }
}
