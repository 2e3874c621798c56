import { Raw, type Value } from "./value.ts";

/** What attackers send. No text here is like what our own SQL, stack traces or paths look like: answers are searched for those. */
export const HOSTILE_TEXTS: readonly string[] = [
  "' OR '1'='1",
  "'; DROP TABLE LEDGER_ENTRY; --",
  "1) UNION ALL TABLE ACCESS_TOKEN --",
  "$1",
  "\\",
  "%' AND 1=1 --",
  "a\0b",
  "\0",
  "\ud800",
  "a\udc00b",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "../../../../etc/passwd",
  "..\\..\\windows",
  "/etc/passwd\0.json",
  ".",
  "..",
  "/",
  "//",
  "<script>alert(1)</script>",
  "{{7*7}}",
  "#{7*7}",
  "раураl",
  "ﬀ",
  "ⅷ",
  "\u202egnp.exe",
  "\u200b",
  "e\u0301\u0301\u0301\u0301",
  "\ufeff",
  "\ud83d\ude00".repeat(40),
  "a\r\nX-Injected: 1",
  "-1",
  "0",
  "1e30",
  "99999999999999999999",
  "0x7fffffff",
  "Infinity",
  "NaN",
  "null",
  "undefined",
  "true",
  "[]",
  "{}",
  `/${"a".repeat(300)}`,
  "x".repeat(150),
  "é".repeat(99),
  "~",
  "*",
  "%",
  "_",
];

/** Parts of an address that are no good encoding, or one of what no name holds. */
export const HOSTILE_PARTS: readonly Value[] = [
  ...["%", "%zz", "%00", "%ff", "%c0%ae%c0%ae", "%ed%a0%80", "%2e%2e%2f", "%252e", "..%2f..%2f", ";", "a;b=c"].map(
    (t) => new Raw(t),
  ),
  ...["%u0041", "+", "a%0d%0aX:1", "%e2%80%ae", "'", "a".repeat(2_000), "%41".repeat(200), "@", ":", "[", "|"].map(
    (t) => new Raw(t),
  ),
  ...HOSTILE_TEXTS,
];

/** Whole queries. */
export const HOSTILE_QUERIES: readonly string[] = [
  "limit=1&limit=2",
  "limit[]=1",
  "limit[$gt]=1",
  "__proto__[x]=1",
  "__proto__=1&constructor=2",
  "cursor=%ff",
  "cursor=%",
  "&&&===&",
  "a=1&".repeat(1_500),
  "=",
  "cursor=%00",
  "limit=1%00",
  "\u00ff=\u00fe",
];

export interface Trick {
  readonly what: string;
  /** Header lines that come with the request, or in the place of those that it has. */
  readonly headers: readonly (readonly [string, string])[];
  /** Header lines that it would have and has not. */
  readonly without?: readonly string[];
}
const trick = (what: string, ...headers: [string, string][]): Trick => ({ what, headers });

/** Header lines that try to be more than a header line. */
export const TRICKS: readonly Trick[] = [
  trick("another method by header", ["X-HTTP-Method-Override", "DELETE"], ["X-Method-Override", "PUT"]),
  trick("another address by header", ["X-Original-URL", "/api/v1/me"], ["X-Rewrite-URL", "/metrics"]),
  trick("a key of 200 characters", ["Idempotency-Key", "k".repeat(200)]),
  trick("a key of 201 characters", ["Idempotency-Key", "k".repeat(201)]),
  trick("an empty key", ["Idempotency-Key", ""]),
  trick("a key that many use", ["Idempotency-Key", "1"]),
  trick("a key of odd bytes", ["Idempotency-Key", "\u00e9\u00ff\u00a0'; --"]),
  trick("two keys", ["Idempotency-Key", "a"], ["Idempotency-Key", "b"]),
  trick("another host", ["Host", "evil.example"]),
  trick("a host that is none", ["Host", "a b/../@"]),
  trick("two hosts", ["Host", "127.0.0.1"], ["Host", "evil.example"]),
  { what: "no host", headers: [], without: ["host"] },
  trick("a foreign page", ["Origin", "http://evil.example"]),
  trick("a page that is none", ["Origin", "null"]),
  trick("an address instead of ours", ["X-Forwarded-For", "127.0.0.1"], ["X-Forwarded-Host", "evil.example"]),
  trick("a header that is too long", ["X-A", "a".repeat(20_000)]),
  trick("too many headers", ...Array.from({ length: 2_500 }, (_, i): [string, string] => [`X-${i}`, "1"])),
  trick("a line break in a header", ["X-A", "1\r\nX-Injected: 2"]),
  trick("a bare carriage return in a header", ["X-A", "1\rX-Injected: 2"]),
  trick("a bare line feed in a header", ["X-A", "1\nX-Injected: 2"]),
  trick("U+0000 in a header", ["X-A", "a\0b"]),
  trick("a blank before the colon", ["X-A ", "1"]),
  trick("a name that is none", ["X A(", "1"]),
  trick("another kind of content", ["Content-Type", "text/plain"]),
  trick("content of no kind", ["Content-Type", "a/b/c;;="]),
  trick("XML", ["Content-Type", "application/xml"]),
  trick("a form with files", ["Content-Type", "multipart/form-data; boundary=a"]),
  trick("another character set", ["Content-Type", "application/json; charset=utf-16"]),
  trick("compressed content that is not", ["Content-Encoding", "gzip"]),
  trick("an answer of another kind", ["Accept", "image/png"]),
  trick("an expectation", ["Expect", "tea"]),
  trick("an upgrade", ["Connection", "Upgrade"], ["Upgrade", "websocket"]),
  trick("a length that is none", ["Content-Length", "-1"]),
  trick("a length and chunks", ["Transfer-Encoding", "chunked"]),
  trick("a range", ["Range", "bytes=0-0,2-2,4-"]),
  trick("many cookies", ["Cookie", "lk_session=x; ".repeat(200)]),
  trick("a cookie named __proto__", ["Cookie", "__proto__=1; lk_session=__proto__"]),
];
