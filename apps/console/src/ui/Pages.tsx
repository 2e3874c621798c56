import type { ReactNode } from "react";
import { Button } from "./Button.tsx";
import { ErrorPanel, Skeleton } from "./States.tsx";

interface Paged<T> {
  data?: { pages: { items: T[] }[] } | undefined;
  error: unknown;
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
  refetch: () => unknown;
}

/** A list that grows by pages: its states and the button for more. */
export function Pages<T>({
  query: q,
  empty,
  more = "Show older ones",
  children,
}: {
  query: Paged<T>;
  empty: ReactNode;
  more?: string;
  children: (items: T[]) => ReactNode;
}) {
  const items = q.data?.pages.flatMap((p) => p.items);
  if (!items) return q.error ? <ErrorPanel error={q.error} retry={() => void q.refetch()} /> : <Skeleton rows={8} />;
  if (items.length === 0) return empty;
  return (
    <>
      {children(items)}
      {q.hasNextPage && (
        <div className="border-t border-line p-2 text-center">
          <Button kind="quiet" busy={q.isFetchingNextPage} onClick={() => void q.fetchNextPage()}>
            {more}
          </Button>
        </div>
      )}
    </>
  );
}
