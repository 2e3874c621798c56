import { type ComponentType, lazy, type ReactElement, Suspense } from "react";
import { Button } from "./ui/Button.tsx";
import { PageHead } from "./ui/Section.tsx";
import { PageSkeleton } from "./ui/States.tsx";

/** Fetches of pages that are not on the first load, for `warmUp`. */
const loads: (() => Promise<unknown>)[] = [];

/**
 * A page in a script of its own. The router's own way answers a failed fetch by reloading the page, which loses the
 * console when the server is away: here the page says so, and reloading is the person's choice.
 */
export function lazyPage<K extends string>(load: () => Promise<Record<K, ComponentType>>, name: K): () => ReactElement {
  const once = async (): Promise<{ default: ComponentType }> => {
    try {
      return { default: (await load())[name] };
    } catch {
      return { default: Unloaded };
    }
  };
  loads.push(load);
  const Page = lazy(once);
  return () => (
    <Suspense fallback={<PageSkeleton />}>
      <Page />
    </Suspense>
  );
}

/** Fetches all pages once the first one rests: going anywhere is then immediate, and works while the server is away. */
export function warmUp(): void {
  for (const load of loads) load().catch(() => {});
}

function Unloaded() {
  return (
    <>
      <PageHead
        title="This page could not be loaded"
        lead="The server did not answer, or it has a newer console. Start it with npm start if it is down, then try again."
      />
      <Button kind="primary" onClick={() => window.location.reload()}>
        Try again
      </Button>
    </>
  );
}
