import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, project } from "../../../api/client.ts";
import { keys } from "../../../api/queries.ts";
import type { FlagView } from "../../../api/types.ts";
import { Skeleton } from "../../../ui/States.tsx";
import type { Draft } from "./draft.ts";

const share = (of: number, all: number): string => `${((100 * of) / Math.max(1, all)).toFixed(of === all ? 0 : 1)} %`;

/** How many of last week's users would get which variant, beside how it is now. */
export function LastWeek({ flag, draft, environment }: { flag: FlagView; draft: Draft; environment: string }) {
  const q = useQuery({
    queryKey: [...keys.flag(flag.key), "preview", environment, draft],
    queryFn: ({ signal }) =>
      api.previewFlag({ params: { project, flag: flag.key }, body: { environment, definition: draft }, signal }),
    placeholderData: keepPreviousData,
    retry: false,
    gcTime: 0,
  });
  return (
    <div aria-live="polite">
      <h3 className="m-0 mb-1 text-xs font-medium text-soft">Of last week’s users</h3>
      {q.error ? (
        <p className="m-0 text-muted">Shown once the rules are complete.</p>
      ) : !q.data ? (
        <Skeleton rows={2} />
      ) : q.data.users === 0 ? (
        <p className="m-0 text-xs text-muted">
          Nobody in {environment} has met a flag yet. Once they do, this shows how many of them would get what.
        </p>
      ) : (
        <>
          <table className="w-full border-collapse text-sm">
            <thead>
              <tr className="text-left text-xs text-muted">
                <th scope="col" className="font-normal">
                  Variant
                </th>
                <th scope="col" className="text-right font-normal">
                  now
                </th>
                <th scope="col" className="text-right font-normal">
                  then
                </th>
              </tr>
            </thead>
            <tbody>
              {q.data.variants.map((one) => (
                <tr key={one.variant ?? ""}>
                  <td>{one.variant ?? "the value in the code"}</td>
                  <td className="text-right tabular-nums">{share(one.before, q.data.users)}</td>
                  <td className="text-right tabular-nums">{share(one.after, q.data.users)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <p className="mt-1 mb-0 text-xs text-muted">
            {share(q.data.changed, q.data.users)} would get something else. About {q.data.estimatedUsers} users asked;{" "}
            {q.data.users} of them are looked at, without knowing who they are.
          </p>
        </>
      )}
    </div>
  );
}
