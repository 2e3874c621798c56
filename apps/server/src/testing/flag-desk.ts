import type { Answer, Client } from "@latchkey/api/client";

type Definition = Parameters<Client["putFlag"]>[0]["body"]["definition"];
const main = { project: "main" };

/** Works with the flags of the project as people do, for tests. */
export class FlagDesk {
  readonly #owner: Client;
  constructor(owner: Client) {
    this.#owner = owner;
  }

  /** On for everybody or for a share of all users, in production and in staging alike. */
  async put(flag: string, more: { readonly percent?: number; readonly serves?: string } = {}): Promise<void> {
    const otherwise =
      more.percent === undefined
        ? { kind: "variant" as const, variant: more.serves ?? "on" }
        : { kind: "rollout" as const, variant: "on", against: "off", percent: more.percent };
    const rules = { isEnabled: true, otherwise };
    const definition = { environments: { production: rules, staging: rules } } as Definition;
    await this.#owner.putFlag({ params: { ...main, flag }, body: { definition, reason: "a test" } });
  }
  async turn(flag: string, isEnabled: boolean): Promise<void> {
    const body = { environment: "production", isEnabled, reason: "a test" };
    await this.#owner.switchFlag({ params: { ...main, flag }, body });
  }
  async move(flag: string, to: { readonly percent?: number; readonly state?: "killed" | "running" }): Promise<void> {
    const body = { environment: "production", ...to, reason: "a test" };
    await this.#owner.moveRollout({ params: { ...main, flag }, body });
  }
  async archive(flag: string): Promise<void> {
    await this.#owner.archiveFlag({ params: { ...main, flag }, body: { reason: "a test" } });
  }
  see(flag: string): Promise<Answer<"getFlag">> {
    return this.#owner.getFlag({ params: { ...main, flag } });
  }
  /** Who gets what in an environment, in words, with how far its rollout has come. */
  async words(flag: string, environment = "production"): Promise<string> {
    const seen = await this.see(flag);
    const rollout = seen.rollouts.find((one) => one.environment === environment);
    const words = seen.environments.find((one) => one.name === environment)?.words ?? "";
    return rollout ? `${words} ${rollout.state} at ${rollout.percent} %` : words;
  }
}
