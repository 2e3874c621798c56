import { CircleQuestionMark } from "lucide-react";
import { Popover as Radix } from "radix-ui";
import type { ReactNode } from "react";

/** A small question mark that explains what stands beside it. */
export function Explain({ about, children }: { about: string; children: ReactNode }) {
  return (
    <Radix.Root>
      <Radix.Trigger
        aria-label={`What is ${about}?`}
        className="inline-flex size-6 items-center justify-center rounded-full text-muted hover:bg-hover hover:text-ink"
      >
        <CircleQuestionMark size={14} aria-hidden />
      </Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          sideOffset={4}
          collisionPadding={12}
          aria-label={about}
          className="raised appear z-50 w-80 max-w-[calc(100vw-1.5rem)] flex flex-col gap-2 rounded-lg p-4 text-sm text-soft"
        >
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
