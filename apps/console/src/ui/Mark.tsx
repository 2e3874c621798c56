/** The mark: a key in a tile. Beside it stands the name, so that it says nothing itself. */
export function Mark({ className }: { className: string }) {
  return (
    <svg viewBox="0 0 32 32" className={className} aria-hidden="true">
      <rect width="32" height="32" rx="7" className="fill-accent" />
      <circle cx="12" cy="16" r="5" fill="none" strokeWidth="2.6" className="stroke-accent-ink" />
      <path d="M17 16h9M23 16v4.5" fill="none" strokeWidth="2.6" strokeLinecap="round" className="stroke-accent-ink" />
    </svg>
  );
}
