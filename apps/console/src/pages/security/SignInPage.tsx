import { useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { ApiError, api } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import { to } from "../../paths.ts";
import { Mark } from "../../ui/Mark.tsx";
import { PageHead } from "../../ui/Section.tsx";
import { CopyButton } from "../../ui/Text.tsx";

type State = { kind: "none" } | { kind: "busy" } | { kind: "spent"; words: string; remedy: string };

const COMMAND = "npx latchkey sign-in";

/** Taken once, when this file is first read: React may mount a page twice, and a secret works once. */
let secret = window.location.hash.startsWith("#lk_") ? window.location.hash.slice(1) : null;
if (secret) window.history.replaceState(null, "", window.location.pathname + window.location.search);

function useSignIn(): State {
  const navigate = useNavigate();
  const client = useQueryClient();
  const { back } = useSearch({ from: "/sign-in" });
  const [state, setState] = useState<State>({ kind: secret ? "busy" : "none" });
  const goOn = useRef(() => {});
  goOn.current = () => void navigate({ href: back ?? to.overview(), replace: true });

  useEffect(() => {
    const exchange = (fresh: string): void => {
      setState({ kind: "busy" });
      api.signIn({ body: { secret: fresh } }).then(
        (me) => {
          client.setQueryData(keys.me, me);
          goOn.current();
        },
        (error: unknown) => {
          const problem = error instanceof ApiError ? error.problem : null;
          setState({
            kind: "spent",
            words: problem?.detail ?? "The sign-in did not work.",
            remedy: problem?.remedy ?? "",
          });
        },
      );
    };
    const take = (): void => {
      const { hash } = window.location;
      if (!hash.startsWith("#lk_")) return;
      window.history.replaceState(null, "", window.location.pathname + window.location.search);
      exchange(hash.slice(1));
    };
    if (secret) {
      const once = secret;
      secret = null;
      exchange(once);
    } else take();
    window.addEventListener("hashchange", take);
    return () => window.removeEventListener("hashchange", take);
  }, [client]);
  return state;
}

export function SignInPage() {
  const state = useSignIn();
  return (
    <main className="mx-auto flex min-h-dvh max-w-md flex-col justify-center px-5 py-12">
      <Mark className="mb-6 size-9" />
      <PageHead
        title={state.kind === "busy" ? "Signing you in" : "Sign in to Latchkey"}
        lead={
          state.kind === "busy" ? "One moment." : "There are no passwords here: a link from the terminal signs you in."
        }
      />
      <div aria-live="polite">
        {state.kind === "spent" && (
          <div className="mb-4 rounded-md border border-line bg-bad-soft px-4 py-3">
            <p className="m-0 font-medium text-bad">That link did not work.</p>
            <p className="m-0 mt-1 text-soft">
              {state.words} {state.remedy}
            </p>
          </div>
        )}
      </div>
      {state.kind !== "busy" && (
        <>
          <p className="m-0 mb-2 text-soft">On the machine where Latchkey runs, in its folder:</p>
          <div className="flex items-center justify-between rounded-md border border-line-strong bg-surface py-2 pr-2 pl-4">
            <code className="font-mono">{COMMAND}</code>
            <CopyButton text={COMMAND} label="Copy the command" />
          </div>
          <p className="m-0 mt-3 text-muted">
            It prints a link that works once, within 15 minutes. Open it in this browser, and you come back to where you
            were. Somebody who is signed in can also make a link for you, under Settings.
          </p>
        </>
      )}
    </main>
  );
}
