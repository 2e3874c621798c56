import { useQuery } from "@tanstack/react-query";
import { Link, useLocation } from "@tanstack/react-router";
import { CircleHelp, LogOut, Monitor, Moon, Search, Sun } from "lucide-react";
import { DropdownMenu as Menu } from "radix-ui";
import { queries } from "../api/queries.ts";
import { useStreamStatus } from "../api/stream.ts";
import type { Me } from "../api/types.ts";
import { to } from "../paths.ts";
import { IconButton } from "../ui/Button.tsx";
import { Mark } from "../ui/Mark.tsx";
import { Kbd } from "../ui/Text.tsx";
import { chooseTheme, THEMES, type Theme, useTheme } from "../ui/theme.ts";
import { signOut } from "./sign-out.ts";

const isMac = /Mac|iP(hone|ad)/.test(navigator.userAgent);
const THEME_NAMES: Record<Theme, string> = { system: "As the system", light: "Light", dark: "Dark" };

function Logo() {
  return (
    <Link
      to={to.overview()}
      className="flex items-center gap-2 rounded text-ink no-underline"
      aria-label="Latchkey, overview"
    >
      <Mark className="size-6" />
      <span className="hidden font-semibold tracking-tight sm:inline">Latchkey</span>
    </Link>
  );
}

/** The pages always, and the services by name where there is room. A narrow screen scrolls them sideways. */
function Navigation() {
  const { pathname } = useLocation();
  const services = useQuery(queries.services());
  const waiting = useQuery(queries.waitingApprovals());
  // What others must decide is not news for me.
  const mine = (waiting.data?.items ?? []).filter((approval) => approval.whyNot === null).length;
  const links = [
    { href: to.overview(), label: "Overview", here: pathname === "/" },
    ...(services.data?.items ?? []).slice(0, 4).map((s) => ({
      href: to.service(s.name),
      label: s.name,
      here: pathname === to.service(s.name),
      wide: true,
    })),
    { href: to.pipeline(), label: "Pipeline", here: pathname === "/pipeline" },
    { href: to.approvals(), label: "Approvals", here: pathname === "/approvals", count: mine },
    { href: to.deployments(), label: "Deployments", here: pathname === "/deployments" },
    { href: to.flags(), label: "Flags", here: pathname.startsWith("/flag") },
    { href: to.insights(), label: "Insights", here: pathname.startsWith("/insights") },
    { href: to.ledger(), label: "Ledger", here: pathname.startsWith("/ledger") },
    { href: to.health(), label: "Health", here: pathname === "/health" },
    { href: to.settings(), label: "Settings", here: pathname === "/settings" },
  ];
  return (
    <nav aria-label="Pages" className="flex min-w-0 items-center gap-0.5 overflow-x-auto sm:gap-1">
      {links.map((l) => (
        <Link
          key={l.href}
          to={l.href}
          aria-current={l.here ? "page" : undefined}
          className={`rounded-md px-2 py-1.5 font-medium whitespace-nowrap no-underline transition-colors sm:px-2.5 ${
            l.here ? "bg-hover text-ink" : "text-soft hover:bg-hover hover:text-ink"
          } ${"wide" in l ? "hidden md:block" : ""}`}
        >
          {l.label}
          {"count" in l && l.count > 0 && (
            <>
              {" "}
              <span className="ml-0.5 rounded-full bg-accent px-1.5 py-0.5 text-2xs font-semibold text-accent-ink">
                {l.count}
                <span className="sr-only"> wait for you</span>
              </span>
            </>
          )}
        </Link>
      ))}
    </nav>
  );
}

function LiveMark() {
  const status = useStreamStatus();
  const live = status.kind === "live";
  const words = live ? "Live" : status.kind === "connecting" ? "Connecting" : "Offline";
  return (
    <span
      title={live ? "Changes appear as they happen" : words}
      className="hidden items-center gap-1.5 px-1 text-xs text-muted lg:flex"
    >
      <span className={`size-2 rounded-full ${live ? "bg-good" : "bg-warn"}`} aria-hidden />
      {words}
    </span>
  );
}

const ITEM =
  "flex h-8 cursor-default items-center gap-2.5 rounded px-2 outline-none data-highlighted:bg-hover data-[state=checked]:font-medium";

function Account({ me }: { me: Me }) {
  const theme = useTheme();
  const icons: Record<Theme, typeof Sun> = { system: Monitor, light: Sun, dark: Moon };
  return (
    <Menu.Root modal={false}>
      <Menu.Trigger
        aria-label={`${me.principal.name.slice(0, 2)}: account of ${me.principal.name}`}
        className="flex size-7 shrink-0 items-center justify-center rounded-full border border-line-strong bg-sunken text-xs font-semibold text-soft uppercase hover:bg-hover"
      >
        {me.principal.name.slice(0, 2)}
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Content align="end" sideOffset={6} className="raised appear z-50 w-56 rounded-lg p-1.5">
          <div className="px-2 pt-1 pb-2">
            <div className="font-medium">{me.principal.name}</div>
            <div className="text-xs text-muted">
              {me.principal.role} of project {me.project}
            </div>
          </div>
          <Menu.Separator className="my-1 h-px bg-line" />
          <Menu.Label className="px-2 py-1 text-xs text-muted">Appearance</Menu.Label>
          <Menu.RadioGroup value={theme} onValueChange={(value) => chooseTheme(value as Theme)}>
            {THEMES.map((one) => {
              const Icon = icons[one];
              return (
                <Menu.RadioItem key={one} value={one} className={ITEM}>
                  <Icon size={14} className="text-muted" aria-hidden />
                  {THEME_NAMES[one]}
                  <Menu.ItemIndicator className="ml-auto text-accent">✓</Menu.ItemIndicator>
                </Menu.RadioItem>
              );
            })}
          </Menu.RadioGroup>
          <Menu.Separator className="my-1 h-px bg-line" />
          <Menu.Item className={ITEM} onSelect={() => void signOut()}>
            <LogOut size={14} className="text-muted" aria-hidden />
            Sign out
          </Menu.Item>
        </Menu.Content>
      </Menu.Portal>
    </Menu.Root>
  );
}

export function Header(o: { me: Me | undefined; onPalette: () => void; onHelp: () => void }) {
  return (
    <header className="sticky top-0 z-30 border-b border-line bg-surface">
      <div className="mx-auto flex h-13 max-w-[1240px] items-center gap-2 px-3 sm:gap-4 sm:px-6">
        <Logo />
        <Navigation />
        <div className="ml-auto flex items-center gap-1 sm:gap-2">
          <LiveMark />
          <button
            type="button"
            onClick={o.onPalette}
            className="flex h-8 items-center gap-2 rounded-md px-2 text-muted hover:bg-hover sm:border sm:border-line-strong sm:bg-canvas"
          >
            <Search size={14} aria-hidden />
            <span className="sr-only lg:not-sr-only">Search or do</span>
            <span className="hidden gap-0.5 sm:flex" aria-hidden>
              <Kbd>{isMac ? "⌘" : "Ctrl"}</Kbd>
              <Kbd>K</Kbd>
            </span>
          </button>
          <div className="hidden sm:block">
            <IconButton label="Keyboard shortcuts" onClick={o.onHelp}>
              <CircleHelp size={16} aria-hidden />
            </IconButton>
          </div>
          {o.me && <Account me={o.me} />}
        </div>
      </div>
    </header>
  );
}
