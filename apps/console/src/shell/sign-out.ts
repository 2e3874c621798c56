import { api, wordsOf } from "../api/client.ts";
import { to } from "../paths.ts";
import { toast } from "../ui/Toasts.tsx";

/** Ends the session and leaves, with a fresh page so that nothing stays in memory. */
export async function signOut(): Promise<void> {
  try {
    await api.signOut({});
    window.location.assign(to.signIn());
  } catch (error) {
    toast.failed("You are still signed in", wordsOf(error));
  }
}
