import {
  ErrorCode,
  type EvaluationContext,
  type JsonValue,
  OpenFeatureEventEmitter,
  type Provider,
  ProviderEvents,
  type ResolutionDetails,
} from "@openfeature/web-sdk";
import { resolutionOf } from "./resolution.ts";
import type { AnyFlags, FlagDetails, FlagTypes, FlagValue } from "./values.ts";
import type { WebFlags } from "./web.ts";

const READY_MS = 5_000;

/** Flags as a provider for OpenFeature's SDK for the web: `await OpenFeature.setProviderAndWait(new LatchkeyWebProvider(flags))`. */
export class LatchkeyWebProvider<T extends FlagTypes = AnyFlags> implements Provider {
  readonly metadata = { name: "latchkey-web" } as const;
  readonly runsOn = "client";
  readonly events = new OpenFeatureEventEmitter();
  readonly #flags: WebFlags;
  readonly #offs: readonly (() => void)[];

  constructor(flags: WebFlags<T>) {
    // OpenFeature names flags by any text: what is generated for the code does not bind it.
    this.#flags = flags as unknown as WebFlags;
    this.#offs = [
      flags.on("change", (flagsChanged) =>
        this.events.emit(ProviderEvents.ConfigurationChanged, { flagsChanged: [...flagsChanged] }),
      ),
      flags.on("state", (state) => {
        if (state === "ready") this.events.emit(ProviderEvents.Ready);
        if (state === "stale") this.events.emit(ProviderEvents.Stale);
      }),
    ];
  }

  /** Ready with the server's answer, or with what the last visit kept; an error where there is neither. It goes on trying. */
  async initialize(context: EvaluationContext = {}): Promise<void> {
    const flags = this.#flags;
    const isOther = JSON.stringify(context) !== JSON.stringify(flags.context);
    if (isOther && Object.keys(context).length > 0) await flags.setContext(context as Record<string, unknown>);
    if (flags.state === "ready" || flags.state === "stale") return;
    const isThere = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), READY_MS);
      const off = flags.on("state", () => {
        clearTimeout(timer);
        off();
        resolve(true);
      });
    });
    if (!isThere) throw new Error("The flags are not known yet.");
  }
  async onContextChange(_: EvaluationContext, context: EvaluationContext): Promise<void> {
    await this.#flags.setContext(context as Record<string, unknown>);
  }
  async onClose(): Promise<void> {
    for (const off of this.#offs) off();
    await this.#flags.close();
  }

  resolveBooleanEvaluation = (key: string, fallback: boolean) => this.#resolve(key, fallback);
  resolveStringEvaluation = (key: string, fallback: string) => this.#resolve(key, fallback);
  resolveNumberEvaluation = (key: string, fallback: number) => this.#resolve(key, fallback);
  resolveObjectEvaluation = <T extends JsonValue>(key: string, fallback: T) => this.#resolve(key, fallback);

  #resolve<T extends JsonValue>(key: string, fallback: T): ResolutionDetails<T> {
    const details = this.#flags.details(key, fallback as FlagValue) as FlagDetails<FlagValue>;
    return resolutionOf(details, ErrorCode);
  }
}
