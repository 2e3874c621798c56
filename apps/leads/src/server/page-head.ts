/** Settings of the page's flags, as its script reads them. The key of a browser is no secret. */
export function headOf(env: Readonly<Record<string, string | undefined>>): string {
  const { LATCHKEY_FLAGS_PUBLIC_URL: url, LATCHKEY_FLAGS_BROWSER_KEY: key } = env;
  if (!url || !key) return "";
  const text = JSON.stringify({ url, key }).replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
  return `<meta name="latchkey-flags" content="${text}">`;
}
