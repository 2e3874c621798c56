import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, project } from "./client.ts";
import type { DeliveryState, FlagSummary, PlanQuestion } from "./types.ts";

/**
 * Every query of the console. Little polls: the stream patches these keys (`stream-reducer.ts`), so what is in the
 * cache stays fresh while the stream stands, and is fetched anew after it was away.
 */
const PAGE = 25;
/** The server takes a sample every 10 s: each is seen within 5. Not while the page is hidden. */
const HEALTH_EVERY_MS = 5_000;
/** What GitHub tells is no entry of the ledger, and each stage's time goes on. Not while the page is hidden. */
const PIPELINE_EVERY_MS = 3_000;
/** What waits after a rollback is in no event of the stream. */
const RESULTS_EVERY_MS = 5_000;
const PAUSES_EVERY_MS = 10_000;
const PLAN_EVERY_MS = 500;
const STARTING_EVERY_MS = 3_000;
/** Deliveries are no entries of the ledger: who looks at them asks again. */
const DELIVERIES_EVERY_MS = 5_000;
/** As long as the server keeps one. */
const PLAN_FRESH_MS = 600_000;

export const keys = {
  services: ["services"],
  service: (name: string) => ["service", name],
  releases: (service: string) => ["releases", service],
  release: (id: string) => ["release", id],
  deployments: (service?: string) => (service ? ["deployments", service] : ["deployments"]),
  automation: (service: string) => ["deployments", "automation", service],
  promotions: (service: string) => ["promotions", service],
  previews: (service: string) => ["previews", service],
  migrations: (service: string) => ["migrations", service],
  waivers: (service: string) => ["waivers", service],
  pauses: ["pauses"],
  rollbackPlan: (service: string, environment: string, releaseId: string) => [
    "rollback-plan",
    service,
    environment,
    releaseId,
  ],
  deployment: (id: string) => ["deployment", id],
  rollout: (id: string) => ["rollout", id],
  looks: (id: string) => ["looks", id],
  explanation: (id: string) => ["explanation", id],
  ledger: ["ledger"],
  ledgerList: (type: string, subject: string) => ["ledger", "list", type, subject],
  ledgerEntry: (sequence: number) => ["ledger-entry", sequence],
  ledgerProof: (sequence: number) => ["ledger-proof", sequence],
  tokens: ["tokens"],
  people: ["people"],
  approvals: ["approvals"],
  freezes: ["freezes"],
  backups: ["backups"],
  system: ["system"],
  health: ["health"],
  notifications: ["notifications"],
  me: ["me"],
  targets: ["targets"],
  flags: ["flags"],
  flag: (key: string) => ["flags", "one", key],
  pipeline: ["pipeline"],
  plan: (service: string, question: PlanQuestion) => ["plan", service, question],
} as const;

