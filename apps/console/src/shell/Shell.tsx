import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Outlet, useLocation } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { isUnauthenticated } from "../api/client.ts";
import { queries } from "../api/queries.ts";
import { follow } from "../api/stream.ts";
import { warmUp } from "../lazy-page.tsx";
import { to } from "../paths.ts";
import { ErrorPanel, PageSkeleton } from "../ui/States.tsx";
import { Toasts } from "../ui/Toasts.tsx";
import { Announcer } from "./Announcer.tsx";
import { FreezeBanner } from "./FreezeBanner.tsx";
import { Header } from "./Header.tsx";
import { ShortcutSheet } from "./ShortcutSheet.tsx";
import { StreamBanner } from "./StreamBanner.tsx";
import { useShortcuts } from "./shortcuts.ts";

/** Nothing to see until it is asked for: fetched when the page rests, so that it opens at once. */
const loadPalette = () => import("./CommandPalette.tsx");
const CommandPalette = lazy(async () => ({ default: (await loadPalette()).CommandPalette }));

/** The frame of every page: header, the page as the one main landmark, and what may open over it. */
export function Shell() {
  const client = useQueryClient();
  const me = useQuery(queries.me());
  const [open, setOpen] = useState<"palette" | "help" | null>(null);
  const main = useRef<HTMLElement>(null);
  const { pathname, search } = useLocation();
  // A screen on the wall has nobody who would go elsewhere.
  const isWall = pathname === to.deployments() && String((search as { wall?: unknown }).wall) === "1";
  const first = useRef(true);
  const signedIn = me.data !== undefined;

  useEffect(() => (signedIn ? follow(client) : undefined), [client, signedIn]);
  // Going to another page moves the focus to it, as loading a page would.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the path is what the focus follows.
  useEffect(() => {
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
  }, [pathname]);
  useEffect(() => {
    const timer = window.setTimeout(() => {
      warmUp();
      loadPalette().catch(() => {});
    }, 2_000);
    return () => window.clearTimeout(timer);
  }, []);
  useShortcuts(setOpen);

  return (
    <>
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 focus:rounded-md focus:bg-surface focus:px-3 focus:py-2"
      >
        Skip to the page
      </a>
      {isWall || <Header me={me.data} onPalette={() => setOpen("palette")} onHelp={() => setOpen("help")} />}
      <StreamBanner />
      {signedIn && <FreezeBanner />}
      <main id="main" ref={main} tabIndex={-1} className="mx-auto max-w-[1240px] px-4 pt-6 pb-20 sm:px-6">
        {signedIn ? (
          <Outlet />
        ) : me.error && !isUnauthenticated(me.error) ? (
          <div className="rounded-lg border border-line bg-surface">
            <h1 className="sr-only">The console can't start</h1>
            <ErrorPanel error={me.error} retry={() => void me.refetch()} />
          </div>
        ) : (
          <PageSkeleton />
        )}
      </main>
      {open === "palette" && (
        <Suspense>
          <CommandPalette onOpen={setOpen} />
        </Suspense>
      )}
      <ShortcutSheet open={open === "help"} onClose={() => setOpen(null)} />
      <Toasts />
      <Announcer />
    </>
  );
}
