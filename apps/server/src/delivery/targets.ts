import type { CommandTarget } from "@latchkey/api/target-command";
import type { TargetConfig } from "@latchkey/api/targets";
import type { ReleaseHost } from "@latchkey/core/delivery/ports";
import { CommandHost } from "../platform/adapters/command/host.ts";
import { CommandRouter } from "../platform/adapters/command/router.ts";
import { HaproxyMachine } from "../platform/adapters/haproxy/machine.ts";
import type { startNetlify } from "./netlify.ts";
import type { Machine } from "./routers.controller.ts";
import type { Place } from "./targets.store.ts";

type Netlify = Pick<ReturnType<typeof startNetlify>, "host" | "machineOf">;

/** Which adapter drives which kind of target. */
export const machinesIn =
  (dir: string, netlify: Netlify, isWatching: () => boolean) =>
  (config: TargetConfig, place: Place): Machine | null => {
    if (config.kind === "command") return config.route === undefined ? null : scripted(dir, config, place);
    if (config.kind === "netlify") return netlify.machineOf(config, place);
    if (config.kind !== "haproxy") return null;
    const folder = config.folder ?? `${dir}/haproxy/${place.service}-${place.environment}`;
    const machine = new HaproxyMachine({ folder, bind: config.bind, isWatching }, () => performance.now());
    return {
      router: machine,
      counts: machine.counts,
      onNews: (news) => machine.counts.onNews(news),
      notes: [`HAProxy runs by this file: ${machine.startCommand}`],
      close: () => machine.close(),
    };
  };

/** Which adapter runs the releases of a kind of target; null for kinds whose releases are processes beside the server. */
export const hostsIn = (dir: string, netlify: Netlify): ((kind: string) => ReleaseHost | null) => {
  const scripts = new CommandHost(`${dir}/command`);
  return (kind) => (kind === "command" ? scripts : kind === "netlify" ? netlify.host : null);
};

function scripted(dir: string, config: CommandTarget, { service, environment }: Place): Machine {
  const folder = `${dir}/command/${service}-${environment}`;
  const router = new CommandRouter({ folder, service, environment }, config, () => performance.now());
  return {
    router,
    get counts() {
      return router.counts;
    },
    onNews: (news) => router.onNews(news),
    notes: [],
    close: () => router.close(),
  };
}
