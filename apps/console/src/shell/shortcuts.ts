import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import { queries } from "../api/queries.ts";
import { to } from "../paths.ts";
import { queryClient } from "../query-client.ts";

/** Keys of the console. "g" then a letter goes to a page; single letters act. They rest while one types. */
export const SHORTCUTS: readonly { readonly keys: readonly string[]; readonly words: string }[] = [
  { keys: ["Ctrl", "K"], words: "Search, go anywhere, do anything" },
  { keys: ["/"], words: "The same" },
  { keys: ["?"], words: "This list" },
  { keys: ["g", "o"], words: "Go to the overview" },
  { keys: ["g", "s"], words: "Go to the first service" },
  { keys: ["g", "r"], words: "Go to the rollout under way" },
  { keys: ["g", "p"], words: "Go to the pipeline" },
  { keys: ["g", "a"], words: "Go to what waits for approval" },
  { keys: ["g", "f"], words: "Go to the flags" },
  { keys: ["g", "i"], words: "Go to the insights" },
  { keys: ["g", "l"], words: "Go to the ledger" },
  { keys: ["g", "h"], words: "Go to the server's health" },
  { keys: ["g", "m"], words: "Go to the notifications" },
  { keys: ["g", "t"], words: "Go to the settings" },
  { keys: ["n"], words: "Ship something new" },
  { keys: ["Esc"], words: "Close what is open" },
];

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select"));

function destination(key: string): string | null {
  const services = queryClient.getQueryData(queries.services().queryKey)?.items ?? [];
  const rollout = services.flatMap((s) => s.environments).find((e) => e.rolloutId)?.rolloutId;
  const [first] = services;
  if (key === "o") return to.overview();
  if (key === "p") return to.pipeline();
  if (key === "a") return to.approvals();
  if (key === "f") return to.flags();
  if (key === "i") return to.insights();
  if (key === "l") return to.ledger();
  if (key === "h") return to.health();
  if (key === "m") return to.notifications();
  if (key === "t") return to.settings();
  if (key === "s") return first ? to.service(first.name) : null;
  if (key === "r") return rollout ? to.rollout(rollout) : null;
  return null;
}

export function useShortcuts(open: (what: "palette" | "help") => void): void {
  const navigate = useNavigate();
  useEffect(() => {
    let leaderAt = 0;
    const go = (href: string | null): void => {
      if (href) void navigate({ href });
    };
    const onKey = (event: KeyboardEvent): void => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        open("palette");
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector('[role="dialog"]')) return;
      if (Date.now() - leaderAt < 1_200) {
        leaderAt = 0;
        go(destination(event.key));
        return;
      }
      if (event.key === "g") leaderAt = Date.now();
      else if (event.key === "?") open("help");
      else if (event.key === "/") {
        event.preventDefault();
        open("palette");
      } else if (event.key === "n") {
        const first = queryClient.getQueryData(queries.services().queryKey)?.items[0];
        go(first ? to.ship(first.name) : null);
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [navigate, open]);
}
