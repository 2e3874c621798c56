import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { isMissing } from "../../api/client.ts";
import { queries } from "../../api/queries.ts";
import type { LedgerEntry } from "../../api/types.ts";
import { ofSubject, to } from "../../paths.ts";
import { LinkButton } from "../../ui/Button.tsx";
import { moment } from "../../ui/format.ts";
import { Facts, PageHead, Section } from "../../ui/Section.tsx";
import { ErrorPanel, PageSkeleton } from "../../ui/States.tsx";
import { A, Ago, Code, CopyButton, Mono } from "../../ui/Text.tsx";
import { NotFoundPage } from "../NotFoundPage.tsx";
import { entryWords } from "./entry-words.ts";
import { ProofPanel } from "./ProofPanel.tsx";

function About({ entry: e }: { entry: LedgerEntry }) {
  const page = ofSubject(e.subject);
  return (
    <Section title="Envelope">
      <Facts
        items={[
          [
            "Type",
            <Mono key="t" className="break-all">
              {e.type}
            </Mono>,
          ],
          [
            "Subject",
            page ? (
              <A key="s" href={page} className="break-all">
                {e.subject}
              </A>
            ) : (
              <Mono key="s" className="break-all">
                {e.subject}
              </Mono>
            ),
          ],
          ["Actor", `${e.actor.name} (${e.actor.kind})`],
          ["Occurred", moment(e.occurredAt)],
          ["Recorded", moment(e.recordedAt)],
          [
            "Belongs to",
            e.correlation ? (
              <A
                key="c"
                href={e.correlation.startsWith("dep_") ? to.deployment(e.correlation) : to.ledger()}
                className="break-all"
              >
                {e.correlation}
              </A>
            ) : (
              <span key="n" className="text-muted">
                nothing else
              </span>
            ),
          ],
          e.causation
            ? [
                "Caused by",
                <Mono key="w" className="break-all">
                  {e.causation}
                </Mono>,
              ]
            : null,
          [
            "Id",
            <Mono key="i" className="break-all">
              {e.id}
            </Mono>,
          ],
          ["Schema version", e.schemaVersion],
        ]}
      />
    </Section>
  );
}

export function EntryPage() {
  const { sequence } = useParams({ from: "/shell/ledger/$sequence" });
  const number = /^\d{1,15}$/.test(sequence) ? Number(sequence) : -1;
  const q = useQuery({ ...queries.ledgerEntry(number), enabled: number >= 0 });
  if (number < 0 || isMissing(q.error)) return <NotFoundPage what="ledger entry" />;
  if (!q.data) return q.error ? <ErrorPanel error={q.error} retry={() => void q.refetch()} /> : <PageSkeleton />;
  const e = q.data;
  const json = JSON.stringify(e.data, null, 2);
  return (
    <>
      <PageHead
        title={`Ledger entry ${e.sequence}`}
        over={
          <>
            <A href={to.ledger()}>Ledger</A>
            <span aria-hidden>/</span>
            <span>{e.sequence}</span>
            <span aria-hidden>·</span>
            <Ago at={e.recordedAt} />
          </>
        }
        lead={entryWords(e)}
        actions={
          <>
            {number > 0 && <LinkButton href={to.ledgerEntry(number - 1)}>Before</LinkButton>}
            <LinkButton href={to.ledgerEntry(number + 1)}>After</LinkButton>
          </>
        }
      />
      <div className="flex flex-col gap-6">
        <About entry={e} />
        <div className="grid items-start gap-6 lg:grid-cols-2">
          <Section title="Data" flush actions={<CopyButton text={json} label="Copy the data" />}>
            <Code label="Data of the entry" className="max-h-[36rem] rounded-none border-0">
              {json}
            </Code>
          </Section>
          <ProofPanel sequence={e.sequence} />
        </div>
      </div>
    </>
  );
}
