import { useState } from "react";
import { STATUSES } from "../leads/lead.ts";
import { type Lead, useLoad } from "./api.ts";

export function Crm() {
  const [status, setStatus] = useState(new URLSearchParams(location.search).get("status") ?? "");
  const [cursor, setCursor] = useState("");
  const query = new URLSearchParams({ ...(status ? { status } : {}), ...(cursor ? { cursor } : {}) });
  const { data, error, reload } = useLoad<{ items: Lead[]; next: string | null }>(`/api/leads?${query}`);
  return (
    <section>
      <div className="bar">
        <h1>Leads</h1>
        <label>
          Status{" "}
          <select
            value={status}
            onChange={(event) => {
              setStatus(event.target.value);
              setCursor("");
              history.replaceState(null, "", event.target.value ? `?status=${event.target.value}` : location.pathname);
            }}
          >
            <option value="">All</option>
            {STATUSES.map((s) => (
              <option key={s}>{s}</option>
            ))}
          </select>
        </label>
      </div>
      {error && (
        <p role="alert">
          {error}{" "}
          <button type="button" onClick={reload}>
            Try again
          </button>
        </p>
      )}
      {!data && !error && <p aria-busy="true">Loading leads …</p>}
      {data?.items.length === 0 && (
        <p className="card">No leads here yet. They arrive through the form on the first page.</p>
      )}
      {data && data.items.length > 0 && (
        <div className="card scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Property</th>
                <th scope="col">Source</th>
                <th scope="col">Status</th>
                <th scope="col">Received</th>
              </tr>
            </thead>
            <tbody>
              {data.items.map((lead) => (
                <tr key={lead.id}>
                  <td>
                    <a href={`/crm/${lead.id}`}>{lead.contact.name}</a>
                    {lead.duplicateOf && <small> (again)</small>}
                  </td>
                  <td>
                    {lead.property.address}, {lead.property.city}
                  </td>
                  <td>{lead.source.replace("_", " ")}</td>
                  <td>
                    <span className={`tag ${lead.status}`}>{lead.status}</span>
                  </td>
                  <td>{new Date(lead.createdAt).toLocaleString()}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {data?.next && (
        <button type="button" onClick={() => setCursor(data.next ?? "")}>
          Older leads
        </button>
      )}
    </section>
  );
}
