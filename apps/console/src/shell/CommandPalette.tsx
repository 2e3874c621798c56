import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Command } from "cmdk";
import { Dialog } from "radix-ui";
import { type ReactNode, useRef } from "react";
import { queries } from "../api/queries.ts";
import type { RolloutAction } from "../api/types.ts";
import { to } from "../paths.ts";
import { StateBadge } from "../ui/Badge.tsx";
import { ago, firstLine, shortId } from "../ui/format.ts";
import { chooseTheme } from "../ui/theme.ts";
import { ACTION_WORDS } from "../words.ts";
import { signOut } from "./sign-out.ts";

type Open = "palette" | "help" | null;

function Item(o: { value: string; onSelect: () => void; children: ReactNode; side?: ReactNode }) {
  return (
    <Command.Item
      value={o.value}
      onSelect={o.onSelect}
      className="flex h-9 cursor-default items-center gap-3 rounded-md px-3 data-[selected=true]:bg-hover"
    >
      <span className="min-w-0 flex-1 truncate">{o.children}</span>
      {o.side && <span className="shrink-0 text-xs text-muted">{o.side}</span>}
    </Command.Item>
  );
}

const GROUP =
  "**:[[cmdk-group-heading]]:px-3 **:[[cmdk-group-heading]]:pt-3 **:[[cmdk-group-heading]]:pb-1 **:[[cmdk-group-heading]]:text-xs **:[[cmdk-group-heading]]:text-muted";

/** Acts on the rollout under way: its page asks for the reason, so the palette only opens the question. */
function RolloutActions({ go }: { go: (href: string) => void }) {
  const services = useQuery(queries.services());
  const active = (services.data?.items ?? []).flatMap((s) =>
    s.environments.flatMap((e) => (e.rolloutId ? [{ id: e.rolloutId, name: `${s.name} ${e.name}` }] : [])),
  );
  return active.map((a) => <ActionsOf key={a.id} {...a} go={go} />);
}

function ActionsOf({ id, name, go }: { id: string; name: string; go: (href: string) => void }) {
  const rollout = useQuery(queries.rollout(id));
  return (rollout.data?.allowedActions ?? []).map((action: RolloutAction) => (
    <Item
      key={action}
      value={`${ACTION_WORDS[action].verb} ${name} rollout ${id}`}
      onSelect={() => go(to.rollout(id, action))}
      side={name}
    >
      {ACTION_WORDS[action].verb} the rollout
    </Item>
  ));
}

function Recent({ go }: { go: (href: string) => void }) {
  const deployments = useQuery(queries.recentDeployments());
  const recent = deployments.data?.items ?? [];
  if (recent.length === 0) return null;
  return (
    <Command.Group heading="Recent deployments and rollouts" className={GROUP}>
      {recent.flatMap((d) => [
        <Item
          key={d.id}
          value={`Deployment ${d.service} release ${d.release?.number ?? ""} ${d.release?.message ?? ""} ${d.id}`}
          onSelect={() => go(to.deployment(d.id))}
          side={ago(d.createdAt, Date.now())}
        >
          <span className="flex items-center gap-2">
            <StateBadge state={d.status} />
            <span className="truncate">
              {d.service} {d.release ? `#${d.release.number} ${firstLine(d.release.message)}` : shortId(d.id)}
            </span>
          </span>
        </Item>,
        d.rolloutId && (
          <Item
            key={d.rolloutId}
            value={`Rollout ${d.service} release ${d.release?.number ?? ""} ${d.rolloutId}`}
            onSelect={() => go(to.rollout(d.rolloutId ?? ""))}
            side={shortId(d.rolloutId)}
          >
            Rollout of {d.service} #{d.release?.number ?? "?"}
          </Item>
        ),
      ])}
    </Command.Group>
  );
}

