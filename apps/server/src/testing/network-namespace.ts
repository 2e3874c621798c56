import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Machines of a network, as network namespaces of this one: each has its own loopback, and a link that can be cut. */
const ip = (...words: string[]): string => {
  const ran = spawnSync("ip", words, { encoding: "utf8" });
  if (ran.status !== 0) throw new Error(`ip ${words.join(" ")}: ${ran.error?.message ?? ran.stderr.trim()}`);
  return ran.stdout;
};

/** Why namespaces can't be had here; null when they can. */
export function whyNoNamespaces(): string | null {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (process.getuid?.() !== 0) return "network namespaces need root";
  let probe: NetworkNamespace | null = null;
  try {
    probe = new NetworkNamespace(0);
    return null;
  } catch (error) {
    return (error as Error).message;
  } finally {
    probe?.remove();
  }
}

export class NetworkNamespace {
  readonly name: string;
  /** Of this machine, as the namespace reaches it. */
  readonly outside: string;
  /** Of the namespace, as this machine reaches it. */
  readonly inside: string;
  readonly #link: string;

  /** `n` tells apart those of one test; names and networks are drawn, so that two tests may run at once. */
  constructor(n: number) {
    const [a = 0, b = 0] = randomBytes(2);
    this.name = `lk-${randomBytes(3).toString("hex")}-${n}`;
    // At most 15 characters, and a network of four addresses within 10.192.0.0/10 for each.
    this.#link = `lk${randomBytes(4).toString("hex")}${n}`;
    const network = `10.${192 + (a % 64)}.${b}`;
    this.outside = `${network}.${4 * n + 1}`;
    this.inside = `${network}.${4 * n + 2}`;
    // A run that is stopped half-way leaves nothing behind either.
    process.once("exit", this.#remove);
    try {
      ip("netns", "add", this.name);
      ip("link", "add", this.#link, "type", "veth", "peer", "name", "eth0", "netns", this.name);
      ip("addr", "add", `${this.outside}/30`, "dev", this.#link);
      ip("link", "set", this.#link, "up");
      ip("-n", this.name, "addr", "add", `${this.inside}/30`, "dev", "eth0");
      ip("-n", this.name, "link", "set", "eth0", "up");
      ip("-n", this.name, "link", "set", "lo", "up");
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** What starts a program inside. */
  get wrap(): readonly string[] {
    return ["ip", "netns", "exec", this.name];
  }

  cut(): void {
    ip("link", "set", this.#link, "down");
  }
  mend(): void {
    ip("link", "set", this.#link, "up");
  }

  readonly #remove = (): void => {
    spawnSync("ip", ["link", "del", this.#link]);
    spawnSync("ip", ["netns", "del", this.name]);
  };

  /** Takes link and namespace away. */
  remove(): void {
    process.off("exit", this.#remove);
    this.#remove();
  }
}

/** Makes a port of the loopback reachable on every address of this machine: the tests' PostgreSQL listens there only. */
export class Relay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(port: number) {
    this.#server = createServer((near) => {
      const far = connect(port, "127.0.0.1");
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(one);
        one.on("error", () => other.destroy());
        one.on("close", () => {
          this.#sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(0, "0.0.0.0", resolve);
    });
    const address = this.#server.address();
    return typeof address === "object" && address ? address.port : 0;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
