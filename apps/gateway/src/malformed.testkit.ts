import fc, { type Arbitrary } from "fast-check";

/**
 * HTTP/1.1 as it should not be written: start lines, headers, framings and bodies, each right or wrong in one of many
 * ways, put together at random. `ID` stands for what tells one message from the others.
 */
export interface Malformed {
  /** What its parts are, for whoever reads of it. */
  readonly what: readonly string[];
  readonly text: string;
}

type Part = readonly [what: string, text: string];
const GOOD_LINE: Part = ["post", "POST /api/ID HTTP/1.1\r\n"];
const START_LINES: readonly Part[] = [
  GOOD_LINE,
  ["get", "GET /api/ID HTTP/1.1\r\n"],
  ["absolute form", "GET http://x/api/ID HTTP/1.1\r\n"],
  ["absolute form of another", "GET http://evil.example/api/ID HTTP/1.1\r\n"],
  ["HTTP/0.9", "GET /api/ID\r\n"],
  ["HTTP/1.0", "POST /api/ID HTTP/1.0\r\n"],
  ["HTTP/2.0", "GET /api/ID HTTP/2.0\r\n"],
  ["HTTP/1.01", "GET /api/ID HTTP/1.01\r\n"],
  ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["a version in small letters", "GET /api/ID http/1.1\r\n"],
  ["a method in small letters", "get /api/ID HTTP/1.1\r\n"],
  ["two blanks", "GET  /api/ID  HTTP/1.1\r\n"],
  ["tabs for blanks", "GET\t/api/ID\tHTTP/1.1\r\n"],
  ["a blank in the path", "GET /api/ID /x HTTP/1.1\r\n"],
  ["a blank before it", " GET /api/ID HTTP/1.1\r\n"],
  ["empty lines before it", "\r\n\r\nGET /api/ID HTTP/1.1\r\n"],
  ["U+0000 in the path", "GET /api/ID\0x HTTP/1.1\r\n"],
  ["bytes over 127 in the path", "GET /api/ID\u00ff\u00fe HTTP/1.1\r\n"],
  ["a fragment", "GET /api/ID#/../x HTTP/1.1\r\n"],
  ["dots in the path", "GET /api/ID/../../x HTTP/1.1\r\n"],
  ["two slashes", "GET //evil.example/api/ID HTTP/1.1\r\n"],
  ["an asterisk", "OPTIONS * HTTP/1.1\r\n"],
  ["an authority", "CONNECT x:80 HTTP/1.1\r\n"],
  ["a long line", `GET /api/ID?${"a".repeat(14_000)} HTTP/1.1\r\n`],
  ["a line that is too long", `GET /api/ID?${"a".repeat(40_000)} HTTP/1.1\r\n`],
  ["a bare line feed after it", "GET /api/ID HTTP/1.1\n"],
  ["a bare carriage return after it", "GET /api/ID HTTP/1.1\r"],
];

/** In the place of a length: the right one, and what some read as another. */
const LENGTHS: readonly ((n: number) => Part)[] = [
  (n) => ["a length", `Content-Length: ${n}\r\n`],
  (n) => ["a length in blanks", `Content-Length:   ${n}  \r\n`],
  (n) => ["a length with noughts", `Content-Length: 00${n}\r\n`],
  (n) => ["a length with a sign", `Content-Length: +${n}\r\n`],
  () => ["a negative length", "Content-Length: -1\r\n"],
  (n) => ["a hexadecimal length", `Content-Length: 0x${n.toString(16)}\r\n`],
  (n) => ["a length twice", `Content-Length: ${n}\r\nContent-Length: ${n}\r\n`],
  (n) => ["two lengths", `Content-Length: 0\r\nContent-Length: ${n}\r\n`],
  (n) => ["a list of lengths", `Content-Length: ${n}, ${n}\r\n`],
  (n) => ["a list of two lengths", `Content-Length: ${n},0\r\n`],
  (n) => ["a length with a tail", `Content-Length: ${n};a\r\n`],
  (n) => ["a length with a blank in it", `Content-Length: ${n} 0\r\n`],
  (n) => ["a length with a fraction", `Content-Length: ${n}.0\r\n`],
  () => ["no number for a length", "Content-Length: \r\n"],
  () => ["a length beyond counting", "Content-Length: 18446744073709551617\r\n"],
  (n) => ["a length with an underscore", `Content_Length: ${n}\r\n`],
  (n) => ["a length with a blank before the colon", `Content-Length : ${n}\r\n`],
  (n) => ["a length on a folded line", `X-A: 1\r\n Content-Length: ${n}\r\n`],
  (n) => ["a length after a bare line feed", `X-A: 1\nContent-Length: ${n}\r\n`],
  (n) => ["a length that is too small", `Content-Length: ${Math.max(0, n - 3)}\r\n`],
  (n) => ["a length that is too large", `Content-Length: ${n + 40}\r\n`],
];

