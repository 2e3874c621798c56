import { Link } from "@tanstack/react-router";
import type { ButtonHTMLAttributes, ReactNode } from "react";

type Kind = "primary" | "plain" | "quiet" | "danger";
type Size = "small" | "normal";

const KINDS: Record<Kind, string> = {
  primary: "bg-accent text-accent-ink border-transparent hover:brightness-95",
  plain: "bg-surface text-ink border-line-strong hover:bg-hover",
  quiet: "bg-transparent text-soft border-transparent hover:bg-hover hover:text-ink",
  danger: "bg-surface text-bad border-line-strong hover:bg-bad-soft",
};
const SIZES: Record<Size, string> = { small: "h-7 px-2 text-xs gap-1.5", normal: "h-8 px-3 text-sm gap-2" };

const look = (kind: Kind, size: Size): string =>
  `inline-flex items-center justify-center whitespace-nowrap rounded-md border font-medium no-underline transition-colors disabled:opacity-50 ${KINDS[kind]} ${SIZES[size]}`;

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly kind?: Kind;
  readonly size?: Size;
  /** Says that the action is under way, and takes no second press. */
  readonly busy?: boolean;
}

export function Button({ kind = "plain", size = "normal", busy = false, className = "", children, ...rest }: Props) {
  return (
    <button
      type="button"
      {...rest}
      disabled={rest.disabled || busy}
      aria-busy={busy || undefined}
      className={`${look(kind, size)} ${className}`}
    >
      {busy && <span className="size-3 rounded-full border-2 border-current border-r-transparent animate-spin" />}
      {children}
    </button>
  );
}

export function LinkButton(o: { href: string; kind?: Kind; size?: Size; children: ReactNode; className?: string }) {
  return (
    <Link to={o.href} className={`${look(o.kind ?? "plain", o.size ?? "normal")} ${o.className ?? ""}`}>
      {o.children}
    </Link>
  );
}

export function IconButton({
  label,
  children,
  className = "",
  ...rest
}: ButtonHTMLAttributes<HTMLButtonElement> & { label: string }) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      {...rest}
      className={`inline-flex size-8 shrink-0 items-center justify-center rounded-md text-muted hover:bg-hover hover:text-ink ${className}`}
    >
      {children}
    </button>
  );
}
