import { useQuery } from "@tanstack/react-query";
import { CircleCheck, CircleHelp, CircleX } from "lucide-react";
import { queries } from "../../api/queries.ts";
import type { LedgerProof } from "../../api/types.ts";
import { plural, shortHash } from "../../ui/format.ts";
import { Section } from "../../ui/Section.tsx";
import { ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { Code, CopyButton, Mono } from "../../ui/Text.tsx";
import { type Checked, check, conclusion } from "./proof.ts";

/** The proof of one entry, checked here and shown as the way from the leaf to the signed root. */
export function ProofPanel({ sequence }: { sequence: number }) {
  const q = useQuery(queries.ledgerProof(sequence));
  const proof = q.data;
  const checked = useQuery({
    queryKey: ["proof-check", sequence, proof?.checkpoint.size],
    queryFn: () => (proof ? check(proof) : null),
    enabled: proof !== undefined,
  });
  return (
    <Section title="Proof" note="checked in this browser">
      {proof && checked.data ? (
        <Shown proof={proof} checked={checked.data} />
      ) : q.error || checked.error ? (
        <ErrorPanel error={q.error ?? checked.error} retry={() => void q.refetch()} />
      ) : (
        <Skeleton rows={4} />
      )}
    </Section>
  );
}

function Line({ ok, children }: { ok: boolean | null; children: string }) {
  const [Icon, tone, word] =
    ok === null
      ? [CircleHelp, "text-warn", "not checked"]
      : ok
        ? [CircleCheck, "text-good", "holds"]
        : [CircleX, "text-bad", "fails"];
  return (
    <li className="flex items-start gap-2">
      <Icon size={15} className={`mt-0.5 shrink-0 ${tone}`} aria-hidden />
      <span>
        {children} <span className={`text-xs ${ok ? "sr-only" : tone}`}>{word}</span>
      </span>
    </li>
  );
}

function Shown({ proof, checked: c }: { proof: LedgerProof; checked: Checked }) {
  const { checkpoint, entry } = proof;
  const { ok, words } = conclusion(c, entry.sequence, checkpoint.size);
  return (
    <div className="flex flex-col gap-4">
      <p
        role="status"
        className={`m-0 rounded-md px-3 py-2 font-medium ${ok ? "bg-good-soft text-good" : "bg-bad-soft text-bad"}`}
      >
        {words}
      </p>
      <ul className="m-0 list-none flex flex-col gap-1 p-0">
        <Line ok={c.leafOk && c.entryOk}>
          The bytes of this entry have the recorded hash, and say what is shown here.
        </Line>
        <Line
          ok={c.pathOk}
        >{`${plural(c.rungs.length, "hash", "hashes")} lead from it to the root of ${checkpoint.size} entries.`}</Line>
        <Line ok={c.noteOk}>The signed note names that root, that size and this key.</Line>
        <Line ok={c.signatureOk}>The Ed25519 signature of the note is the key's.</Line>
      </ul>
      <Path checked={c} sequence={entry.sequence} root={checkpoint.rootHash} />
      <details>
        <summary className="text-soft">The signed note, and the key to check it elsewhere</summary>
        <div className="mt-2 flex flex-col gap-2">
          <Code label="The signed note">{checkpoint.note}</Code>
          <p className="m-0 flex flex-wrap items-center gap-1 text-xs text-muted">
            Public key <Mono className="break-all">{checkpoint.publicKey}</Mono>
            <CopyButton text={checkpoint.publicKey} label="Copy the public key" />
          </p>
        </div>
      </details>
    </div>
  );
}

/** The way up as a ladder: at each rung the hash so far meets its neighbour, on the left or on the right. */
function Path({ checked: c, sequence, root }: { checked: Checked; sequence: number; root: string }) {
  const cell = "rounded border px-2 py-0.5 font-mono text-xs";
  return (
    <section
      aria-label="The path from the entry to the root"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard.
      tabIndex={0}
      className="overflow-x-auto"
    >
      <ol className="m-0 flex list-none flex-col gap-1 p-0">
        <li className="flex items-center gap-2">
          <span className={`${cell} border-accent bg-accent-soft text-accent`}>{shortHash(c.leaf, 10)}</span>
          <span className="text-xs text-muted">entry {sequence}</span>
        </li>
        {c.rungs.map((rung, i) => {
          const top = i === c.rungs.length - 1;
          const sibling = (
            <span className={`${cell} border-line-strong text-muted`} title={rung.sibling}>
              {shortHash(rung.sibling, 10)}
            </span>
          );
          const own = <span className="font-mono text-xs text-accent">own</span>;
          return (
            <li
              key={rung.result}
              className="flex items-center gap-2 whitespace-nowrap"
              style={{ paddingLeft: `${(i + 1) * 7}px` }}
            >
              <span className="text-muted" aria-hidden>
                └
              </span>
              {rung.side === "left" ? (
                <>
                  {sibling} <span className="text-muted">+</span> {own}
                </>
              ) : (
                <>
                  {own} <span className="text-muted">+</span> {sibling}
                </>
              )}
              <span className="text-muted" aria-hidden>
                =
              </span>
              <span
                className={`${cell} ${top ? (rung.result === root ? "border-good bg-good-soft text-good" : "border-bad bg-bad-soft text-bad") : "border-accent text-accent"}`}
                title={rung.result}
              >
                {shortHash(rung.result, 10)}
              </span>
              {top && (
                <span className="text-xs text-muted">{rung.result === root ? "the signed root" : "not the root"}</span>
              )}
            </li>
          );
        })}
      </ol>
    </section>
  );
}
