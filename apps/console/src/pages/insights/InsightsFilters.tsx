import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { queries } from "../../api/queries.ts";
import type { Dora } from "../../api/types.ts";
import type { InsightsSearch, InsightsWindow } from "../../search.ts";
import { Field, Input, Select } from "../../ui/Form.tsx";
import { useNow } from "../../ui/now.ts";
import { DEFAULT_DAYS, daysOf, PRESETS } from "./insight-window.ts";
import { DEFINITION_NAMES } from "./insight-words.ts";

type Optional<T> = { [K in keyof T]?: T[K] | undefined };

/** Which service and which days: what all pages of Insights are asked with. */
export function WindowFields(o: {
  search: Optional<InsightsWindow>;
  onChange: (patch: Optional<InsightsWindow>) => void;
}) {
  const { search } = o;
  const services = useQuery(queries.services());
  const names = (services.data?.items ?? []).map((s) => s.name);
  const { first, last } = daysOf(search, useNow());
  const isOwn = search.from !== undefined || search.to !== undefined;
  return (
    <>
      <Field label="Service">
        {(ids) => (
          <Select
            {...ids}
            value={search.service ?? ""}
            onChange={(e) => o.onChange({ service: e.target.value || undefined })}
          >
            <option value="">All</option>
            {search.service && !names.includes(search.service) && <option>{search.service}</option>}
            {names.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Window">
        {(ids) => (
          <Select
            {...ids}
            value={isOwn ? "own" : (search.days ?? DEFAULT_DAYS)}
            onChange={(e) => {
              const days = PRESETS.find((preset) => preset === e.target.value);
              o.onChange(days ? { days, from: undefined, to: undefined } : { days: undefined, from: first, to: last });
            }}
          >
            {PRESETS.map((days) => (
              <option key={days} value={days}>
                Last {days} days
              </option>
            ))}
            <option value="own">Own days</option>
          </Select>
        )}
      </Field>
      <Field label="From">
        {(ids) => (
          <Input
            {...ids}
            type="date"
            value={first}
            max={last}
            onChange={(e) => e.target.value && o.onChange({ days: undefined, from: e.target.value, to: last })}
          />
        )}
      </Field>
      <Field label="To">
        {(ids) => (
          <Input
            {...ids}
            type="date"
            value={last}
            min={first}
            onChange={(e) => e.target.value && o.onChange({ days: undefined, from: first, to: e.target.value })}
          />
        )}
      </Field>
    </>
  );
}

/** What the figures are asked with; all of it lives in the address. */
export function InsightsFilters({ dora }: { dora: Dora | undefined }) {
  const search = useSearch({ from: "/shell/insights" });
  const navigate = useNavigate({ from: "/insights" });
  const set = (patch: Optional<InsightsSearch>): void =>
    void navigate({ search: (old) => ({ ...old, ...patch }), replace: true, resetScroll: false });
  return (
    <div className="mb-6">
      <form
        aria-label="What the figures are of"
        className="grid grid-cols-2 items-end gap-3 sm:grid-cols-[repeat(auto-fit,minmax(8.5rem,1fr))]"
        onSubmit={(event) => event.preventDefault()}
      >
        <WindowFields search={search} onChange={set} />
        <Field label="In the pictures, by">
          {(ids) => (
            <Select {...ids} value={search.by ?? "week"} onChange={(e) => set({ by: e.target.value as Dora["by"] })}>
              <option value="day">Day</option>
              <option value="week">Week</option>
              <option value="month">Month</option>
            </Select>
          )}
        </Field>
        <Field label="Definition">
          {(ids) => (
            <Select
              {...ids}
              value={search.definition ?? "dora-2025"}
              onChange={(e) => set({ definition: e.target.value as Dora["definition"] })}
            >
              {Object.entries(DEFINITION_NAMES).map(([value, name]) => (
                <option key={value} value={value}>
                  {name}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field label="As known on">
          {(ids) => (
            <Input
              {...ids}
              type="date"
              value={search.known ?? ""}
              onChange={(e) => set({ known: e.target.value || undefined })}
            />
          )}
        </Field>
      </form>
      <p className="m-0 mt-2 text-xs text-muted" aria-live="polite">
        {dora && `${DEFINITION_NAMES[dora.definition]}: ${dora.definitionWords}`}
        {search.known && ` As known at the end of ${search.known}; what was told later is left out.`} Days are of UTC.
      </p>
    </div>
  );
}
