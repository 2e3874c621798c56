import { CircleCheck, CircleX, X } from "lucide-react";
import { Toast } from "radix-ui";
import { useSyncExternalStore } from "react";
import { IconButton } from "./Button.tsx";

/** Results of actions, told once: at the edge of the page and to screen readers. */
interface Told {
  readonly id: number;
  readonly tone: "good" | "bad";
  readonly title: string;
  readonly words?: string | undefined;
}
let told: readonly Told[] = [];
let number = 0;
const watchers = new Set<() => void>();
const set = (next: readonly Told[]): void => {
  told = next;
  for (const watch of watchers) watch();
};
const tell = (tone: Told["tone"], title: string, words?: string): void => {
  number += 1;
  set([...told.slice(-3), { id: number, tone, title, words }]);
};
export const toast = {
  done: (title: string, words?: string) => tell("good", title, words),
  failed: (title: string, words?: string) => tell("bad", title, words),
};

export function Toasts() {
  const list = useSyncExternalStore(
    (watch) => {
      watchers.add(watch);
      return () => watchers.delete(watch);
    },
    () => told,
  );
  return (
    <Toast.Provider label="Message" swipeDirection="right">
      {list.map((t) => (
        <Toast.Root
          key={t.id}
          type={t.tone === "bad" ? "foreground" : "background"}
          duration={t.tone === "bad" ? 12_000 : 5_000}
          onOpenChange={(open) => !open && set(told.filter((other) => other.id !== t.id))}
          className="raised appear flex items-start gap-2.5 rounded-lg p-3"
        >
          {t.tone === "good" ? (
            <CircleCheck size={16} className="mt-0.5 shrink-0 text-good" aria-hidden />
          ) : (
            <CircleX size={16} className="mt-0.5 shrink-0 text-bad" aria-hidden />
          )}
          <div className="min-w-0 flex-1">
            <Toast.Title className="font-medium">{t.title}</Toast.Title>
            {t.words && <Toast.Description className="mt-0.5 break-words text-soft">{t.words}</Toast.Description>}
          </div>
          <Toast.Close asChild>
            <IconButton label="Dismiss" className="-m-1 size-6">
              <X size={14} aria-hidden />
            </IconButton>
          </Toast.Close>
        </Toast.Root>
      ))}
      <Toast.Viewport
        label="Messages ({hotkey})"
        className="fixed right-3 bottom-3 z-60 m-0 flex w-[calc(100vw-1.5rem)] max-w-sm list-none flex-col gap-2 p-0 outline-none"
      />
    </Toast.Provider>
  );
}
