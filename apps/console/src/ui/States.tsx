import { CircleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { ApiError } from "../api/client.ts";
import { Button } from "./Button.tsx";
import { CopyButton } from "./Text.tsx";

/** What a part of a page shows when it has nothing, waits, or failed. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="px-4 py-8 text-center">
      <p className="m-0 font-medium">{title}</p>
      {children && <div className="mx-auto mt-1 max-w-[52ch] text-muted">{children}</div>}
    </div>
  );
}

/** Grey bars in the shape of what comes. */
export function Skeleton({ rows = 3, className = "h-4" }: { rows?: number; className?: string }) {
  return (
    <div role="status" className="flex flex-col gap-3 p-4">
      <span className="sr-only">Loading</span>
      {Array.from({ length: rows }, (_, i) => (
        <div
          // biome-ignore lint/suspicious/noArrayIndexKey: bars without identity.
          key={i}
          className={`breathe rounded bg-hover ${className}`}
          style={{ width: `${92 - ((i * 17) % 40)}%` }}
        />
      ))}
    </div>
  );
}

export function PageSkeleton() {
  return (
    <div className="flex flex-col gap-6">
      <div className="breathe h-8 w-56 rounded bg-hover" />
      <div className="rounded-lg border border-line bg-surface">
        <Skeleton rows={4} />
      </div>
      <div className="rounded-lg border border-line bg-surface">
        <Skeleton rows={6} />
      </div>
    </div>
  );
}

/** What happened, what to do, the request's id for the log, and another try. */
export function ErrorPanel({ error, retry }: { error: unknown; retry?: () => void }) {
  const problem = error instanceof ApiError ? error.problem : null;
  const title = problem?.title ?? "Something in the console went wrong";
  const detail = problem?.detail ?? (error instanceof Error ? error.message : String(error));
  return (
    <div role="alert" className="flex gap-3 p-4">
      <CircleAlert size={18} className="mt-0.5 shrink-0 text-bad" aria-hidden />
      <div className="min-w-0">
        <p className="m-0 font-semibold">{title}</p>
        <p className="m-0 mt-1 break-words text-soft">{detail}</p>
        {problem?.remedy && <p className="m-0 mt-1 text-soft">{problem.remedy}</p>}
        {problem?.requestId && (
          <p className="m-0 mt-2 flex flex-wrap items-center gap-1 text-xs text-muted">
            Request <code className="font-mono break-all">{problem.requestId}</code>
            <CopyButton text={problem.requestId} label="Copy the request's id" />
          </p>
        )}
        {retry && (
          <Button size="small" className="mt-3" onClick={retry}>
            Try again
          </Button>
        )}
      </div>
    </div>
  );
}
