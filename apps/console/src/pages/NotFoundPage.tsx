import { to } from "../paths.ts";
import { LinkButton } from "../ui/Button.tsx";
import { PageHead } from "../ui/Section.tsx";

export function NotFoundPage({ what = "page" }: { what?: string }) {
  return (
    <div className="py-10">
      <PageHead
        title={`There is no such ${what}`}
        lead="The address may be mistyped, or what it named is gone. Search with Ctrl K, or start from the overview."
      />
      <div className="flex gap-2">
        <LinkButton href={to.overview()} kind="primary">
          Go to the overview
        </LinkButton>
        <LinkButton href={to.ledger()}>Look in the ledger</LinkButton>
      </div>
    </div>
  );
}
