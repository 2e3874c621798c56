import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";

/**
 * Where this server may connect to on somebody's word. An address that leads into a private network could make the server
 * ask for what only it can reach (server-side request forgery). The answer is the address itself, and that is what must be
 * connected to: a name may be somewhere else a moment later.
 */
export interface Place {
  readonly address: string;
  readonly family: 4 | 6;
  readonly isLoopback: boolean;
}
export type Reached = { readonly place: Place } | { readonly refused: string; readonly isPassing: boolean };
export type Reach = (host: string) => Promise<Reached>;

/** Special-purpose addresses (IANA registry, RFC 6890 and its successors). */
const SPECIAL_V4: readonly (readonly [string, number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
];
/** Of IPv6 only this is routed in public; of it, tunnels to IPv4 and examples are left out. */
const GLOBAL_V6 = ["2000::", 3] as const;
const SPECIAL_V6: readonly (readonly [string, number])[] = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
];
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

const special = new BlockList();
for (const [net, bits] of SPECIAL_V4) special.addSubnet(net, bits, "ipv4");
for (const [net, bits] of SPECIAL_V6) special.addSubnet(net, bits, "ipv6");
const globalV6 = new BlockList();
globalV6.addSubnet(GLOBAL_V6[0], GLOBAL_V6[1], "ipv6");
const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

const typeOf = (address: string): "ipv4" | "ipv6" => (isIP(address) === 6 ? "ipv6" : "ipv4");
const isPublic = (address: string): boolean => {
  const type = typeOf(address);
  return !special.check(address, type) && (type === "ipv4" || globalV6.check(address, type));
};

/** `networks` are those that are allowed although they are private, as CIDR with commas: "10.0.0.0/8, fd00::/8". */
export function reachOf(
  networks: string | undefined,
  resolve: (host: string) => Promise<string[]> = resolveHost,
): Reach {
  const allowed = new BlockList();
  for (const part of (networks ?? "")
    .split(",")
    .map((text) => text.trim())
    .filter((text) => text !== "")) {
    const [net = "", bits = ""] = part.split("/");
    allowed.addSubnet(net, Number(bits), typeOf(net));
  }
  return async (given) => {
    const host = given.replace(/^\[(.*)\]$/, "$1").toLowerCase();
    const isNamed = host === "localhost" || isIP(host) !== 0;
    let addresses: string[];
    try {
      addresses = isIP(host) !== 0 ? [host] : await resolve(host);
    } catch {
      return { refused: `${host} has no address that this server knows.`, isPassing: true };
    }
    for (const found of addresses) {
      const address = MAPPED.exec(found)?.[1] ?? found;
      const type = typeOf(address);
      // A name of somebody else's that leads here is no loopback address that somebody wrote.
      const isLoopback = isNamed && loopback.check(address, type);
      if (isLoopback || isPublic(address) || allowed.check(address, type))
        return { place: { address, family: type === "ipv6" ? 6 : 4, isLoopback } };
    }
    return {
      refused: `${host} leads into a private network (${addresses[0] ?? "no address"}). The server allows that with --notify-networks.`,
      isPassing: false,
    };
  };
}

async function resolveHost(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map((found) => found.address);
}
