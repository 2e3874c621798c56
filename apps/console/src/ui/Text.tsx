import { Link } from "@tanstack/react-router";
import { Check, Copy } from "lucide-react";
import { type ReactNode, useState } from "react";
import { ago, moment } from "./format.ts";
import { useNow } from "./now.ts";

/** A moment as how long ago it was; the exact time on hover and for machines. */
export function Ago({ at }: { at: string }) {
  const now = useNow();
  return (
    <time dateTime={at} title={moment(at)} className="whitespace-nowrap">
      {ago(at, now)}
    </time>
  );
}

export function A({ href, children, className = "" }: { href: string; children: ReactNode; className?: string }) {
  return (
    <Link to={href} className={`link ${className}`}>
      {children}
    </Link>
  );
}

export function Mono({ children, className = "" }: { children: ReactNode; className?: string }) {
  return <code className={`font-mono text-[0.92em] ${className}`}>{children}</code>;
}

/** Copies a text and says so, to eyes and to screen readers. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const [done, setDone] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    setDone(true);
    window.setTimeout(() => setDone(false), 1_500);
  };
  return (
    <button
      type="button"
      onClick={() => void copy()}
      aria-label={done ? "Copied" : label}
      title={label}
      className="inline-flex size-6 items-center justify-center rounded align-middle text-muted hover:bg-hover hover:text-ink"
    >
      {done ? <Check size={13} aria-hidden /> : <Copy size={13} aria-hidden />}
      <span role="status" className="sr-only">
        {done ? "Copied" : ""}
      </span>
    </button>
  );
}

export function Kbd({ children }: { children: ReactNode }) {
  return (
    <kbd className="inline-flex h-5 min-w-5 items-center justify-center rounded border border-line-strong bg-sunken px-1 font-sans text-2xs text-soft">
      {children}
    </kbd>
  );
}

/** Text of a machine: output, JSON, a note. Scrolls by itself and can be focused to be scrolled by keys. */
export function Code({ children, label, className = "" }: { children: string; label: string; className?: string }) {
  return (
    <section
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard.
      tabIndex={0}
      className={`max-h-96 overflow-auto rounded-md border border-line bg-sunken ${className}`}
    >
      <pre className="m-0 w-max min-w-full p-3 font-mono text-xs leading-5 text-soft">{children}</pre>
    </section>
  );
}
