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
/** Netlify takes a site's id (a UUID) or its domain. Both go into addresses of its API. */
const Netlify = z
  .strictObject({
    kind: z.literal("netlify"),
    siteId: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9.-]{0,99}$/, "the Project ID, under Project configuration on Netlify"),
    /** `git`: Netlify builds the commit; `upload`: the release that Latchkey has built is uploaded. */
    mode: z.enum(["git", "upload"]).default("git"),
    /** Who splits the traffic: an Edge Function in the site, or Latchkey's gateway in front of it. */
    split: z.enum(["edge", "gateway"]).default("gateway"),
    /** Whose deploys are the releases: the site's production branch. */
    branch: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$/, "a branch's name, such as main")
      .default("main"),
    buildTimeoutMs: z.int().min(60_000).max(3_600_000).default(1_200_000),
  })
  .refine(({ mode, split }) => mode === "git" || split === "gateway", {
    path: ["split"],
    error:
      "edge needs mode: git, because only Netlify's own build deploys an Edge Function; set split: gateway or mode: git",
  });
export type NetlifyConfig = z.infer<typeof Netlify>;
export const TargetConfig = z.discriminatedUnion("kind", [Local, Haproxy, Command, Netlify]);
export type TargetConfig = z.infer<typeof TargetConfig>;
export const TargetKind = z.enum(["local", "haproxy", "command", "netlify"]);

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

/** Whether a target has to be told of the traffic: it splits it, or publishes what is served. */
export const routesItself = (config: TargetConfig): boolean => splitsItself(config) || config.kind === "netlify";

/** Whether a target splits and counts the traffic by itself; else Latchkey's gateway does. */
export const splitsItself = (config: TargetConfig): boolean =>
  config.kind === "haproxy" ||
  (config.kind === "command" && config.route !== undefined) ||
  (config.kind === "netlify" && config.split === "edge");

/** A deploy at a provider, as it was seen last. */
export const ProviderDeploy = z.object({
  id: z.string(),
  state: z.string(),
  /** Its permalink; null while it has none. */
  address: z.string().nullable(),
  branch: z.string().nullable(),
  commit: z.string().nullable(),
  /** What it was made for, such as `production` or `deploy-preview`. */
  context: z.string().nullable(),
  /** The pull request that it is a preview of. */
  pullRequest: z.int().nullable(),
  isPublished: z.boolean(),
  isLocked: z.boolean(),
  createdAt: z.string().nullable(),
});
export type ProviderDeploy = z.infer<typeof ProviderDeploy>;
export const PROVIDER_DEPLOYS_MAX = 20;

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
  /** Deploys at the provider, the newest first; left out for targets without one. */
  deploys: z.array(ProviderDeploy).max(PROVIDER_DEPLOYS_MAX).optional(),
});
export type TargetView = z.infer<typeof TargetView>;
