import { type Client, createClient } from "@latchkey/api/client";
import type { Installation } from "./installation.ts";

/** A person of the installation in a browser, signed in by a link. */
export async function signedIn(
  here: Installation,
  name: string,
  role: "deployer" | "viewer" = "deployer",
): Promise<Client> {
  const params = { project: "main" };
  const { id } = await here.owner.addPerson({ params, body: { name, role } });
  const { url } = await here.owner.createPersonLink({ params: { ...params, personId: id } });
  const answer = await fetch(`${here.url}/api/v1/sign-in`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ secret: new URL(url).hash.slice(1) }),
  });
  const cookie = (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  return createClient({
    baseUrl: here.url,
    fetch: (address, init) => fetch(address, { ...init, headers: { ...(init?.headers as object), cookie } }),
  });
}
