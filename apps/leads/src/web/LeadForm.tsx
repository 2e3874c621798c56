import { useFlag } from "@latchkey/flags-sdk/react";
import { type FormEvent, useRef, useState } from "react";
import { oneLineAddress } from "../flags/flags.gen.ts";
import { ADDRESS_LINE, readAddress } from "../leads/address.ts";
import { call } from "./api.ts";

type Phase = { kind: "open" } | { kind: "sending" } | { kind: "sent" } | { kind: "failed"; words: string };

function Field(props: {
  name: string;
  label: string;
  type?: string;
  pattern?: string;
  hint?: string;
  autoComplete?: string;
}) {
  const { name, label, hint, type = "text", ...rest } = props;
  return (
    <label className="field">
      <span>{label}</span>
      <input name={name} type={type} required aria-describedby={hint ? `${name}-hint` : undefined} {...rest} />
      {hint && <small id={`${name}-hint`}>{hint}</small>}
    </label>
  );
}

/** The address, in four fields or in one line. */
function AddressFields({ isOneLine }: { isOneLine: boolean }) {
  if (isOneLine)
    return (
      <Field
        name="line"
        label="Address"
        pattern={ADDRESS_LINE}
        hint="Street, city, state and ZIP: 1 Main St, Austin, TX 78701"
        autoComplete="off"
      />
    );
  return (
    <>
      <Field name="address" label="Street address" autoComplete="street-address" />
      <div className="row">
        <Field name="city" label="City" autoComplete="address-level2" />
        <Field name="state" label="State" pattern="[A-Za-z]{2}" hint="Two letters" />
        <Field name="zip" label="ZIP" pattern="\d{5}(-\d{4})?" autoComplete="postal-code" />
      </div>
    </>
  );
}

function addressIn(text: (name: string) => string) {
  const line = readAddress(text("line"));
  if (line) return line;
  return { address: text("address"), city: text("city"), state: text("state").toUpperCase(), zip: text("zip") };
}

export function LeadForm() {
  const current = useFlag(oneLineAddress);
  // Nobody's form changes under their hands.
  const [begun, setBegun] = useState<boolean | null>(null);
  const isOneLine = begun ?? current;
  const [phase, setPhase] = useState<Phase>({ kind: "open" });
  // One key per form: a second click sends the same lead, not another.
  const key = useRef(crypto.randomUUID());
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "");
    setPhase({ kind: "sending" });
    const body = {
      contact: { name: text("name"), email: text("email"), phone: text("phone") },
      property: { ...addressIn(text), type: text("type") },
      message: text("message"),
      website: text("website"),
    };
    call("/api/leads", { method: "POST", body, key: key.current })
      .then(() => setPhase({ kind: "sent" }))
      .catch((error: Error) => setPhase({ kind: "failed", words: error.message }));
  };
  if (phase.kind === "sent")
    return (
      <section className="card" role="status">
        <h1>Thank you</h1>
        <p>We have your details and will call you within one business day.</p>
      </section>
    );
  return (
    <section className="split">
      <div>
        <h1>Sell your house. No repairs, no fees, no waiting.</h1>
        <p>Tell us where it is. We look at it, make a fair cash offer, and close on the day you choose.</p>
      </div>
      <form className="card" onSubmit={submit} onInput={() => setBegun(isOneLine)}>
        <Field name="name" label="Your name" autoComplete="name" />
        <Field name="email" label="E-mail" type="email" autoComplete="email" />
        <Field name="phone" label="Phone" type="tel" autoComplete="tel" pattern="[0-9+() .\-]{7,25}" />
        <AddressFields isOneLine={isOneLine} />
        <label className="field">
          <span>Kind of property</span>
          <select name="type">
            <option value="single_family">House</option>
            <option value="multi_family">Several flats</option>
            <option value="condo">Condo</option>
            <option value="land">Land</option>
            <option value="commercial">Commercial</option>
          </select>
        </label>
        <label className="field">
          <span>Anything we should know (optional)</span>
          <textarea name="message" rows={3} maxLength={2000} />
        </label>
        <label className="unseen" aria-hidden="true">
          Website <input name="website" tabIndex={-1} autoComplete="off" />
        </label>
        {phase.kind === "failed" && <p role="alert">{phase.words} What you wrote is still here.</p>}
        <button type="submit" disabled={phase.kind === "sending"}>
          {phase.kind === "sending" ? "Sending …" : "Get my offer"}
        </button>
      </form>
    </section>
  );
}
