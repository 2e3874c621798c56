import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { queries } from "../../api/queries.ts";
import { to as at } from "../../paths.ts";
import { LinkButton } from "../../ui/Button.tsx";
import { Field, Select } from "../../ui/Form.tsx";
import { PageHead, Section } from "../../ui/Section.tsx";
import { Empty, ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { A } from "../../ui/Text.tsx";
import { FlagChanges } from "./FlagChanges.tsx";

function Differences({ from, to }: { from: string; to: string }) {
  const q = useQuery(queries.flagComparison(from, to));
  const me = useQuery(queries.me());
  const mayWrite = me.data !== undefined && me.data.principal.role !== "viewer";
  if (q.error) return <ErrorPanel error={q.error} retry={() => void q.refetch()} />;
  if (!q.data) return <Skeleton rows={3} />;
  if (q.data.items.length === 0)
    return (
      <Empty title={`All flags are the same in ${from} and ${to}`}>Switches, rules, and where rollouts stand.</Empty>
    );
  return (
    <ul className="m-0 list-none divide-y divide-line p-0">
      {q.data.items.map((one) => (
        <li key={one.flag} className="flex flex-wrap items-start gap-x-4 gap-y-2 px-4 py-3">
          <div className="min-w-0 flex-1 basis-64">
            <span className="font-medium">
              <A href={at.flag(one.flag)}>{one.flag}</A>
            </span>
            {one.isInFrom && one.isInTo ? (
              <FlagChanges changes={one.changes} most={12} />
            ) : (
              <span className="block text-xs text-muted">only in {one.isInFrom ? from : to}</span>
            )}
          </div>
          {mayWrite && one.isInFrom && (
            <LinkButton size="small" href={at.editFlag(one.flag, to, from)}>
              Take {one.flag} into {to}…
            </LinkButton>
          )}
        </li>
      ))}
    </ul>
  );
}

/** The flags that are not the same in two environments; each can be taken over, after reading the difference. */
export function CompareFlagsPage() {
  const search = useSearch({ from: "/shell/flag-environments/compare" });
  const navigate = useNavigate({ from: "/flag-environments/compare" });
  const q = useQuery(queries.flagEnvironments());
  const names = (q.data?.items ?? []).map((one) => one.name);
  const to = search.to ?? (names.includes("production") ? "production" : names[0]);
  const from = search.from ?? ["staging", ...names].find((name) => name !== to && names.includes(name));
  const choose = (label: string, value: string | undefined, set: (name: string) => void) => (
    <Field label={label}>
      {(ids) => (
        <Select {...ids} value={value ?? ""} onChange={(e) => set(e.target.value)}>
          {names.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </Select>
      )}
    </Field>
  );
  return (
    <>
      <PageHead
        title="Compare environments"
        over={<A href={at.flags()}>Flags</A>}
        lead="What one would get from the other."
      />
      {q.error ? (
        <ErrorPanel error={q.error} retry={() => void q.refetch()} />
      ) : q.data && names.length < 2 ? (
        <Empty title="Flags are in one environment only" />
      ) : (
        <Section title="Differences" flush>
          <div className="flex flex-wrap gap-4 border-b border-line px-4 py-3">
            {choose(
              "From",
              from,
              (name) => void navigate({ search: (old) => ({ ...old, from: name }), replace: true }),
            )}
            {choose("To", to, (name) => void navigate({ search: (old) => ({ ...old, to: name }), replace: true }))}
          </div>
          {from && to ? <Differences from={from} to={to} /> : <Skeleton rows={2} />}
        </Section>
      )}
    </>
  );
}
