import { Dialog } from "../ui/Dialog.tsx";
import { Kbd } from "../ui/Text.tsx";
import { SHORTCUTS } from "./shortcuts.ts";

export function ShortcutSheet({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog open={open} onClose={onClose} title="Keyboard shortcuts" description="They rest while you type.">
      <dl className="m-0 divide-y divide-line">
        {SHORTCUTS.map(({ keys, words }) => (
          <div key={words + keys.join()} className="flex items-center justify-between gap-4 py-1.5">
            <dt>{words}</dt>
            <dd className="m-0 flex gap-1">
              {keys.map((key) => (
                <Kbd key={key}>{key}</Kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
