import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, project } from "./client.ts";

/** Facts are no entries of the ledger: who looks at the figures asks again. Not while the page is hidden. */
const FIGURES_EVERY_MS = 15_000;
const PAGE = 50;

export interface WindowQuery {
  readonly service?: string;
  /** Moments in UTC; the end does not belong to the window. */
  readonly from?: string;
  readonly to?: string;
}
export interface DoraQuery extends WindowQuery {
  readonly by: "day" | "week" | "month";
  readonly definition: "dora-2025" | "dora-2021" | "guide";
  readonly asKnownAt?: string;
}

export const insightKeys = { all: ["insights"] } as const;

/** The queries of the pages of Insights. Another window keeps the old picture until the new one is there. */
export const insightQueries = {
  dora: (query: DoraQuery) =>
    queryOptions({
      queryKey: [...insightKeys.all, "dora", query],
      queryFn: ({ signal }) => api.getDora({ params: { project }, query, signal }),
      placeholderData: keepPreviousData,
      staleTime: 0,
      refetchInterval: FIGURES_EVERY_MS,
    }),
  deployments: (query: WindowQuery & { readonly only?: "failed" | "rework" | "counted" }) =>
    infiniteQueryOptions({
      queryKey: [...insightKeys.all, "deployments", query],
      queryFn: ({ pageParam, signal }) =>
        api.listInsightDeployments({
          params: { project },
          query: { ...query, limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) },
          signal,
        }),
      initialPageParam: "",
      getNextPageParam: (page) => page.next,
      staleTime: 0,
    }),
  incidents: (query: WindowQuery) =>
    infiniteQueryOptions({
      queryKey: [...insightKeys.all, "incidents", query],
      queryFn: ({ pageParam, signal }) =>
        api.listInsightIncidents({
          params: { project },
          query: { ...query, limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) },
          signal,
        }),
      initialPageParam: "",
      getNextPageParam: (page) => page.next,
      staleTime: 0,
    }),
  conflicts: () =>
    infiniteQueryOptions({
      queryKey: [...insightKeys.all, "conflicts"],
      queryFn: ({ pageParam, signal }) =>
        api.listInsightConflicts({
          params: { project },
          query: { limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) },
          signal,
        }),
      initialPageParam: "",
      getNextPageParam: (page) => page.next,
      staleTime: 0,
    }),
};
