import type { ReactNode } from "react";
import { useEffect, useId } from "react";

/** A titled part of a page: a landmark with a heading. */
export function Section(o: {
  title: string;
  note?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  /** Lists and tables bring their own edges. */
  flush?: boolean;
  className?: string;
}) {
  const id = useId();
  return (
    <section aria-labelledby={id} className={`flex min-w-0 flex-col ${o.className ?? ""}`}>
      <div className="mb-2 flex min-h-7 flex-wrap items-center gap-x-3 gap-y-1">
        <h2 id={id} className="m-0 text-sm font-semibold text-ink">
          {o.title}
        </h2>
        {o.note && <div className="text-xs text-muted">{o.note}</div>}
        {o.actions && <div className="ml-auto flex items-center gap-2">{o.actions}</div>}
      </div>
      <div className={`min-w-0 flex-1 rounded-lg border border-line bg-surface ${o.flush ? "overflow-hidden" : "p-4"}`}>
        {o.children}
      </div>
    </section>
  );
}

/** The head of a page: its title is the document's title too. */
export function PageHead(o: {
  title: string;
  over?: ReactNode;
  lead?: ReactNode;
  actions?: ReactNode;
  badge?: ReactNode;
}) {
  useEffect(() => {
    document.title = `${o.title} · Latchkey`;
  }, [o.title]);
  return (
    <header className="mb-6">
      {o.over && <div className="mb-1 flex flex-wrap items-center gap-x-2 text-xs text-muted">{o.over}</div>}
      <div className="flex flex-wrap items-start gap-x-4 gap-y-3">
        <div className="min-w-0 flex-1 basis-64">
          <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
            <h1 tabIndex={-1} className="m-0 text-2xl leading-8 font-semibold tracking-tight break-words">
              {o.title}
            </h1>
            {o.badge}
          </div>
          {o.lead && <div className="mt-1 max-w-[75ch] text-base text-soft">{o.lead}</div>}
        </div>
        {o.actions && <div className="flex flex-wrap items-center gap-2">{o.actions}</div>}
      </div>
    </header>
  );
}

/** `wide` facts take the room of two. */
export type Fact = readonly [label: string, value: ReactNode, size?: "wide"] | null;

/** A label above a value: the grid of facts on a page. */
export function Facts({ items }: { items: readonly Fact[] }) {
  return (
    <dl className="m-0 grid grid-cols-[repeat(auto-fill,minmax(9.5rem,1fr))] gap-x-6 gap-y-3">
      {items.map(
        (item) =>
          item && (
            <div key={item[0]} className={`min-w-0 ${item[2] === "wide" ? "sm:col-span-2" : ""}`}>
              <dt className="text-xs text-muted">{item[0]}</dt>
              <dd className="m-0 mt-0.5 break-words text-ink">{item[1]}</dd>
            </div>
          ),
      )}
    </dl>
  );
}
