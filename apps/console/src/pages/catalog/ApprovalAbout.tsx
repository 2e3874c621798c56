import { useQuery } from "@tanstack/react-query";
import { queries } from "../../api/queries.ts";
import { to } from "../../paths.ts";
import { StateBadge } from "../../ui/Badge.tsx";
import { firstLine, shortCommit } from "../../ui/format.ts";
import { ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { A, Mono } from "../../ui/Text.tsx";

const CHANGES_SHOWN = 20;

/** The changes of a deployment that waits, and how its gates stand: what one looks at before one says yes. */
export function ApprovalAbout({ subject }: { subject: string }) {
  const [kind, id = ""] = subject.split("/");
  const deployment = useQuery({ ...queries.deployment(id), enabled: kind === "deployment" });
  if (kind !== "deployment") return <p className="m-0 mt-1 text-xs text-muted">{subject}</p>;
  if (deployment.error) return <ErrorPanel error={deployment.error} retry={() => void deployment.refetch()} />;
  if (!deployment.data) return <Skeleton rows={3} />;
  const { changes, gates, words } = deployment.data;
  return (
    <div className="mt-2 flex flex-col gap-3 rounded-md border border-line bg-sunken p-3 text-xs">
      <p className="m-0">
        <A href={to.deployment(id)}>The deployment</A>: {words}
      </p>
      <div>
        <h3 className="m-0 mb-1 text-xs font-semibold">Changes</h3>
        {changes.length === 0 ? (
          <p className="m-0 text-muted">No change is known: it was built from a folder, or nothing served before.</p>
        ) : (
          <ul className="m-0 list-none p-0">
            {changes.slice(0, CHANGES_SHOWN).map((change) => (
              <li key={change.commit} className="break-words">
                <Mono>{shortCommit(change.commit)}</Mono> {firstLine(change.message)}{" "}
                <span className="text-muted">by {change.author}</span>
              </li>
            ))}
            {changes.length > CHANGES_SHOWN && (
              <li className="text-muted">and {changes.length - CHANGES_SHOWN} more, on the deployment's page</li>
            )}
          </ul>
        )}
      </div>
      <div>
        <h3 className="m-0 mb-1 text-xs font-semibold">Gates</h3>
        <ul className="m-0 flex list-none flex-col gap-1 p-0">
          {gates.map((gate) => (
            <li key={gate.name} className="flex flex-wrap items-center gap-2">
              <StateBadge state={gate.status} />
              <span className="font-medium">{gate.name}</span>
              <span className="min-w-0 break-words text-muted">{gate.words}</span>
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}
