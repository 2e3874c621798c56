import type { Logger } from "pino";
import type { Clock } from "../platform/clock.ts";
import type { Transactions } from "../platform/database.ts";
import type { ClientKey } from "./client-keys.ts";
import { addVariantCounts } from "./experiments.store.ts";

const FLUSH_MS = 10_000;

/**
 * How often each variant was asked for, one flag at a time: who asks for all flags at once may use none of them. Kept in
 * memory and written every ten seconds: what a killed server had not written yet is missing from a week's count.
 */
export class EvaluationCounts {
  readonly #o: { readonly database: Transactions; readonly log: Logger; readonly clock: Clock };
  #counts = new Map<string, Map<string, number>>();
  #callOff = () => {};
  #writing: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(o: { readonly database: Transactions; readonly log: Logger; readonly clock: Clock }) {
    this.#o = o;
    this.#wait();
  }

  note(by: Pick<ClientKey, "project" | "environment">, flag: string, variant: string): void {
    const place = `${by.project}/${by.environment}`;
    let here = this.#counts.get(place);
    if (!here) {
      here = new Map();
      this.#counts.set(place, here);
    }
    // No flag's key has a space.
    const what = `${flag} ${variant}`;
    here.set(what, (here.get(what) ?? 0) + 1);
  }

  async flush(): Promise<void> {
    const counts = this.#counts;
    this.#counts = new Map();
    for (const [place, here] of counts) {
      const [project = "", environment = ""] = place.split("/");
      const rows = [...here].map(([what, evaluations]) => {
        const [flag = "", variant = ""] = what.split(" ");
        return { flag, variant, evaluations, exposures: 0 };
      });
      try {
        await this.#o.database.transaction((tx) => addVariantCounts(tx, project, environment, rows));
      } catch (error) {
        this.#o.log.debug({ err: error }, "evaluations of flags could not be counted");
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#callOff();
    await this.#writing;
    await this.flush();
  }

  #wait(): void {
    this.#callOff = this.#o.clock.after(FLUSH_MS, () => {
      this.#writing = this.flush().finally(() => {
        if (!this.#stopped) this.#wait();
      });
    });
  }
}
