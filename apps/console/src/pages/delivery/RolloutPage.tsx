import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { isMissing } from "../../api/client.ts";
import { queries } from "../../api/queries.ts";
import type { Rollout, RolloutAction } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { FaultBadge, StateBadge, VerdictBadge } from "../../ui/Badge.tsx";
import { Button } from "../../ui/Button.tsx";
import { PageHead, Section } from "../../ui/Section.tsx";
import { ErrorPanel, PageSkeleton } from "../../ui/States.tsx";
import { A, Ago } from "../../ui/Text.tsx";
import { ACTION_WORDS } from "../../words.ts";
import { NotFoundPage } from "../NotFoundPage.tsx";
import { ActionDialog } from "./ActionDialog.tsx";
import { ArmTable } from "./ArmTable.tsx";
import { CarriedPanel } from "./CarriedPanel.tsx";
import { DecisionList } from "./DecisionList.tsx";
import { EvidencePanel, GuardPanel } from "./EvidencePanel.tsx";
import { ExplainPanel } from "./ExplainPanel.tsx";
import { NextPanel } from "./NextPanel.tsx";
import { ProgressPanel } from "./ProgressPanel.tsx";
import { RolloutChartsPanel } from "./RolloutChartsPanel.tsx";
import { headline, isOver, verdictWords } from "./rollout-words.ts";
import { SplitPicture } from "./SplitPicture.tsx";

function Actions({ actions, onAsk }: { actions: readonly RolloutAction[]; onAsk: (action: RolloutAction) => void }) {
  return actions.map((action) => (
    <Button
      key={action}
      kind={
        action === "roll_back"
          ? "danger"
          : action === "resume" || (action === "promote" && !actions.includes("resume"))
            ? "primary"
            : "plain"
      }
      onClick={() => onAsk(action)}
    >
      {ACTION_WORDS[action].verb}
    </Button>
  ));
}

function Head({ rollout: r, onAsk }: { rollout: Rollout; onAsk: (action: RolloutAction) => void }) {
  return (
    <PageHead
      title={`${r.service} #${r.canary.number} to ${r.environment}`}
      over={
        <>
          <A href={to.service(r.service)}>{r.service}</A>
          <span aria-hidden>/</span>
          <A href={to.deployment(r.deploymentId)}>deployment</A>
          <span aria-hidden>/</span>
          <span>rollout</span>
          <span aria-hidden>·</span>
          <span>
            began <Ago at={r.startedAt} />
          </span>
        </>
      }
      badge={
        <>
          <StateBadge state={r.state} />
          {r.report && <VerdictBadge verdict={r.report.verdict} />}
          <FaultBadge fault={r.canary.fault} />
        </>
      }
      lead={
        <div aria-live="polite">
          {headline(r)} {!isOver(r) && r.report && <span className="text-muted">{verdictWords(r.report)}</span>}
        </div>
      }
      actions={<Actions actions={r.allowedActions} onAsk={onAsk} />}
    />
  );
}

function Explanation({ rollout: r }: { rollout: Rollout }) {
  const { explain } = useSearch({ from: "/shell/rollouts/$rolloutId" });
  const navigate = useNavigate({ from: "/rollouts/$rolloutId" });
  const open = explain === "1";
  return (
    <Section
      title="Explain"
      note="replays the recorded evidence through the decider"
      actions={
        <Button
          size="small"
          aria-expanded={open}
          onClick={() =>
            void navigate({
              search: (old) => ({ ...old, explain: open ? undefined : "1" }),
              replace: true,
              resetScroll: false,
            })
          }
        >
          {open ? "Hide" : "Replay it"}
        </Button>
      }
    >
      {open ? (
        <ExplainPanel rolloutId={r.id} />
      ) : (
        <p className="m-0 text-muted">
          Every look and every decision is recorded. A replay shows whether the same evidence leads to the same
          decisions.
        </p>
      )}
    </Section>
  );
}

function Body({ rollout: r }: { rollout: Rollout }) {
  return (
    <div className="flex flex-col gap-6">
      <div className="grid gap-6 lg:grid-cols-[3fr_2fr]">
        <SplitPicture rollout={r} />
        <NextPanel rollout={r} />
      </div>
      <ProgressPanel rollout={r} />
      {r.report && r.baseline && <EvidencePanel report={r.report} />}
      {r.baseline && <RolloutChartsPanel rollout={r} />}
      <div className="grid items-start gap-6 lg:grid-cols-[3fr_2fr]">
        <div className="flex min-w-0 flex-col gap-6">
          <CarriedPanel carries={r.carries} split={r.split} deploymentId={r.deploymentId} />
          <DecisionList decisions={r.decisions} />
          <Explanation rollout={r} />
        </div>
        <div className="flex min-w-0 flex-col gap-6">
          <ArmTable rollout={r} />
          {r.report && <GuardPanel guards={r.report.guards} />}
        </div>
      </div>
    </div>
  );
}

export function RolloutPage() {
  const { rolloutId } = useParams({ from: "/shell/rollouts/$rolloutId" });
  const { ask } = useSearch({ from: "/shell/rollouts/$rolloutId" });
  const navigate = useNavigate({ from: "/rollouts/$rolloutId" });
  const q = useQuery(queries.rollout(rolloutId));
  const setAsk = (next: RolloutAction | undefined): void =>
    void navigate({ search: (old) => ({ ...old, ask: next }), replace: next === undefined, resetScroll: false });
  if (isMissing(q.error)) return <NotFoundPage what="rollout" />;
  if (!q.data) return q.error ? <ErrorPanel error={q.error} retry={() => void q.refetch()} /> : <PageSkeleton />;
  return (
    <>
      <Head rollout={q.data} onAsk={setAsk} />
      <Body rollout={q.data} />
      <ActionDialog rollout={q.data} action={ask} onClose={() => setAsk(undefined)} />
    </>
  );
}
