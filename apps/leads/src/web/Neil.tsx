import type { Lead } from "./api.ts";

const STEP: Readonly<Record<string, string>> = {
  new: "I would love to learn more about it. When may I call you?",
  contacted: "Thank you for the talk. May we come and look at it this week?",
  qualified: "We have looked at it, and our offer is on its way to you.",
};

/** Neil, the assistant: a draft of the next message, put together from what is known of the lead. */
export function Neil({ lead }: { lead: Lead }) {
  const first = lead.contact.name.split(" ")[0];
  const step = STEP[lead.status] ?? "Thank you for your trust.";
  return (
    <div className="card">
      <h2>Neil’s draft</h2>
      <blockquote>
        Hello {first}, thank you for writing to us about {lead.property.address} in {lead.property.city}. {step}
      </blockquote>
    </div>
  );
}
