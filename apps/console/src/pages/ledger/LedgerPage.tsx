export function LedgerPage() {
  return <h1>LedgerPage</h1>;
}
