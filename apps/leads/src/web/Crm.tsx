import { useFlag } from "@latchkey/flags-sdk/react";
import { type FormEvent, useState } from "react";
import { advancedAnalytics } from "../flags/flags.gen.ts";
import { STATUSES } from "../leads/status.ts";
import { type Lead, useLoad } from "./api.ts";
import { LeadFigures } from "./LeadFigures.tsx";

interface View {
  readonly status: string;
  readonly q: string;
  readonly cursor: string;
}

/** What is shown is in the address, so that a list can be reloaded, sent on, and gone back to. */
function readView(): View {
  const query = new URLSearchParams(location.search);
  return { status: query.get("status") ?? "", q: query.get("q") ?? "", cursor: query.get("cursor") ?? "" };
}
const queryOf = (view: View): string => String(new URLSearchParams(Object.entries(view).filter(([, v]) => v !== "")));

export function Crm() {
  const [view, setView] = useState(readView);
  const { data, error, reload } = useLoad<{ items: Lead[]; next: string | null }>(`/api/leads?${queryOf(view)}`);
  const show = (next: View) => {
    setView(next);
    const query = queryOf(next);
    history.replaceState(null, "", query ? `?${query}` : location.pathname);
  };
  const search = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    show({ ...view, q: String(new FormData(event.currentTarget).get("q") ?? "").trim(), cursor: "" });
  };
  const hasFigures = useFlag(advancedAnalytics);
  const isFiltered = view.status !== "" || view.q !== "";
  return (
    <section aria-labelledby="leads-title">
      <div className="bar">
        <h1 id="leads-title">Leads</h1>
        <search>
          <form className="bar" onSubmit={search}>
            <label>
              Search{" "}
              <input
                key={view.q}
                name="q"
                type="search"
                maxLength={100}
                defaultValue={view.q}
                placeholder="Name, e-mail or address"
              />
            </label>
            <button type="submit">Find</button>
            <label>
              Status{" "}
              <select
                value={view.status}
                onChange={(event) => show({ ...view, status: event.target.value, cursor: "" })}
              >
                <option value="">All</option>
                {STATUSES.map((s) => (
                  <option key={s}>{s}</option>
                ))}
              </select>
            </label>
          </form>
        </search>
      </div>
      {error && (
        <p role="alert">
          {error}{" "}
          <button type="button" onClick={reload}>
            Try again
          </button>
        </p>
      )}
      {!data && !error && (
        <p role="status" aria-busy="true">
          Loading leads …
        </p>
      )}
      {data?.items.length === 0 && (
        <p className="card" role="status">
          {isFiltered ? "No lead matches. " : "No leads here yet. They arrive through the form on the first page."}
          {isFiltered && (
            <button type="button" onClick={() => show({ status: "", q: "", cursor: "" })}>
              Show all
            </button>
          )}
        </p>
      )}
      {hasFigures && data && data.items.length > 0 && <LeadFigures leads={data.items} />}
      {data && data.items.length > 0 && <LeadTable leads={data.items} />}
      <div className="bar">
        {view.cursor !== "" && (
          <button type="button" onClick={() => show({ ...view, cursor: "" })}>
            Newest leads
          </button>
        )}
        {data?.next && (
          <button type="button" onClick={() => show({ ...view, cursor: data.next ?? "" })}>
            Older leads
          </button>
        )}
      </div>
    </section>
  );
}

function LeadTable({ leads }: { leads: readonly Lead[] }) {
  const areScored = leads.some((lead) => lead.score !== undefined);
  return (
    <div className="card scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Property</th>
            <th scope="col">Source</th>
            <th scope="col">Status</th>
            {areScored && <th scope="col">Score</th>}
            <th scope="col">Received</th>
          </tr>
        </thead>
        <tbody>
          {leads.map((lead) => (
            <tr key={lead.id}>
              <th scope="row">
                <a href={`/crm/${lead.id}`}>{lead.contact.name}</a>
                {lead.duplicateOf && <small> (again)</small>}
              </th>
              <td data-label="Property">
                {lead.property.address}, {lead.property.city}
              </td>
              <td data-label="Source">{lead.source.replace("_", " ")}</td>
              <td data-label="Status">
                <span className={`tag ${lead.status}`}>{lead.status}</span>
              </td>
              {areScored && <td data-label="Score">{lead.score ?? "–"}</td>}
              <td data-label="Received">{new Date(lead.createdAt).toLocaleString()}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
