import type { Answer, Client } from "@latchkey/api/client";
import type { DeploymentStatus, RolloutState, ServiceConfigInput } from "@latchkey/api/models";
import { GatewayPlayer, type Traffic } from "./gateway-player.ts";
import { Installation } from "./installation.ts";
import { Hopeless, until } from "./until.ts";
import { type Behaviour, type Place, Workload } from "./workload.ts";

export type RolloutView = Answer<"getRollout">;
export type DeploymentView = Answer<"getDeployment">;
/** An installation in this process, or the built server in one of its own. */
interface Scene extends Place {
  readonly gateway: Client;
  close(): Promise<void>;
}
type ShipBody = Partial<Parameters<Client["ship"]>[0]["body"]>;

/** An installation with the workload and a played gateway: what most tests of delivery begin with. */
export class Journey<S extends Scene = Installation> {
  readonly installation: S;
  readonly workload: Workload;
  gateway: GatewayPlayer;
  #version = 0;

  private constructor(installation: S) {
    this.installation = installation;
    this.workload = new Workload(installation);
    this.gateway = new GatewayPlayer(installation.gateway);
  }

  static async begin(config: Partial<ServiceConfigInput> = {}): Promise<Journey> {
    return Journey.beginIn(await Installation.start(), config);
  }

  static async beginIn<S extends Scene>(scene: S, config: Partial<ServiceConfigInput> = {}): Promise<Journey<S>> {
    const made = new Journey(scene);
    await made.workload.apply(config);
    return made;
  }

  get owner(): Client {
    return this.installation.owner;
  }

  /** The gateway after a restart: another boot of it, which knows nothing yet. */
  gatewayAgain(): GatewayPlayer {
    return new GatewayPlayer(this.installation.gateway);
  }

  /** Ships another version that behaves so. */
  async ship(behaviour: Partial<Behaviour> = {}, body: ShipBody = {}): Promise<string> {
    this.#version += 1;
    this.workload.will({ version: String(this.#version), ...behaviour });
    return this.shipAgain(body);
  }

  /** Ships what the working tree holds. */
  async shipAgain(body: ShipBody = {}): Promise<string> {
    return (await this.owner.ship({ params: { project: "main", service: this.workload.name }, body })).id;
  }

  deployment(id: string): Promise<DeploymentView> {
    return this.owner.getDeployment({ params: { project: "main", deploymentId: id } });
  }
  rollout(id: string): Promise<RolloutView> {
    return this.owner.getRollout({ params: { project: "main", rolloutId: id } });
  }
  explain(id: string): Promise<Answer<"explainRollout">> {
    return this.owner.explainRollout({ params: { project: "main", rolloutId: id } });
  }
  act(id: string, action: "pause" | "resume" | "promote" | "roll_back" | "abort", reason: string) {
    return this.owner.actOnRollout({ params: { project: "main", rolloutId: id }, body: { action, reason } });
  }

  async untilDeployment(id: string, ...statuses: DeploymentStatus[]): Promise<DeploymentView> {
    return until(`deployment ${statuses.join(" or ")}`, async () => {
      const seen = await this.deployment(id);
      if (statuses.includes(seen.status)) return seen;
      if (seen.finishedAt !== null) throw new Hopeless(`the deployment ended ${seen.status}: ${seen.words}`);
      return null;
    });
  }

  /** The rollout of a deployment, once it has one. */
  async rolloutOf(deploymentId: string): Promise<string> {
    return until("the deployment has its rollout", async () => {
      const seen = await this.deployment(deploymentId);
      if (seen.rolloutId === null && seen.finishedAt !== null)
        throw new Hopeless(`the deployment ended ${seen.status}: ${seen.words}`);
      return seen.rolloutId;
    });
  }

  /** Looks at a rollout until it is in one of the states, without any traffic. */
  async untilRollout(id: string, ...states: RolloutState[]): Promise<RolloutView> {
    return this.#until(id, states, async () => {});
  }

  /** Serves traffic, following the routing, until a rollout is in one of the states; of an end it serves the last table too. */
  async drive(id: string, traffic: Traffic, ...states: RolloutState[]): Promise<RolloutView> {
    const seen = await this.#until(id, states, () => this.gateway.serve(traffic));
    if (seen.finishedAt !== null) await this.gateway.acknowledge();
    return seen;
  }

  async #until(id: string, states: RolloutState[], turn: () => Promise<void>): Promise<RolloutView> {
    return until(`rollout ${states.join(" or ")}`, async () => {
      await turn();
      const seen = await this.rollout(id);
      if (states.includes(seen.state)) return seen;
      if (seen.finishedAt !== null) throw new Hopeless(`the rollout ended ${seen.state}: ${this.wordsOf(seen)}`);
      return null;
    });
  }

  /** The first release, all the way: what later ones are compared with. */
  async shipFirst(behaviour: Partial<Behaviour> = {}): Promise<RolloutView> {
    const rollout = await this.rolloutOf(await this.ship(behaviour));
    return this.drive(rollout, {}, "completed");
  }

  /** Ships a release and waits until its first step is served. */
  async shipCanary(behaviour: Partial<Behaviour> = {}, body: ShipBody = {}): Promise<RolloutView> {
    const rollout = await this.rolloutOf(await this.ship(behaviour, body));
    return this.untilRollout(rollout, "progressing");
  }

  kindsOf(rollout: RolloutView): string[] {
    return rollout.decisions.map((d) => d.kind);
  }
  wordsOf(rollout: RolloutView): string {
    return rollout.decisions.map((d) => d.words).join(" ");
  }

  async end(): Promise<void> {
    await this.installation.close();
  }
}
