import type { FlagView } from "../../api/types.ts";
import { Section } from "../../ui/Section.tsx";
import { Empty } from "../../ui/States.tsx";
import { users } from "./results-words.ts";

/** What was asked for and met in the last seven days, by environment and variant. */
export function Served({ flag }: { flag: FlagView }) {
  const totals = new Map<string, number>();
  for (const one of flag.served)
    totals.set(one.environment, (totals.get(one.environment) ?? 0) + one.evaluations + one.exposures);
  return (
    <Section title="Last seven days" note={flag.healthWords} flush>
      {flag.served.length === 0 ? (
        <Empty title="Nobody asked for it">
          Counted is who asks for this one flag, and who is reported to have met it.
        </Empty>
      ) : (
        <table className="w-full border-collapse text-sm">
          <thead className="bg-sunken text-left text-xs text-muted">
            <tr>
              {["Environment", "Variant", "Asked for", "Met"].map((name) => (
                <th key={name} scope="col" className="px-4 py-2 font-medium">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {flag.served.map((one) => {
              const total = totals.get(one.environment) ?? 0;
              const share = total === 0 ? 0 : (100 * (one.evaluations + one.exposures)) / total;
              return (
                <tr key={`${one.environment}/${one.variant}`} className="border-t border-line">
                  <td className="px-4 py-2">{one.environment}</td>
                  <td className="px-4 py-2">
                    {one.variant} <span className="text-xs text-muted">{Number(share.toFixed(1))} %</span>
                  </td>
                  <td className="px-4 py-2">{users(one.evaluations)}</td>
                  <td className="px-4 py-2">{users(one.exposures)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </Section>
  );
}
