import { type FormEvent, useState } from "react";
import { NEXT } from "../leads/lead.ts";
import { call, type Lead, type Note, useLoad } from "./api.ts";

export function LeadDetail({ id }: { id: string }) {
  const lead = useLoad<Lead>(`/api/leads/${id}`);
  const notes = useLoad<{ items: Note[] }>(`/api/leads/${id}/notes`);
  const [failed, setFailed] = useState<string | null>(null);
  const act = (work: Promise<unknown>, then: () => void) => {
    setFailed(null);
    work.then(then).catch((error: Error) => setFailed(error.message));
  };
  const addNote = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const body = String(new FormData(form).get("body") ?? "");
    act(call(`/api/leads/${id}/notes`, { method: "POST", body: { body } }), () => {
      form.reset();
      notes.reload();
    });
  };
  if (lead.error) return <p role="alert">{lead.error}</p>;
  if (!lead.data) return <p aria-busy="true">Loading the lead …</p>;
  const { contact, property, status, message } = lead.data;
  return (
    <section>
      <p>
        <a href="/crm">All leads</a>
      </p>
      <div className="bar">
        <h1>{contact.name}</h1>
        <span className={`tag ${status}`}>{status}</span>
      </div>
      {failed && <p role="alert">{failed}</p>}
      <div className="split">
        <div className="card">
          <h2>Property</h2>
          <p>
            {property.address}
            <br />
            {property.city}, {property.state} {property.zip}
          </p>
          <h2>Contact</h2>
          <p>
            {contact.email}
            <br />
            {contact.phone}
          </p>
          {message && <blockquote>{message}</blockquote>}
          <h2>Move to</h2>
          {NEXT[status].length === 0 && <p>This lead has ended.</p>}
          <div className="bar">
            {NEXT[status].map((to) => (
              <button
                key={to}
                type="button"
                onClick={() =>
                  act(call(`/api/leads/${id}/status`, { method: "POST", body: { status: to } }), lead.reload)
                }
              >
                {to}
              </button>
            ))}
          </div>
        </div>
        <div className="card">
          <h2>Notes</h2>
          {notes.data?.items.length === 0 && <p>No notes yet.</p>}
          <ul>
            {notes.data?.items.map((note) => (
              <li key={note.id}>
                {note.body} <small>{new Date(note.createdAt).toLocaleString()}</small>
              </li>
            ))}
          </ul>
          <form onSubmit={addNote}>
            <label className="field">
              <span>New note</span>
              <textarea name="body" rows={3} required maxLength={4000} />
            </label>
            <button type="submit">Add</button>
          </form>
        </div>
      </div>
    </section>
  );
}