export const queries = {
  me: () => queryOptions({ queryKey: keys.me, queryFn: ({ signal }) => api.me({ signal }) }),
  services: () =>
    queryOptions({
      queryKey: keys.services,
      queryFn: ({ signal }) => api.listServices({ query: { limit: 200 }, signal }),
    }),
  service: (service: string) =>
    queryOptions({
      queryKey: keys.service(service),
      queryFn: ({ signal }) => api.getService({ params: { project, service }, signal }),
    }),
  releases: (service: string) =>
    infiniteQueryOptions({
      queryKey: keys.releases(service),
      queryFn: ({ pageParam, signal }) =>
        api.listReleases({
          params: { project, service },
          query: { limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) },
          signal,
        }),
      initialPageParam: "",
      getNextPageParam: (page) => page.next,
    }),
  /** While it is worked out, and only then, it is asked again: whoever stops asking ends the work. */
  plan: (service: string, question: PlanQuestion) =>
    queryOptions({
      queryKey: keys.plan(service, question),
      queryFn: ({ signal }) => api.planCanary({ params: { project, service }, query: question, signal }),
      refetchInterval: (query) => (query.state.data?.state === "working" ? PLAN_EVERY_MS : false),
      staleTime: PLAN_FRESH_MS,
    }),
  release: (releaseId: string) =>
    queryOptions({
      queryKey: keys.release(releaseId),
      queryFn: ({ signal }) => api.getRelease({ params: { project, releaseId }, signal }),
    }),
  recentDeployments: () =>
    queryOptions({
      queryKey: [...keys.deployments(), "recent"],
      queryFn: ({ signal }) => api.listDeployments({ query: { limit: 8 }, signal }),
    }),
  /** Of every service where none is named. */
  deployments: (service: string) =>
    infiniteQueryOptions({
      queryKey: [...keys.deployments(service || undefined), "all"],
      queryFn: ({ pageParam, signal }) =>
        api.listDeployments({
          query: { limit: PAGE, ...(service ? { service } : {}), ...(pageParam ? { cursor: pageParam } : {}) },
          signal,
        }),
      initialPageParam: "",
      getNextPageParam: (page) => page.next,
    }),
  previews: (service: string) =>
    queryOptions({
      queryKey: keys.previews(service),
      queryFn: ({ signal }) => api.listPreviews({ params: { project }, query: { service }, signal }),
      refetchInterval: PAUSES_EVERY_MS,
    }),
  promotions: (service: string) =>
    queryOptions({
      queryKey: keys.promotions(service),
      queryFn: ({ signal }) => api.listPromotions({ params: { project, service }, signal }),
      refetchInterval: PAUSES_EVERY_MS,
    }),
  migrations: (service: string) =>
    queryOptions({
      queryKey: keys.migrations(service),
      queryFn: ({ signal }) => api.listMigrations({ params: { project, service }, signal }),
      refetchInterval: PAUSES_EVERY_MS,
    }),
  automation: (service: string) =>
    queryOptions({
      queryKey: keys.automation(service),
      queryFn: ({ signal }) =>
        api.getAutomation({ params: { project }, query: { days: 30, ...(service ? { service } : {}) }, signal }),
    }),
  waivers: (service: string) =>
    infiniteQueryOptions({
      queryKey: keys.waivers(service),
      queryFn: ({ pageParam, signal }) =>
        api.listWaivers({
          params: { project, service },
          query: { limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) },
          signal,
        }),
      initialPageParam: "",
      getNextPageParam: (page) => page.next,
    }),
  flags: (search: string, archived: boolean, health?: FlagSummary["health"]) =>
    infiniteQueryOptions({
      queryKey: [...keys.flags, "list", search, archived, health ?? ""],
      queryFn: ({ pageParam, signal }) =>
        api.listFlags({
          params: { project },
          query: {
            limit: 50,
            archived: archived ? "true" : "false",
            ...(health ? { health } : {}),
            ...(search ? { search } : {}),
            ...(pageParam ? { cursor: pageParam } : {}),
          },
          signal,
        }),
      initialPageParam: "",
      getNextPageParam: (page) => page.next,
    }),
  flag: (flag: string) =>
    queryOptions({
      queryKey: keys.flag(flag),
      queryFn: ({ signal }) => api.getFlag({ params: { project, flag }, signal }),
    }),
  flagResults: (flag: string) =>
    queryOptions({
      queryKey: [...keys.flag(flag), "results"],
      queryFn: ({ signal }) => api.getFlagResults({ params: { project, flag }, signal }),
      // Users are counted all the time; only what is decided comes by the stream.
      refetchInterval: RESULTS_EVERY_MS,
    }),
  /** What was decided of a flag, newest first. */
  flagEntries: (flag: string) =>
    queryOptions({
      queryKey: [...keys.flag(flag), "entries"],
      queryFn: ({ signal }) => api.listLedger({ query: { subject: `flag/${flag}`, limit: 50 }, signal }),
    }),
  flagVersions: (flag: string) =>
    infiniteQueryOptions({
      queryKey: [...keys.flag(flag), "versions"],
      queryFn: ({ pageParam, signal }) =>
        api.listFlagVersions({
          params: { project, flag },
          query: { limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) },
          signal,
        }),
      initialPageParam: "",
      getNextPageParam: (page) => page.next,
    }),
  flagEnvironments: () =>
    queryOptions({
      queryKey: [...keys.flags, "environments"],
      queryFn: ({ signal }) => api.listFlagEnvironments({ params: { project }, signal }),
    }),
  flagComparison: (from: string, to: string) =>
    queryOptions({
      queryKey: [...keys.flags, "comparison", from, to],
      queryFn: ({ signal }) => api.compareFlagEnvironments({ params: { project }, query: { from, to }, signal }),
    }),
  flagProposals: (flag?: string) =>
    infiniteQueryOptions({
      queryKey: [...keys.flags, "proposals", flag ?? ""],
      queryFn: ({ pageParam, signal }) =>
        api.listFlagProposals({
          params: { project },
          query: { limit: PAGE, ...(flag ? { flag } : {}), ...(pageParam ? { cursor: pageParam } : {}) },
          signal,
        }),
      initialPageParam: "",
      getNextPageParam: (page) => page.next,
    }),
  flagSegments: () =>
    queryOptions({
      queryKey: [...keys.flags, "segments"],
      queryFn: ({ signal }) => api.listFlagSegments({ params: { project }, signal }),
    }),
  flagKeys: () =>
    queryOptions({
      queryKey: [...keys.flags, "keys"],
      queryFn: ({ signal }) => api.listFlagKeys({ params: { project }, signal }),
    }),
  pauses: () =>
    queryOptions({
      queryKey: keys.pauses,
      queryFn: ({ signal }) => api.listDeploymentPauses({ params: { project }, signal }),
      refetchInterval: PAUSES_EVERY_MS,
    }),
  rollbackPlan: (service: string, environment: string, releaseId: string) =>
    queryOptions({
      queryKey: keys.rollbackPlan(service, environment, releaseId),
      queryFn: ({ signal }) =>
        api.planRollback({
          params: { project, service },
          query: { environment, ...(releaseId ? { releaseId } : {}) },
          signal,
        }),
      staleTime: 0,
    }),
  deployment: (deploymentId: string) =>
    queryOptions({
      queryKey: keys.deployment(deploymentId),
      queryFn: ({ signal }) => api.getDeployment({ params: { project, deploymentId }, signal }),
    }),
  rollout: (rolloutId: string) =>
    queryOptions({
      queryKey: keys.rollout(rolloutId),
      queryFn: ({ signal }) => api.getRollout({ params: { project, rolloutId }, signal }),
      // While it starts nothing may come by the stream for minutes: an answer that was overtaken by it must not stay.
      refetchInterval: ({ state }) => (state.data?.state === "starting" ? STARTING_EVERY_MS : false),
    }),
  looks: (rolloutId: string) =>
    queryOptions({
      queryKey: keys.looks(rolloutId),
      queryFn: ({ signal }) => api.listLooks({ params: { project, rolloutId }, signal }),
    }),
  explanation: (rolloutId: string) =>
    queryOptions({
      queryKey: keys.explanation(rolloutId),
      queryFn: ({ signal }) => api.explainRollout({ params: { project, rolloutId }, signal }),
    }),
  newestEntries: () =>
    queryOptions({
      queryKey: [...keys.ledger, "newest"],
      queryFn: ({ signal }) => api.listLedger({ query: { limit: 10 }, signal }),
    }),
  ledger: (type: string, subject: string) =>
    infiniteQueryOptions({
      queryKey: keys.ledgerList(type, subject),
      queryFn: ({ pageParam, signal }) =>
        api.listLedger({
          query: {
            limit: 50,
            ...(type ? { type } : {}),
            ...(subject ? { subject } : {}),
            ...(pageParam ? { cursor: pageParam } : {}),
          },
          signal,
        }),
      initialPageParam: "",
      getNextPageParam: (page) => page.next,
    }),
  ledgerEntry: (sequence: number) =>
    queryOptions({
      queryKey: keys.ledgerEntry(sequence),
      queryFn: ({ signal }) => api.getLedgerEntry({ params: { project, sequence: String(sequence) }, signal }),
    }),
  ledgerProof: (sequence: number) =>
    queryOptions({
      queryKey: keys.ledgerProof(sequence),
      queryFn: ({ signal }) => api.getLedgerProof({ params: { project, sequence: String(sequence) }, signal }),
      // A checkpoint is signed within a second of an entry: one more try covers an entry that is brand-new.
      retry: 2,
      retryDelay: 1_200,
    }),
  tokens: () =>
    queryOptions({ queryKey: keys.tokens, queryFn: ({ signal }) => api.listTokens({ query: { limit: 200 }, signal }) }),
  people: () =>
    queryOptions({ queryKey: keys.people, queryFn: ({ signal }) => api.listPeople({ query: { limit: 200 }, signal }) }),
  /** What waits for people; its number stands in the navigation. */
  waitingApprovals: () =>
    queryOptions({
      queryKey: [...keys.approvals, "waiting"],
      queryFn: ({ signal }) => api.listApprovals({ query: { state: "waiting", limit: 200 }, signal }),
    }),
  approvals: () =>
    infiniteQueryOptions({
      queryKey: [...keys.approvals, "all"],
      queryFn: ({ pageParam, signal }) =>
        api.listApprovals({ query: { limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) }, signal }),
      initialPageParam: "",
      getNextPageParam: (page) => page.next,
    }),
  approval: (approvalId: string) =>
    queryOptions({
      queryKey: [...keys.approvals, "one", approvalId],
      queryFn: ({ signal }) => api.getApproval({ params: { project, approvalId }, signal }),
    }),
  freezes: () =>
    queryOptions({ queryKey: keys.freezes, queryFn: ({ signal }) => api.listFreezes({ params: { project }, signal }) }),
  /** A backup's progress is no entry of the ledger: while one is taken, and only then, it is asked for. */
  backups: () =>
    queryOptions({
      queryKey: keys.backups,
      queryFn: ({ signal }) => api.listBackups({ signal }),
      refetchInterval: (query) => (query.state.data?.items.some((backup) => backup.state === "running") ? 500 : false),
    }),
  notificationChannels: () =>
    queryOptions({
      queryKey: [...keys.notifications, "channels"],
      queryFn: ({ signal }) => api.listNotificationChannels({ signal }),
      refetchInterval: DELIVERIES_EVERY_MS,
    }),
  notificationRules: () =>
    queryOptions({
      queryKey: [...keys.notifications, "rules"],
      queryFn: ({ signal }) => api.listNotificationRules({ signal }),
    }),
  notificationDeliveries: (state: DeliveryState | "all") =>
    infiniteQueryOptions({
      queryKey: [...keys.notifications, "deliveries", state],
      queryFn: ({ pageParam, signal }) =>
        api.listNotificationDeliveries({
          query: {
            limit: PAGE,
            ...(state === "all" ? {} : { state }),
            ...(pageParam ? { cursor: pageParam } : {}),
          },
          signal,
        }),
      initialPageParam: "",
      getNextPageParam: (page) => page.next,
      refetchInterval: DELIVERIES_EVERY_MS,
    }),
  system: () =>
    queryOptions({ queryKey: keys.system, queryFn: ({ signal }) => api.getSystem({ signal }), staleTime: 0 }),
  targets: () =>
    queryOptions({
      queryKey: keys.targets,
      queryFn: ({ signal }) => api.listTargets({ params: { project }, query: { limit: 200 }, signal }),
      staleTime: 0,
      refetchInterval: PIPELINE_EVERY_MS,
    }),
  pipeline: () =>
    queryOptions({
      queryKey: keys.pipeline,
      queryFn: ({ signal }) => api.getPipeline({ query: { limit: 30 }, signal }),
      staleTime: 0,
      refetchInterval: PIPELINE_EVERY_MS,
    }),
  /** The one that is asked for again by the clock: these figures change all the time, and only for who looks at them. */
  health: () =>
    queryOptions({
      queryKey: keys.health,
      queryFn: ({ signal }) => api.getHealth({ signal }),
      staleTime: 0,
      refetchInterval: HEALTH_EVERY_MS,
    }),
};
