import { createRootRoute, createRoute, createRouter, Outlet } from "@tanstack/react-router";
import { queries } from "./api/queries.ts";
import { lazyPage } from "./lazy-page.tsx";
import { OverviewPage } from "./pages/delivery/OverviewPage.tsx";
import { NotFoundPage } from "./pages/NotFoundPage.tsx";
import { queryClient } from "./query-client.ts";
import * as search from "./search.ts";
import { Shell } from "./shell/Shell.tsx";
import { ErrorPanel, PageSkeleton } from "./ui/States.tsx";

/** The console's pages. Addresses are made by `paths.ts`; what stands behind "?" is read by `search.ts`. */
const root = createRootRoute({ component: Outlet, notFoundComponent: () => <NotFoundPage /> });

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: search.signIn,
  component: lazyPage(() => import("./pages/security/SignInPage.tsx"), "SignInPage"),
});

/** Everything for people who are signed in. */
const shell = createRoute({
  getParentRoute: () => root,
  id: "shell",
  loader: () => void queryClient.prefetchQuery(queries.me()),
  component: Shell,
});

const overview = createRoute({
  getParentRoute: () => shell,
  path: "/",
  loader: () => {
    // All at once, not one after another: the overview is what people open first.
    void queryClient.prefetchQuery(queries.services());
    void queryClient.prefetchQuery(queries.recentDeployments());
    void queryClient.prefetchQuery(queries.newestEntries());
  },
  component: OverviewPage,
});
const service = createRoute({
  getParentRoute: () => shell,
  path: "/services/$service",
  validateSearch: search.service,
  loader: ({ params }) => void queryClient.prefetchQuery(queries.service(params.service)),
  component: lazyPage(() => import("./pages/catalog/ServicePage.tsx"), "ServicePage"),
});
const deployments = createRoute({
  getParentRoute: () => shell,
  path: "/deployments",
  validateSearch: search.deployments,
  loader: () => {
    void queryClient.prefetchQuery(queries.services());
    void queryClient.prefetchQuery(queries.pauses());
  },
  component: lazyPage(() => import("./pages/delivery/DeploymentsPage.tsx"), "DeploymentsPage"),
});
const deployment = createRoute({
  getParentRoute: () => shell,
  path: "/deployments/$deploymentId",
  validateSearch: search.deployment,
  loader: ({ params }) => void queryClient.prefetchQuery(queries.deployment(params.deploymentId)),
  component: lazyPage(() => import("./pages/delivery/DeploymentPage.tsx"), "DeploymentPage"),
});
const release = createRoute({
  getParentRoute: () => shell,
  path: "/releases/$releaseId",
  validateSearch: search.release,
  loader: ({ params }) => void queryClient.prefetchQuery(queries.release(params.releaseId)),
  component: lazyPage(() => import("./pages/catalog/ReleasePage.tsx"), "ReleasePage"),
});
const rollout = createRoute({
  getParentRoute: () => shell,
  path: "/rollouts/$rolloutId",
  validateSearch: search.rollout,
  loader: ({ params }) => {
    void queryClient.prefetchQuery(queries.rollout(params.rolloutId));
    void queryClient.prefetchQuery(queries.looks(params.rolloutId));
  },
  component: lazyPage(() => import("./pages/delivery/RolloutPage.tsx"), "RolloutPage"),
});
const pipeline = createRoute({
  getParentRoute: () => shell,
  path: "/pipeline",
  loader: () => void queryClient.prefetchQuery(queries.pipeline()),
  component: lazyPage(() => import("./pages/delivery/PipelinePage.tsx"), "PipelinePage"),
});
const ledger = createRoute({
  getParentRoute: () => shell,
  path: "/ledger",
  validateSearch: search.ledger,
  component: lazyPage(() => import("./pages/ledger/LedgerPage.tsx"), "LedgerPage"),
});
const ledgerEntry = createRoute({
  getParentRoute: () => shell,
  path: "/ledger/$sequence",
  component: lazyPage(() => import("./pages/ledger/EntryPage.tsx"), "EntryPage"),
});
const approvals = createRoute({
  getParentRoute: () => shell,
  path: "/approvals",
  validateSearch: search.approvals,
  loader: () => {
    void queryClient.prefetchQuery(queries.waitingApprovals());
    void queryClient.prefetchQuery(queries.freezes());
  },
  component: lazyPage(() => import("./pages/catalog/ApprovalsPage.tsx"), "ApprovalsPage"),
});
const health = createRoute({
  getParentRoute: () => shell,
  path: "/health",
  loader: () => {
    void queryClient.prefetchQuery(queries.health());
    void queryClient.prefetchQuery(queries.system());
  },
  component: lazyPage(() => import("./pages/health/HealthPage.tsx"), "HealthPage"),
});
const targets = createRoute({
  getParentRoute: () => shell,
  path: "/targets",
  loader: () => void queryClient.prefetchQuery(queries.targets()),
  component: lazyPage(() => import("./pages/delivery/TargetsPage.tsx"), "TargetsPage"),
});
const insights = createRoute({
  getParentRoute: () => shell,
  path: "/insights",
  validateSearch: search.insights,
  loader: () => void queryClient.prefetchQuery(queries.services()),
  component: lazyPage(() => import("./pages/insights/InsightsPage.tsx"), "InsightsPage"),
});
const insightDeployments = createRoute({
  getParentRoute: () => shell,
  path: "/insights/deployments",
  validateSearch: search.insightDeployments,
  component: lazyPage(() => import("./pages/insights/InsightDeploymentsPage.tsx"), "InsightDeploymentsPage"),
});
const insightIncidents = createRoute({
  getParentRoute: () => shell,
  path: "/insights/incidents",
  validateSearch: search.insightIncidents,
  component: lazyPage(() => import("./pages/insights/InsightIncidentsPage.tsx"), "InsightIncidentsPage"),
});
const insightConflicts = createRoute({
  getParentRoute: () => shell,
  path: "/insights/conflicts",
  component: lazyPage(() => import("./pages/insights/InsightConflictsPage.tsx"), "InsightConflictsPage"),
});
const flags = createRoute({
  getParentRoute: () => shell,
  path: "/flags",
  validateSearch: search.flags,
  loader: () => void queryClient.prefetchQuery(queries.flagSegments()),
  component: lazyPage(() => import("./pages/flags/FlagsPage.tsx"), "FlagsPage"),
});
const flag = createRoute({
  getParentRoute: () => shell,
  path: "/flags/$flag",
  validateSearch: search.flag,
  loader: ({ params }) => void queryClient.prefetchQuery(queries.flag(params.flag)),
  component: lazyPage(() => import("./pages/flags/FlagPage.tsx"), "FlagPage"),
});
const compareFlags = createRoute({
  getParentRoute: () => shell,
  path: "/flag-environments/compare",
  validateSearch: search.compareFlags,
  loader: () => void queryClient.prefetchQuery(queries.flagEnvironments()),
  component: lazyPage(() => import("./pages/flags/CompareFlagsPage.tsx"), "CompareFlagsPage"),
});
const editFlag = createRoute({
  getParentRoute: () => shell,
  path: "/flags/$flag/edit",
  validateSearch: search.editFlag,
  loader: ({ params }) => void queryClient.prefetchQuery(queries.flag(params.flag)),
  component: lazyPage(() => import("./pages/flags/edit/EditFlagPage.tsx"), "EditFlagPage"),
});
const flagResults = createRoute({
  getParentRoute: () => shell,
  path: "/flags/$flag/results",
  loader: ({ params }) => {
    void queryClient.prefetchQuery(queries.flagResults(params.flag));
    void queryClient.prefetchQuery(queries.flagEntries(params.flag));
  },
  component: lazyPage(() => import("./pages/flags/ResultsPage.tsx"), "ResultsPage"),
});
const settings = createRoute({
  getParentRoute: () => shell,
  path: "/settings",
  validateSearch: search.settings,
  component: lazyPage(() => import("./pages/security/SettingsPage.tsx"), "SettingsPage"),
});
const notifications = createRoute({
  getParentRoute: () => shell,
  path: "/notifications",
  validateSearch: search.notifications,
  loader: () => {
    void queryClient.prefetchQuery(queries.notificationChannels());
    void queryClient.prefetchQuery(queries.notificationRules());
  },
  component: lazyPage(() => import("./pages/notifications/NotificationsPage.tsx"), "NotificationsPage"),
});

const elsewhere = createRoute({ getParentRoute: () => shell, path: "$", component: () => <NotFoundPage /> });

export const router = createRouter({
  routeTree: root.addChildren([
    signIn,
    shell.addChildren([
      overview,
      service,
      deployments,
      deployment,
      release,
      rollout,
      pipeline,
      approvals,
      ledger,
      ledgerEntry,
      health,
      targets,
      insights,
      insightDeployments,
      insightIncidents,
      insightConflicts,
      flags,
      flag,
      compareFlags,
      editFlag,
      flagResults,
      settings,
      notifications,
      elsewhere,
    ]),
  ]),
  defaultPreload: "intent",
  defaultPreloadStaleTime: 0,
  defaultPendingComponent: PageSkeleton,
  defaultPendingMs: 150,
  defaultErrorComponent: ({ error, reset }) => <ErrorPanel error={error} retry={reset} />,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
