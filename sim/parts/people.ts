import type { Actor } from "@latchkey/core/delivery/rollout";
import { ProblemError } from "../../apps/server/src/platform/problems.ts";
import type { World } from "../world.ts";

/** What somebody asks for, under a key of its own. */
export type Asked =
  | {
      readonly kind: "ship";
      readonly key: string;
      readonly actor: Actor;
      readonly service: string;
      readonly fault: string | null;
      readonly ifBusy: "batch" | "queue" | "supersede" | "refuse";
    }
  | {
      readonly kind: "split";
      readonly key: string;
      readonly actor: Actor;
      readonly deploymentId: string;
    }
  | {
      readonly kind: "pause" | "resume" | "promote" | "roll_back" | "abort";
      readonly key: string;
      readonly actor: Actor;
      readonly rolloutId: string;
    };

export interface Wish {
  readonly asked: Asked;
  readonly era: number;
  tries: number;
  /** What was answered; null while nothing was. */
  answer: { readonly kind: "done"; readonly reference: string } | { readonly kind: "refused" } | null;
}
const TIMEOUT_MS = 5_000;
const TRIES_MAX = 60;

type Plain<A> = A extends Asked ? Omit<A, "key" | "actor"> : never;

/** People and their tools: each wish is asked for until it is answered, at whichever server answers. */
export class SimPeople {
  readonly #world: World;
  readonly wishes: Wish[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  ask(wanted: Plain<Asked>): void {
    const id = `person-${this.wishes.length}`;
    // One actor per wish: so that what it did can be told from all else.
    const asked = { ...wanted, key: `key-${id}`, actor: { id, kind: "person", name: id } } as Asked;
    const wish: Wish = { asked, era: this.#world.oracle.era, tries: 0, answer: null };
    this.wishes.push(wish);
    this.#world.tell(
      id,
      `asks to ${asked.kind}${asked.kind === "ship" ? ` ${asked.fault ?? "a healthy release"}` : ""}`,
    );
    this.#try(wish);
  }

  /** Whether somebody waits for an answer about a rollout, and has not given up. */
  isAsking(rolloutId: string): boolean {
    return this.wishes.some(
      (w) => w.answer === null && w.tries < TRIES_MAX && "rolloutId" in w.asked && w.asked.rolloutId === rolloutId,
    );
  }

  /** Whether somebody goes on asking. */
  isAnybodyAsking(): boolean {
    return this.wishes.some((w) => w.answer === null && w.tries < TRIES_MAX && w.era === this.#world.oracle.era);
  }

  #try(wish: Wish): void {
    const { timeline, chance } = this.#world;
    // A restore forgets keys too: asking on would be a new wish.
    if (wish.tries >= TRIES_MAX || wish.era !== this.#world.oracle.era) return;
    wish.tries += 1;
    const server = chance.pick(this.#world.servers);
    let isOpen = true;
    const again = () => {
      if (!isOpen || wish.answer) return;
      isOpen = false;
      timeline.after(chance.between(300, 2_000), () => this.#try(wish));
    };
    timeline.after(TIMEOUT_MS, again);
    server.request(
      () => server.answerPerson(wish.asked),
      (outcome) => {
        if (wish.answer || wish.era !== this.#world.oracle.era) return;
        if ("value" in outcome) wish.answer = { kind: "done", reference: outcome.value };
        else if (isFinal(outcome.error)) wish.answer = { kind: "refused" };
        else return again();
        this.#world.tell(wish.asked.actor.id, `is answered: ${wish.answer.kind}`);
      },
    );
  }
}

function isFinal(error: unknown): boolean {
  if (!(error instanceof ProblemError)) return false;
  if (error.code === "LK_UNAVAILABLE" || error.code === "LK_INTERNAL") return false;
  return !(error.code === "LK_BUSY" && error.message.startsWith("The same request"));
}
