import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { createTarDecoder } from "modern-tar";
import { END_BYTES, isSigned, PART_BYTES, signatureIn, signedText, TRAILER_BYTES, trailerOf } from "./container.ts";
import { BackupFault, MANIFEST, Manifest, type Part } from "./manifest.ts";

/** A compressed part is never larger than this, the manifest neither (200 bytes for each 4 MiB: 300 GB have 16 MiB). */
const ENTRY_MAX_BYTES = 16 * 1024 * 1024;

interface Entry {
  readonly name: string;
  readonly body: Buffer;
}

/** The entries before the signature, one after the other; `onBytes` sees every byte of them. */
async function* entriesOf(file: string, end: number, onBytes: (chunk: Buffer) => void): AsyncGenerator<Entry> {
  let last = "its beginning";
  try {
    const source = Readable.toWeb(Readable.from(bytesOf(file, end, onBytes))) as ReadableStream<Uint8Array>;
    const entries = source.pipeThrough(createTarDecoder({ strict: true }));
    for await (const { header, body } of iterable(entries)) {
      if (header.size > ENTRY_MAX_BYTES)
        throw new BackupFault(`The part ${header.name} says that it has ${header.size} bytes.`);
      const pieces: Uint8Array[] = [];
      for await (const piece of iterable(body)) pieces.push(piece);
      last = `the part ${header.name}`;
      yield { name: header.name, body: Buffer.concat(pieces) };
    }
  } catch (error) {
    if (error instanceof BackupFault) throw error;
    const words = (error instanceof Error ? error.message : String(error)).replace(/\.$/, "");
    throw new BackupFault(`The file can't be read beyond ${last}: ${words}.`);
  }
}

/** The file without its trailer, ended as a tar ends. */
async function* bytesOf(file: string, end: number, onBytes: (chunk: Buffer) => void): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(file, { end: end - 1 }) as AsyncIterable<Buffer>) {
    onBytes(chunk);
    yield chunk;
  }
  yield Buffer.alloc(END_BYTES);
}

/** Node's web streams are iterable; the types of the browser's do not say so. */
const iterable = <T>(stream: ReadableStream<T>): AsyncIterable<T> => stream as unknown as AsyncIterable<T>;

async function trailerIn(file: string): Promise<{ trailer: Buffer; end: number }> {
  const handle = await open(file, "r").catch((error: NodeJS.ErrnoException) => {
    throw new BackupFault(
      error.code === "ENOENT" ? `There is no file ${file}.` : `${file} can't be read (${error.code}).`,
    );
  });
  try {
    const { size } = await handle.stat();
    if (size <= TRAILER_BYTES)
      throw new BackupFault("The file is too short for a backup: it was cut short, or is something else.");
    const trailer = Buffer.alloc(TRAILER_BYTES);
    await handle.read(trailer, 0, TRAILER_BYTES, size - TRAILER_BYTES);
    return { trailer, end: size - TRAILER_BYTES };
  } finally {
    await handle.close();
  }
}

/**
 * Reads the whole file and answers its manifest. Throws a sentence that names the first part that is not as it was
 * written; nothing is changed by it. That the key is the right one is for the caller to judge.
 */
export async function checkContainer(file: string): Promise<Manifest> {
  const { trailer, end } = await trailerIn(file);
  const signature = signatureIn(trailer);
  if (!trailer.equals(await trailerOf(signature)))
    throw new BackupFault(
      "The file does not end with its signature (part SIGNATURE): it was cut short or changed there.",
    );
  const whole = createHash("sha256");
  const found: Part[] = [];
  let text: Buffer | null = null;
  for await (const { name, body } of entriesOf(file, end, (chunk) => whole.update(chunk))) {
    if (text) throw new BackupFault(`The part ${name} stands after the manifest, where none may be.`);
    if (name === MANIFEST) text = body;
    else found.push(partOf(name, body));
  }
  if (!text) throw new BackupFault(`The part ${MANIFEST} is missing: the file was cut short or changed.`);
  const manifest = parse(text);
  compare(manifest.parts, found);
  if (!isSigned(signedText(whole.digest("hex")), signature, manifest.publicKey))
    throw new BackupFault(
      `The signature (part SIGNATURE) does not fit: ${MANIFEST}, or what stands between the parts, was changed.`,
    );
  return manifest;
}

const partOf = (name: string, body: Buffer): Part => ({
  name,
  sizeBytes: body.length,
  sha256: createHash("sha256").update(body).digest("hex"),
});

function parse(text: Buffer): Manifest {
  let read: unknown;
  try {
    read = JSON.parse(text.toString("utf8"));
  } catch {
    throw new BackupFault(`The part ${MANIFEST} is not JSON: it was changed.`);
  }
  const parsed = Manifest.safeParse(read);
  if (parsed.success) return parsed.data;
  const format = (read as { format?: unknown } | null)?.format;
  const where = parsed.error.issues[0]?.path.map(String).join(".") || "its form";
  throw new BackupFault(
    `The part ${MANIFEST} can't be understood (${where}): it was changed, or made by another version (${String(format).slice(0, 40)}).`,
  );
}

function compare(told: readonly Part[], found: readonly Part[]): void {
  for (const [i, part] of told.entries()) {
    const there = found[i];
    if (there?.name !== part.name) throw new BackupFault(`The part ${part.name} is missing or was renamed.`);
    if (there.sizeBytes !== part.sizeBytes || there.sha256 !== part.sha256)
      throw new BackupFault(`The part ${part.name} was changed: its SHA-256 is another than the manifest's.`);
  }
  const more = found[told.length];
  if (more) throw new BackupFault(`The part ${more.name} is not in the manifest.`);
}

const decompress = promisify(gunzip);

/** Takes what streams hold, in the order of the file. */
export interface Sink {
  write(bytes: Buffer): Promise<void>;
  end(): Promise<void>;
}

/**
 * Reads a file that was checked, stream by stream: `open` answers where the bytes of one go, or null to leave it out.
 * Each part is hashed again: between check and use the file may have changed.
 */
export async function readStreams(
  file: string,
  manifest: Manifest,
  open: (stream: string) => Promise<Sink | null>,
): Promise<void> {
  const { end } = await trailerIn(file);
  let stream = "";
  let sink: Sink | null = null;
  let at = 0;
  for await (const { name, body } of entriesOf(file, end, () => {})) {
    if (name === MANIFEST) break;
    compare(manifest.parts.slice(at, at + 1), [partOf(name, body)]);
    at += 1;
    const cut = name.lastIndexOf("/");
    const compressed = name.endsWith(".gz") && cut > 0;
    const now = compressed ? name.slice(0, cut) : name;
    if (now !== stream) {
      await sink?.end();
      stream = now;
      sink = await open(stream);
    }
    if (sink) await sink.write(compressed ? await decompress(body, { maxOutputLength: PART_BYTES }) : body);
  }
  await sink?.end();
}
