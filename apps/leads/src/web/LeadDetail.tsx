import { useFlag } from "@latchkey/flags-sdk/react";
import { type FormEvent, useState } from "react";
import { aiNegotiationAssistant } from "../flags/flags.gen.ts";
import { NEXT, type Status } from "../leads/status.ts";
import { call, type Lead, type Loaded, type Note, useLoad } from "./api.ts";
import { Neil } from "./Neil.tsx";

export function LeadDetail({ id }: { id: string }) {
  const lead = useLoad<Lead>(`/api/leads/${id}`);
  const hasNeil = useFlag(aiNegotiationAssistant);
  if (lead.error)
    return (
      <section>
        <Back />
        <p role="alert">
          {lead.error}{" "}
          <button type="button" onClick={lead.reload}>
            Try again
          </button>
        </p>
      </section>
    );
  if (!lead.data)
    return (
      <p role="status" aria-busy="true">
        Loading the lead …
      </p>
    );
  const { contact, property, message, status, duplicateOf } = lead.data;
  return (
    <section>
      <Back />
      <div className="bar">
        <h1>{contact.name}</h1>
        <span className={`tag ${status}`} role="status">
          {status}
        </span>
        {lead.data.score !== undefined && (
          <span title="How likely they are to sell">Score {lead.data.score} of 100</span>
        )}
      </div>
      {duplicateOf && (
        <p>
          The same person and property came before: <a href={`/crm/${duplicateOf}`}>the earlier lead</a>.
        </p>
      )}
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
            <a href={`mailto:${contact.email}`}>{contact.email}</a>
            <br />
            <a href={`tel:${contact.phone.replace(/[^+\d]/g, "")}`}>{contact.phone}</a>
          </p>
          {message && <blockquote>{message}</blockquote>}
          <Moves lead={lead.data} moved={lead.reload} />
        </div>
        <div>
          {hasNeil && <Neil lead={lead.data} />}
          <Notes id={id} />
        </div>
      </div>
    </section>
  );
}

const Back = () => (
  <p>
    <a href="/crm">All leads</a>
  </p>
);

function Moves({ lead, moved }: { lead: Lead; moved: () => void }) {
  const [moving, setMoving] = useState<Status | null>(null);
  const [failed, setFailed] = useState<string | null>(null);
  const ways = NEXT[lead.status];
  const move = (to: Status) => {
    setMoving(to);
    setFailed(null);
    call(`/api/leads/${lead.id}/status`, { method: "POST", body: { status: to } })
      .then(moved)
      .catch((error: Error) => setFailed(error.message))
      .finally(() => setMoving(null));
  };
  return (
    <>
      <h2>Move to</h2>
      {failed && (
        <p role="alert">
          {failed}{" "}
          <button type="button" onClick={moved}>
            Load again
          </button>
        </p>
      )}
      {ways.length === 0 && <p>This lead has ended.</p>}
      <div className="bar">
        {ways.map((to) => (
          <button key={to} type="button" disabled={moving !== null} onClick={() => move(to)}>
            {moving === to ? `Moving to ${to} …` : to}
          </button>
        ))}
      </div>
    </>
  );
}

function Notes({ id }: { id: string }) {
  const notes = useLoad<{ items: Note[] }>(`/api/leads/${id}/notes`);
  const [adding, setAdding] = useState(false);
  const [failed, setFailed] = useState<string | null>(null);
  const add = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const body = String(new FormData(form).get("body") ?? "").trim();
    if (body === "") return setFailed("Write something first.");
    setAdding(true);
    setFailed(null);
    call(`/api/leads/${id}/notes`, { method: "POST", body: { body } })
      .then(() => {
        form.reset();
        notes.reload();
      })
      .catch((error: Error) => setFailed(error.message))
      .finally(() => setAdding(false));
  };
  return (
    <div className="card">
      <h2>Notes</h2>
      <NoteList notes={notes} />
      <form onSubmit={add}>
        <label className="field">
          <span>New note</span>
          <textarea name="body" rows={3} required maxLength={4000} />
        </label>
        {failed && <p role="alert">{failed}</p>}
        <button type="submit" disabled={adding}>
          {adding ? "Adding …" : "Add"}
        </button>
      </form>
    </div>
  );
}

function NoteList({ notes }: { notes: Loaded<{ items: Note[] }> }) {
  if (notes.error)
    return (
      <p role="alert">
        {notes.error}{" "}
        <button type="button" onClick={notes.reload}>
          Try again
        </button>
      </p>
    );
  if (!notes.data)
    return (
      <p role="status" aria-busy="true">
        Loading notes …
      </p>
    );
  if (notes.data.items.length === 0) return <p>No notes yet.</p>;
  return (
    <ul>
      {notes.data.items.map((note) => (
        <li key={note.id}>
          {note.body}{" "}
          <small>
            {note.author}, {new Date(note.createdAt).toLocaleString()}
          </small>
        </li>
      ))}
    </ul>
  );
}
