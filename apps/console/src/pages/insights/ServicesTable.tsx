import { Download } from "lucide-react";
import type { Dora, DoraKey } from "../../api/types.ts";
import { type InsightsFilter, to } from "../../paths.ts";
import { Button } from "../../ui/Button.tsx";
import { download, toCsv } from "../../ui/csv.ts";
import { Section } from "../../ui/Section.tsx";
import { Empty } from "../../ui/States.tsx";
import { A } from "../../ui/Text.tsx";
import { servicesCsv } from "./insight-charts.ts";
import { DORA_KEYS, intervalWords, KEY_WORDS, NO_DATA, valueWords } from "./insight-words.ts";

/** Services side by side in the same window, each key with a bar against the largest of its column. */
function Cell({ dora, service, name }: { dora: Dora; service: Dora["services"][number]; name: DoraKey }) {
  const figure = service.keys[name];
  const { unit } = KEY_WORDS[name];
  const largest = Math.max(...dora.services.map((s) => s.keys[name].value ?? 0));
  return (
    <td className="px-3 py-2 whitespace-nowrap" title={intervalWords(figure, unit) ?? undefined}>
      <span className={figure.value === null ? "text-muted" : ""}>{valueWords(figure.value, unit)}</span>
      <span className="mt-1 block h-1 w-24 rounded-full bg-sunken" aria-hidden>
        {figure.value !== null && largest > 0 && (
          <span
            className="block h-1 rounded-full bg-(--series-1)"
            style={{ width: `${(figure.value / largest) * 100}%` }}
          />
        )}
      </span>
    </td>
  );
}

export function ServicesTable({ dora, filter }: { dora: Dora; filter: InsightsFilter }) {
  const save = (): void => {
    const { head, rows } = servicesCsv(dora);
    download(`dora-services-${dora.from.slice(0, 10)}-${dora.to.slice(0, 10)}.csv`, toCsv(head, rows));
  };
  return (
    <Section
      title="Services side by side"
      note="the same window and definition; a bar is a share of the column's largest"
      flush
      actions={
        <Button size="small" onClick={save} disabled={dora.services.length === 0} aria-label="CSV of the services">
          <Download size={13} aria-hidden /> CSV
        </Button>
      }
    >
      {dora.services.length > 0 ? (
        <section
          aria-label="Services as a table"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard.
          tabIndex={0}
          className="max-h-[36rem] overflow-auto"
        >
          <table className="w-full text-left text-xs">
            <caption className="sr-only">The five keys of each service</caption>
            <thead className="sticky top-0 bg-surface">
              <tr className="text-muted">
                <th scope="col" className="px-4 py-2 font-medium">
                  Service
                </th>
                {DORA_KEYS.map((name) => (
                  <th key={name} scope="col" className="px-3 py-2 font-medium">
                    {KEY_WORDS[name].name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody className="divide-y divide-line">
              {dora.services.map((service) => (
                <tr key={service.service}>
                  <th scope="row" className="px-4 py-2 font-medium">
                    <A href={to.insights({ ...filter, service: service.service })}>{service.service}</A>
                  </th>
                  {DORA_KEYS.map((name) => (
                    <Cell key={name} dora={dora} service={service} name={name} />
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      ) : (
        <Empty title={NO_DATA}>No service has deployments or incidents in this window.</Empty>
      )}
    </Section>
  );
}
