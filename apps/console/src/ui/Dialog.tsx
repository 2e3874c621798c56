import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import { type ReactNode, useRef } from "react";
import { IconButton } from "./Button.tsx";

/** What one came to fill in gets the focus, not the cross that closes. */
function focusFirstField(event: Event): void {
  const content = event.currentTarget;
  if (!(content instanceof HTMLElement)) return;
  const field = content.querySelector<HTMLElement>("textarea, select, input:checked, input:not([type=radio])");
  if (!field) return;
  event.preventDefault();
  field.focus();
}

/** A window over the page: focus stays inside, Escape closes, and what opened it gets the focus back. */
export function Dialog(o: {
  open: boolean;
  onClose: () => void;
  title: string;
  description: ReactNode;
  children: ReactNode;
  wide?: boolean;
}) {
  // Radix gives the focus back to a trigger of its own alone, and these are opened from anywhere.
  const opener = useRef<Element | null>(null);
  return (
    <Radix.Root open={o.open} onOpenChange={(open) => !open && o.onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-(--overlay)" />
        <Radix.Content
          onOpenAutoFocus={(event) => {
            opener.current = document.activeElement;
            focusFirstField(event);
          }}
          onCloseAutoFocus={(event) => {
            if (!(opener.current instanceof HTMLElement && opener.current.isConnected)) return;
            event.preventDefault();
            opener.current.focus();
          }}
          className={`raised appear fixed top-1/2 left-1/2 z-50 max-h-[calc(100dvh-2rem)] w-[calc(100vw-1.5rem)] -translate-x-1/2 -translate-y-1/2 overflow-y-auto rounded-xl ${o.wide ? "max-w-2xl" : "max-w-md"}`}
        >
          <div className="flex items-start gap-3 px-5 pt-4">
            <div className="min-w-0 flex-1">
              <Radix.Title className="m-0 text-lg font-semibold">{o.title}</Radix.Title>
              <Radix.Description asChild>
                <div className="mt-0.5 text-muted">{o.description}</div>
              </Radix.Description>
            </div>
            <Radix.Close asChild>
              <IconButton label="Close" className="-mr-2">
                <X size={16} aria-hidden />
              </IconButton>
            </Radix.Close>
          </div>
          <div className="px-5 pt-4 pb-5">{o.children}</div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
