/**
 * Everything that can be done to an export behind its owner's back, for tests and benches to try. Each mutation answers
 * other bytes than it was given; `random` answers a number from 0 up to, but not including, 1.
 */
export type Random = () => number;
export type Mutation = (bytes: Buffer, random: Random) => Buffer;

const below = (n: number, random: Random): number => Math.floor(random() * n);
/** With their line feeds, so that joining them again is the file. */
const linesOf = (bytes: Buffer): Buffer[] => {
  const lines: Buffer[] = [];
  for (let from = 0; from < bytes.length; ) {
    const at = bytes.indexOf(10, from);
    const to = at < 0 ? bytes.length : at + 1;
    lines.push(bytes.subarray(from, to));
    from = to;
  }
  return lines;
};

function bitFlip(bytes: Buffer, random: Random): Buffer {
  const touched = Buffer.from(bytes);
  const at = below(bytes.length, random);
  touched[at] = (touched[at] ?? 0) ^ (1 << below(8, random));
  return touched;
}

function byteDeletion(bytes: Buffer, random: Random): Buffer {
  const at = below(bytes.length, random);
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
}

function byteInsertion(bytes: Buffer, random: Random): Buffer {
  const at = below(bytes.length + 1, random);
  return Buffer.concat([bytes.subarray(0, at), Buffer.from([below(256, random)]), bytes.subarray(at)]);
}

function lineDeletion(bytes: Buffer, random: Random): Buffer {
  const lines = linesOf(bytes);
  lines.splice(below(lines.length, random), 1);
  return Buffer.concat(lines);
}

function lineInsertion(bytes: Buffer, random: Random): Buffer {
  const lines = linesOf(bytes);
  lines.splice(below(lines.length + 1, random), 0, lines[below(lines.length, random)] ?? bytes);
  return Buffer.concat(lines);
}

function reorder(bytes: Buffer, random: Random): Buffer {
  const lines = linesOf(bytes);
  const a = below(lines.length, random);
  const b = (a + 1 + below(lines.length - 1, random)) % lines.length;
  [lines[a], lines[b]] = [lines[b] ?? bytes, lines[a] ?? bytes];
  return Buffer.concat(lines);
}

const truncation: Mutation = (bytes, random) => bytes.subarray(0, below(bytes.length, random));

/** By name, as a bench shows them. Equal lines change places without a change: an export has none. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  "bit flip": bitFlip,
  "byte deleted": byteDeletion,
  "byte inserted": byteInsertion,
  "line deleted": lineDeletion,
  "line inserted": lineInsertion,
  "lines reordered": reorder,
  "end cut off": truncation,
};
const NAMES = Object.keys(MUTATIONS);

/** One of all of them, by chance. */
export function mutate(bytes: Buffer, random: Random): { readonly name: string; readonly bytes: Buffer } {
  const name = NAMES[below(NAMES.length, random)] ?? "bit flip";
  return { name, bytes: MUTATIONS[name]?.(bytes, random) ?? bytes };
}
