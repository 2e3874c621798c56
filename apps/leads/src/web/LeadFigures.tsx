import type { Lead } from "./api.ts";

/** Figures of the leads that are shown: how many stand where, and where they came from. */
export function LeadFigures({ leads }: { leads: readonly Lead[] }) {
  const won = leads.filter((lead) => lead.status === "converted").length;
  return (
    <section className="card figures" aria-labelledby="figures-title">
      <h2 id="figures-title">Of the {leads.length === 1 ? "lead" : `${leads.length} leads`} below</h2>
      <dl>
        <Figure name="Converted" value={`${won} (${Math.round((100 * won) / leads.length)} %)`} />
        <Figure name="By status" value={countsOf(leads.map((lead) => lead.status))} />
        <Figure name="By source" value={countsOf(leads.map((lead) => lead.source.replace("_", " ")))} />
      </dl>
    </section>
  );
}

const Figure = ({ name, value }: { name: string; value: string }) => (
  <div>
    <dt>{name}</dt>
    <dd>{value}</dd>
  </div>
);

function countsOf(words: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([word, n]) => `${word} ${n}`)
    .join(", ");
}