const CODINGS: readonly Part[] = [
  ["chunks", "Transfer-Encoding: chunked\r\n"],
  ["chunks in capitals", "tRANSFER-eNCODING: CHUNKED\r\n"],
  ["chunks after a tab", "Transfer-Encoding:\tchunked\r\n"],
  ["chunks after a vertical tab", "Transfer-Encoding: \x0bchunked\r\n"],
  ["chunks with a blank before the colon", "Transfer-Encoding : chunked\r\n"],
  ["chunks with a tab before the colon", "Transfer-Encoding\t: chunked\r\n"],
  ["chunks on a folded line", "Transfer-Encoding:\r\n chunked\r\n"],
  ["chunks after a bare line feed", "X-A: 1\nTransfer-Encoding: chunked\r\n"],
  ["chunks after a bare carriage return", "X-A: 1\rTransfer-Encoding: chunked\r\n"],
  ["chunks in quotes", 'Transfer-Encoding: "chunked"\r\n'],
  ["chunks with a parameter", "Transfer-Encoding: chunked;q=1\r\n"],
  ["chunks with a comma", "Transfer-Encoding: ,chunked,\r\n"],
  ["not quite chunks", "Transfer-Encoding: xchunked\r\n"],
  ["chunks and U+0000", "Transfer-Encoding: chunked\0\r\n"],
  ["chunks twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"],
  ["chunks and identity", "Transfer-Encoding: chunked, identity\r\n"],
  ["identity and chunks", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"],
  ["another coding and chunks", "Transfer-Encoding: gzip, chunked\r\n"],
  ["identity", "Transfer-Encoding: identity\r\n"],
  ["chunks with an underscore", "Transfer_Encoding: chunked\r\n"],
  ["chunks with another name before", "X: y\r\n\tTransfer-Encoding: chunked\r\n"],
];

const OTHER_HEADERS: readonly Part[] = [
  ["nothing else", ""],
  ["another host", "Host: evil.example\r\n"],
  ["U+0000 in a header", "X-A: a\0b\r\n"],
  ["a name of odd characters", "X-(A)@: 1\r\n"],
  ["no name", ": 1\r\n"],
  ["no colon", "X-A\r\n"],
  ["a header that is too long", `X-A: ${"a".repeat(20_000)}\r\n`],
  ["1,000 headers", "A: 1\r\n".repeat(1_000)],
  ["10,000 headers", "A: 1\r\n".repeat(10_000)],
  ["a bare line feed at its end", "X-A: 1\n"],
  ["a folded line", "X-A: 1\r\n 2\r\n"],
  ["framing by Connection", "Connection: content-length, transfer-encoding, host\r\n"],
  ["what only gateways say", "X-Latchkey-Arm: canary\r\nx_latchkey_arm: canary\r\nX-Forwarded-For: 6.6.6.6\r\n"],
  ["an upgrade to HTTP/2", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"],
  ["an upgrade to two protocols", "Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n"],
  ["an upgrade", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"],
  ["an expectation", "Expect: 100-continue\r\n"],
  ["an odd expectation", "Expect: tea\r\n"],
  ["a trailer told of", "Trailer: Content-Length\r\nTE: trailers\r\n"],
  ["another method by header", "X-HTTP-Method-Override: DELETE\r\n"],
];

const SMUGGLED = "GET /api/ID-smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
const PLAIN = "hello";
const PLAIN_BODIES: readonly Part[] = [
  ["a body", PLAIN],
  ["a request for a body", SMUGGLED],
  ["the end of chunks, and a request", `0\r\n\r\n${SMUGGLED}`],
  ["half a request", "GET /api/ID-smuggled HTTP/1.1\r\nX-A: "],
  ["no body", ""],
];
const size = SMUGGLED.length.toString(16);
const CHUNKED_BODIES: readonly Part[] = [
  ["a chunk", "5\r\nhello\r\n0\r\n\r\n"],
  ["a request in a chunk", `${size}\r\n${SMUGGLED}\r\n0\r\n\r\n`],
  ["a request behind the chunks", `0\r\n\r\n${SMUGGLED}`],
  ["a size with noughts", "0000000000000005\r\nhello\r\n0\r\n\r\n"],
  ["a size with a sign", "+5\r\nhello\r\n0\r\n\r\n"],
  ["a negative size", `-1\r\n${SMUGGLED}`],
  ["a size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"],
  ["a size beyond counting", `FFFFFFFFFFFFFFFF0\r\n${SMUGGLED}`],
  ["the largest size", `FFFFFFFFFFFFFFFF\r\n${SMUGGLED}`],
  ["a huge size", `7FFFFFFF\r\n${SMUGGLED}`],
  ["a size that is too small", "3\r\nhello\r\n0\r\n\r\n"],
  ["a size with a blank", "5 \r\nhello\r\n0\r\n\r\n"],
  ["no size", "\r\nhello\r\n0\r\n\r\n"],
  ["an extension", '5;a="\r\n";b=1\r\nhello\r\n0\r\n\r\n'],
  ["a long extension", `5;a=${"b".repeat(10_000)}\r\nhello\r\n0\r\n\r\n`],
  ["an extension of a megabyte", `5;a=${"b".repeat(1_000_000)}\r\nhello\r\n0\r\n\r\n`],
  ["a bare line feed after the size", `5\nhello\r\n0\r\n\r\n`],
  ["a bare line feed in an extension", `5;\nhello\r\n0\r\n\r\n`],
  ["a bare line feed after the data", "5\r\nhello\n0\r\n\r\n"],
  ["a bare carriage return after the size", "5\rhello\r\n0\r\n\r\n"],
  ["nothing after the data", "5\r\nhello0\r\n\r\n"],
  ["bare line feeds at the end", `0\n\n${SMUGGLED}`],
  [
    "a forbidden trailer",
    "5\r\nhello\r\n0\r\nContent-Length: 44\r\nHost: evil.example\r\nX-Latchkey-Arm: canary\r\n\r\n",
  ],
  ["a trailer of chunks", `0\r\nTransfer-Encoding: chunked\r\n\r\n${SMUGGLED}`],
  ["a trailer that is none", "0\r\nX A: 1\r\n\r\n"],
  ["many small chunks", `${"1\r\na\r\n".repeat(2_000)}0\r\n\r\n`],
  ["chunks without an end", "5\r\nhello\r\n"],
  ["more than may be sent", `${"4000\r\n".concat("a".repeat(0x4000), "\r\n").repeat(70)}0\r\n\r\n`],
];

const oneOf = (parts: readonly Part[]): Arbitrary<Part> => fc.constantFrom(...parts);
const HOST: readonly Part[] = [
  ["a host", "Host: x\r\n"],
  ["a host", "Host: x\r\n"],
  ["no host", ""],
  ["an empty host", "Host: \r\n"],
  ["a host that is none", "Host: x/../y@z\r\n"],
];

/** A framing and a body that may belong together: by length, by chunks, by both, by neither. */
const framed: Arbitrary<readonly Part[]> = fc.oneof(
  fc.tuple(fc.constantFrom(...LENGTHS), oneOf(PLAIN_BODIES)).map(([length, body]) => [length(body[1].length), body]),
  fc.tuple(oneOf(CODINGS), oneOf(CHUNKED_BODIES)),
  fc
    .tuple(oneOf(CODINGS), fc.constantFrom(...LENGTHS), oneOf(CHUNKED_BODIES), fc.boolean())
    .map(([coding, length, body, isFirst]) => {
      const counted = length(body[1].length);
      return isFirst ? [counted, coding, body] : [coding, counted, body];
    }),
  oneOf(PLAIN_BODIES).map((body) => [body]),
);

/** Mostly right but for one or two of its parts, so that the wrong ones are met by what comes after. */
const mostly = (parts: readonly Part[]): Arbitrary<Part> =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(parts[0] ?? GOOD_LINE) }, { weight: 1, arbitrary: oneOf(parts) });

const LAST = "GET /api/ID-last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/** One or two messages on a connection, and a right one behind them that ends it. */
export const malformed: Arbitrary<Malformed> = fc
  .array(fc.tuple(mostly(START_LINES), mostly(HOST), mostly(OTHER_HEADERS), framed), { minLength: 1, maxLength: 2 })
  .map((messages) => {
    const parts = messages.flatMap(([line, host, other, frame], i) => {
      const body = frame.at(-1) as Part;
      const named: Part = [line[0], line[1].replaceAll("ID", `ID-${i}`)];
      return [named, host, ...frame.slice(0, -1), other, ["", "\r\n"] as Part, body];
    });
    return {
      what: parts.map(([what]) => what).filter((what) => what !== ""),
      text: parts.map(([, text]) => text).join("") + LAST,
    };
  });
