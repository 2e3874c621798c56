import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { queries } from "../../api/queries.ts";
import type { FlagSummary } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { Badge } from "../../ui/Badge.tsx";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { Input, Select } from "../../ui/Form.tsx";
import { Pages } from "../../ui/Pages.tsx";
import { PageHead, Section } from "../../ui/Section.tsx";
import { Empty } from "../../ui/States.tsx";
import { A, Ago } from "../../ui/Text.tsx";
import { FlagEnvironments } from "./FlagEnvironments.tsx";
import { FlagKeys } from "./FlagKeys.tsx";
import { FlagProposals } from "./FlagProposals.tsx";
import { HEALTH, HEALTHS } from "./flag-words.ts";
import { HealthBadge } from "./HealthBadge.tsx";
import { NewFlag } from "./NewFlag.tsx";
import { Segments } from "./Segments.tsx";

/** Typing asks the server again once it rests. */
const TYPING_MS = 250;

function Row({ flag: f }: { flag: FlagSummary }) {
  return (
    <li className="grid gap-x-6 gap-y-2 px-4 py-3 md:grid-cols-[minmax(0,1fr)_minmax(0,1.4fr)_auto]">
      <div className="min-w-0">
        <span className="flex flex-wrap items-center gap-2">
          <A href={to.flag(f.key)}>{f.key}</A>
          {f.type !== "boolean" && <Badge tone="calm">{f.type}</Badge>}
          <HealthBadge flag={f} />
          {f.isArchived && <Badge tone="calm">archived</Badge>}
        </span>
        {f.description && <span className="mt-0.5 block text-xs break-words text-muted">{f.description}</span>}
      </div>
      <ul className="m-0 flex min-w-0 list-none flex-col gap-1 p-0">
        {f.environments.length === 0 && <li className="text-xs text-muted">In no environment</li>}
        {f.environments.map((place) => (
          <li key={place.name} className="flex flex-wrap items-baseline gap-x-2 text-xs">
            <span
              className={`size-2 self-center rounded-full ${place.isEnabled ? "bg-good" : "bg-line-strong"}`}
              aria-hidden
            />
            <span className="font-medium">{place.name}</span>
            <span className="min-w-0 break-words text-muted">{place.words}</span>
          </li>
        ))}
      </ul>
      <div className="text-xs text-muted md:text-right">
        <span className="block">{f.owner || "no owner"}</span>
        <Ago at={f.updatedAt} />
      </div>
    </li>
  );
}

function List(o: {
  search: string;
  archived: boolean;
  health: FlagSummary["health"] | undefined;
  onCreate: (() => void) | null;
}) {
  const { search, archived, health, onCreate } = o;
  const q = useInfiniteQuery(queries.flags(search, archived, health));
  const empty =
    search || archived || health ? (
      <Empty title="No flag is like that">Try other words, or look in the archive.</Empty>
    ) : (
      <Empty title="No flags yet">
        <p className="m-0 mb-3">
          A flag turns a part of the product on without a deployment: for some, for a share of the users, or for all.
          And off again within a second.
        </p>
        {onCreate && (
          <Button kind="primary" onClick={onCreate}>
            New flag
          </Button>
        )}
      </Empty>
    );
  return (
    <Pages query={q} empty={empty} more="Show more">
      {(items) => (
        <ul className="m-0 list-none divide-y divide-line p-0">
          {items.map((flag) => (
            <Row key={flag.key} flag={flag} />
          ))}
        </ul>
      )}
    </Pages>
  );
}

/** What is chosen in the list of kinds, as it stands behind "?". */
const shownBy = (value: string) => ({
  archived: value === "archived" ? ("1" as const) : undefined,
  health: HEALTHS.find((one) => one === value),
});

/** Every flag: where it is on, and who gets what. */
export function FlagsPage() {
  const { search = "", archived, health, dialog } = useSearch({ from: "/shell/flags" });
  const navigate = useNavigate({ from: "/flags" });
  const me = useQuery(queries.me());
  const [typed, setTyped] = useState(search);
  const mayWrite = me.data !== undefined && me.data.principal.role !== "viewer";
  useEffect(() => {
    if (typed === search) return undefined;
    const timer = window.setTimeout(
      () => void navigate({ search: (old) => ({ ...old, search: typed || undefined }), replace: true }),
      TYPING_MS,
    );
    return () => window.clearTimeout(timer);
  }, [typed, search, navigate]);
  const open = (): void => void navigate({ search: (old) => ({ ...old, dialog: "new" as const }), resetScroll: false });
  const close = (): void =>
    void navigate({ search: (old) => ({ ...old, dialog: undefined }), replace: true, resetScroll: false });
  return (
    <>
      <PageHead
        title="Flags"
        lead="What is on for whom, without a deployment."
        actions={
          mayWrite && (
            <Button kind="primary" onClick={open}>
              New flag
            </Button>
          )
        }
      />
      <div className="flex flex-col gap-6">
        <Section
          title="All flags"
          flush
          actions={
            <>
              <Input
                type="search"
                aria-label="Search flags"
                placeholder="Search"
                value={typed}
                onChange={(e) => setTyped(e.target.value)}
                className="w-40"
              />
              <Select
                aria-label="Which flags"
                value={archived ? "archived" : (health ?? "")}
                className="w-40"
                onChange={(e) => void navigate({ search: (old) => ({ ...old, ...shownBy(e.target.value) }) })}
              >
                <option value="">All</option>
                {HEALTHS.map((one) => (
                  <option key={one} value={one}>
                    {HEALTH[one].title}
                  </option>
                ))}
                <option value="archived">Archived</option>
              </Select>
            </>
          }
        >
          <List search={search} archived={archived === "1"} health={health} onCreate={mayWrite ? open : null} />
        </Section>
        <FlagProposals />
        <Segments mayWrite={mayWrite} />
        <FlagEnvironments />
        <FlagKeys mayWrite={mayWrite} />
      </div>
      <Dialog
        open={dialog === "new"}
        onClose={close}
        title="New flag"
        description="It is off everywhere until you turn it on."
      >
        <NewFlag onClose={close} />
      </Dialog>
    </>
  );
}
