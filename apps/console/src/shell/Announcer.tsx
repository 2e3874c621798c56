import { useEffect, useState } from "react";
import { onEntry } from "../api/stream.ts";
import { sentence, spaced } from "../ui/format.ts";

/** Tells screen readers of what changed in delivery. Sign-ins and the like are not worth an interruption. */
export function Announcer() {
  const [words, setWords] = useState("");
  useEffect(
    () =>
      onEntry((entry) => {
        if (!entry.type.startsWith("delivery.")) return;
        const said = typeof entry.data.words === "string" ? entry.data.words : "";
        const [, noun = "", verb = ""] = entry.type.split(".");
        setWords(`${sentence(noun)} ${spaced(verb)}. ${said}`);
      }),
    [],
  );
  return (
    <div role="status" aria-live="polite" className="sr-only">
      {words}
    </div>
  );
}
