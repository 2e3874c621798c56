import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { ApiError, isUnauthenticated } from "./api/client.ts";
import { to } from "./paths.ts";

/** A session that ended leads to signing in, and from there back to where one was. */
function onError(error: unknown): void {
  if (!isUnauthenticated(error) || window.location.pathname === "/sign-in") return;
  const here = window.location.pathname + window.location.search;
  window.location.assign(to.signIn(here === "/" ? undefined : here));
}

/** Only what may pass by itself is tried again: an answer that says no says it again. */
const mayPass = (error: unknown): boolean =>
  error instanceof ApiError && (error.problem.status === 0 || error.problem.status >= 502);

export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: {
    queries: {
      // The stream keeps the cache fresh, not the clock.
      staleTime: Number.POSITIVE_INFINITY,
      gcTime: 10 * 60_000,
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
      retry: (failures, error) => failures < 2 && mayPass(error),
      retryDelay: 800,
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});