function Body({ go, run }: { go: (href: string) => void; run: (act: () => void) => void }) {
  const services = useQuery(queries.services());
  const names = (services.data?.items ?? []).map((s) => s.name);
  return (
    <Command.List className="max-h-[min(60dvh,26rem)] overflow-y-auto p-1.5">
      <Command.Empty className="px-3 py-8 text-center text-muted">Nothing is called that.</Command.Empty>
      <Command.Group heading="Actions" className={GROUP}>
        {names.map((name) => (
          <Item key={name} value={`Ship ${name} deploy release`} onSelect={() => go(to.ship(name))}>
            Ship {name}
          </Item>
        ))}
        <RolloutActions go={go} />
      </Command.Group>
      <Command.Group heading="Pages" className={GROUP}>
        <Item value="Overview home" onSelect={() => go(to.overview())} side="g o">
          Overview
        </Item>
        {names.map((name) => (
          <Item key={name} value={`Service ${name}`} onSelect={() => go(to.service(name))} side="service">
            {name}
          </Item>
        ))}
        {names.map((name) => (
          <Item
            key={name}
            value={`Configuration of ${name} steps gates`}
            onSelect={() => go(to.service(name, "configuration"))}
            side="configuration"
          >
            {name}: how it is shipped
          </Item>
        ))}
        <Item value="Deployments rollback wall display" onSelect={() => go(to.deployments())}>
          Deployments
        </Item>
        <Item value="Ledger audit entries" onSelect={() => go(to.ledger())} side="g l">
          Ledger
        </Item>
        <Item value="Pipeline changes pull requests merges" onSelect={() => go(to.pipeline())} side="g p">
          Pipeline
        </Item>
        <Item
          value="Insights DORA metrics lead time deployment frequency change fail rate recovery rework"
          onSelect={() => go(to.insights())}
          side="g i"
        >
          Insights
        </Item>
        <Item value="Insights deployments failed corrections" onSelect={() => go(to.insightDeployments())}>
          Deployments behind the figures
        </Item>
        <Item value="Targets HAProxy shares addresses" onSelect={() => go(to.targets())}>
          Targets
        </Item>
        <Item value="Health limits load memory gateways database" onSelect={() => go(to.health())} side="g h">
          Health
        </Item>
        <Item
          value="Notifications channels rules webhook Slack mail quiet hours dead letters"
          onSelect={() => go(to.notifications())}
          side="g m"
        >
          Notifications
        </Item>
        <Item value="Approvals freezes waiting" onSelect={() => go(to.approvals())} side="g a">
          Approvals
        </Item>
        <Item value="Settings tokens installation" onSelect={() => go(to.settings())} side="g t">
          Settings
        </Item>
      </Command.Group>
      <Recent go={go} />
      <Command.Group heading="This console" className={GROUP}>
        <Item value="Theme light appearance" onSelect={() => run(() => chooseTheme("light"))}>
          Use the light theme
        </Item>
        <Item value="Theme dark appearance" onSelect={() => run(() => chooseTheme("dark"))}>
          Use the dark theme
        </Item>
        <Item value="Theme system appearance" onSelect={() => run(() => chooseTheme("system"))}>
          Use the system's theme
        </Item>
        <Item value="Sign out leave" onSelect={() => run(() => void signOut())}>
          Sign out
        </Item>
      </Command.Group>
    </Command.List>
  );
}

export function CommandPalette({ onOpen }: { onOpen: (what: Open) => void }) {
  const navigate = useNavigate();
  const input = useRef<HTMLInputElement>(null);
  const run = (act: () => void): void => {
    onOpen(null);
    act();
  };
  return (
    <Dialog.Root open onOpenChange={(next) => onOpen(next ? "palette" : null)}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-(--overlay)" />
        <Dialog.Content
          aria-describedby={undefined}
          onOpenAutoFocus={(event) => {
            event.preventDefault();
            input.current?.focus();
          }}
          className="raised appear fixed top-[12dvh] left-1/2 z-50 w-[calc(100vw-1.5rem)] max-w-xl -translate-x-1/2 overflow-hidden rounded-xl"
        >
          <Dialog.Title className="sr-only">Search and commands</Dialog.Title>
          <Command label="Search and commands" loop>
            <Command.Input
              ref={input}
              placeholder="Go to a page, find a deployment, do something"
              className="h-12 w-full border-0 border-b border-line bg-transparent px-4 text-base text-ink outline-none placeholder:text-muted"
            />
            <Body run={run} go={(href) => run(() => void navigate({ href }))} />
          </Command>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
