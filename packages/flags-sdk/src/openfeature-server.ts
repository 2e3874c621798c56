import {
  ErrorCode,
  type EvaluationContext,
  type JsonValue,
  OpenFeatureEventEmitter,
  type Provider,
  ProviderEvents,
  type ResolutionDetails,
} from "@openfeature/server-sdk";
import type { Flags } from "./node.ts";
import { resolutionOf } from "./resolution.ts";
import type { AnyFlags, FlagDetails, FlagsState, FlagTypes, FlagValue } from "./values.ts";

const READY_MS = 5_000;

/**
 * Flags as a provider for OpenFeature's SDK for servers: `await OpenFeature.setProviderAndWait(new LatchkeyProvider(flags))`.
 * The flags stay the program's: closing the provider closes them.
 */
export class LatchkeyProvider<T extends FlagTypes = AnyFlags> implements Provider {
  readonly metadata = { name: "latchkey" } as const;
  readonly runsOn = "server";
  readonly events = new OpenFeatureEventEmitter();
  readonly #flags: Flags;
  readonly #offs: readonly (() => void)[];

  constructor(flags: Flags<T>) {
    // OpenFeature names flags by any text: what is generated for the code does not bind it.
    this.#flags = flags as unknown as Flags;
    this.#offs = [
      flags.on("change", (flagsChanged) =>
        this.events.emit(ProviderEvents.ConfigurationChanged, { flagsChanged: [...flagsChanged] }),
      ),
      flags.on("state", (state) => {
        const event = eventOf(state);
        if (event) this.events.emit(event, { message: flags.problem ?? "" });
      }),
    ];
  }

  /** Ready with the server's answer, or with a snapshot; an error where there is neither after 5 s. It goes on trying. */
  async initialize(): Promise<void> {
    if (await this.#flags.ready({ withinMs: READY_MS })) return;
    if (this.#flags.state === "starting") throw new Error(this.#flags.problem ?? "The flags are not known yet.");
  }
  async onClose(): Promise<void> {
    for (const off of this.#offs) off();
    await this.#flags.close();
  }

  resolveBooleanEvaluation = (key: string, fallback: boolean, context: EvaluationContext) =>
    this.#resolve(key, fallback, context);
  resolveStringEvaluation = (key: string, fallback: string, context: EvaluationContext) =>
    this.#resolve(key, fallback, context);
  resolveNumberEvaluation = (key: string, fallback: number, context: EvaluationContext) =>
    this.#resolve(key, fallback, context);
  resolveObjectEvaluation = <T extends JsonValue>(key: string, fallback: T, context: EvaluationContext) =>
    this.#resolve(key, fallback, context);

  async #resolve<T extends JsonValue>(
    key: string,
    fallback: T,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<T>> {
    const details = this.#flags.details(
      key,
      fallback as FlagValue,
      context as Record<string, unknown>,
    ) as FlagDetails<FlagValue>;
    return resolutionOf(details, ErrorCode);
  }
}

function eventOf(state: FlagsState): ProviderEvents.Ready | ProviderEvents.Stale | null {
  return state === "ready" ? ProviderEvents.Ready : state === "stale" ? ProviderEvents.Stale : null;
}
