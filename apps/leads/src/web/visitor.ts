/** Who looks at the page, as far as shares of visitors need to know: a number of this browser. */
export function visitor(): string {
  const place = "hidden-key-visitor";
  try {
    const known = localStorage.getItem(place);
    if (known) return known;
    const made = crypto.randomUUID();
    localStorage.setItem(place, made);
    return made;
  } catch {
    return "";
  }
}
