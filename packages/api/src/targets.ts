import { z } from "zod";
import { Command } from "./target-command.ts";

/** HAProxy reads it as it stands: nothing that could end a word or a line may be in it. */
const folder = z
  .string()
  .max(80)
  .regex(/^\/[A-Za-z0-9._/-]*$/, "an absolute path of letters, digits, dots, dashes and slashes, at most 80 long");

const Local = z.strictObject({ kind: z.literal("local") });
const Haproxy = z.strictObject({
  kind: z.literal("haproxy"),
  /** Where HAProxy takes visitors in. */
  bind: z
    .string()
    .regex(
      /^(\*|[0-9]{1,3}(\.[0-9]{1,3}){3}):[0-9]{1,5}$/,
      'an address and a port, such as "127.0.0.1:8080" or "*:80"',
    ),
  /** Where the server writes HAProxy's configuration, and finds its socket; left out, a folder below the server's own. */
  folder: folder.optional(),
});
export const TargetConfig = z.discriminatedUnion("kind", [Local, Haproxy, Command]);
export type TargetConfig = z.infer<typeof TargetConfig>;
export const TargetKind = z.enum(["local", "haproxy", "command"]);

/** By environment, where one differs from the service's own target. */
export const TargetOverrides = z
  .record(z.string().max(40), TargetConfig)
  .refine((given) => Object.keys(given).length <= 10, "at most 10 environments");

/** The target of an environment; `local` where nothing is said. */
export const targetOf = (
  config: {
    readonly target?: TargetConfig | undefined;
    readonly targets?: Readonly<Record<string, TargetConfig>> | undefined;
  },
  environment: string,
): TargetConfig => config.targets?.[environment] ?? config.target ?? { kind: "local" };

/** Whether a target splits the traffic by itself; else Latchkey's gateway does. */
export const routesItself = (config: TargetConfig): boolean =>
  config.kind === "haproxy" || (config.kind === "command" && config.route !== undefined);

/** Where a service runs in an environment, and what is known of it. */
export const TargetView = z.object({
  service: z.string(),
  environment: z.string(),
  kind: TargetKind,
  /** Who splits the traffic. */
  routedBy: z.enum(["gateway", "target"]),
  /** `waiting`: nothing was deployed; `behind`: asked for more than is served; `failing`: the last attempt failed. */
  state: z.enum(["waiting", "serving", "behind", "failing"]),
  words: z.string(),
  /** The shares that are served, as they were acknowledged. */
  shares: z.array(
    z.object({
      arm: z.string(),
      release: z.string(),
      releaseId: z.string(),
      address: z.string(),
      trafficPercent: z.number(),
    }),
  ),
  generation: z.object({ epoch: z.int(), n: z.int() }),
  acknowledged: z.object({ epoch: z.int(), n: z.int() }).nullable(),
  acknowledgedAt: z.iso.datetime({ offset: true }).nullable(),
  error: z.string().nullable(),
  errorAt: z.iso.datetime({ offset: true }).nullable(),
  /** What its people should know, such as the file that HAProxy is to be started with. */
  notes: z.array(z.string()),
});
export type TargetView = z.infer<typeof TargetView>;
