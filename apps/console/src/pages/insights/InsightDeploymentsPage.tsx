import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { insightQueries } from "../../api/insight-queries.ts";
import { to } from "../../paths.ts";
import type { InsightDeploymentsSearch } from "../../search.ts";
import { Field, Select } from "../../ui/Form.tsx";
import { useNow } from "../../ui/now.ts";
import { Pages } from "../../ui/Pages.tsx";
import { PageHead, Section } from "../../ui/Section.tsx";
import { Empty } from "../../ui/States.tsx";
import { A } from "../../ui/Text.tsx";
import { CorrectDialog, WithdrawDialog } from "./CorrectionDialogs.tsx";
import { InsightDeploymentRow } from "./InsightDeploymentRow.tsx";
import { WindowFields } from "./InsightsFilters.tsx";
import { windowQuery } from "./insight-window.ts";
import { HowToBegin } from "./KeyCards.tsx";

type Optional<T> = { [K in keyof T]?: T[K] | undefined };
const ONLY = [
  ["", "All of them"],
  ["counted", "Counted"],
  ["failed", "Failed"],
  ["rework", "Rework"],
] as const;

/** What stands behind the figures, one by one, and what people say of it. */
export function InsightDeploymentsPage() {
  const search = useSearch({ from: "/shell/insights/deployments" });
  const navigate = useNavigate({ from: "/insights/deployments" });
  const set = (patch: Optional<InsightDeploymentsSearch>): void =>
    void navigate({ search: (old) => ({ ...old, ...patch }), replace: true, resetScroll: false });
  const { only, correct, withdraw, service, from, to: until, days } = search;
  const q = useInfiniteQuery(
    insightQueries.deployments({ ...windowQuery(search, useNow()), ...(only ? { only } : {}) }),
  );
  const items = q.data?.pages.flatMap((page) => page.items) ?? [];
  const corrected = items.find((d) => d.key === correct);
  const withdrawn = items.flatMap((d) => d.corrections).find((c) => c.key === withdraw);
  const isNarrowed = only !== undefined || service !== undefined;
  return (
    <>
      <PageHead
        title="Deployments behind the figures"
        over={<A href={to.insights({ service, from, to: until, days })}>Insights</A>}
        lead="Each with its changes, what went wrong and what people corrected. Where the record is wrong, say so: the figures follow."
      />
      <form
        aria-label="Which deployments"
        className="mb-6 grid grid-cols-2 items-end gap-3 sm:grid-cols-[repeat(auto-fit,minmax(8.5rem,1fr))]"
        onSubmit={(event) => event.preventDefault()}
      >
        <WindowFields search={search} onChange={set} />
        <Field label="Which">
          {(ids) => (
            <Select
              {...ids}
              value={only ?? ""}
              onChange={(e) =>
                set({ only: ONLY.map(([value]) => value).find((v) => v && v === e.target.value) || undefined })
              }
            >
              {ONLY.map(([value, name]) => (
                <option key={value} value={value}>
                  {name}
                </option>
              ))}
            </Select>
          )}
        </Field>
      </form>
      <Section title="Deployments" note="newest first" flush>
        <Pages
          query={q}
          empty={
            <Empty title={isNarrowed ? "No deployment is like that" : "No deployment in this window"}>
              {isNarrowed ? "Choose all of them, or other days." : <HowToBegin />}
            </Empty>
          }
        >
          {(rows) => (
            <ul className="m-0 list-none divide-y divide-line p-0">
              {rows.map((d) => (
                <InsightDeploymentRow
                  key={d.key}
                  deployment={d}
                  onCorrect={() => set({ correct: d.key })}
                  onWithdraw={(key) => set({ withdraw: key })}
                />
              ))}
            </ul>
          )}
        </Pages>
      </Section>
      {corrected && <CorrectDialog deployment={corrected} onClose={() => set({ correct: undefined })} />}
      {withdrawn && <WithdrawDialog correction={withdrawn} onClose={() => set({ withdraw: undefined })} />}
    </>
  );
}
