import type pg from "pg";

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly name?: string;
}

/** What pg's connection takes, of PostgreSQL's extended protocol. */
interface Wire {
  readonly stream: { cork(): void; uncork(): void };
  parsedStatements: Record<string, string>;
  parse(o: { text: string; name?: string }): void;
  bind(o: { values: readonly unknown[]; statement?: string }): void;
  execute(o: object): void;
  sync(): void;
}

/**
 * Statements that PostgreSQL is sent at once, with one Sync behind them: where one fails, the ones behind it are not
 * executed. Their rows are not read.
 */
export class Batch {
  readonly #statements: readonly Statement[];
  #failed: Error | null = null;
  callback: (error: Error | null) => void = () => {};
  constructor(statements: readonly Statement[]) {
    this.#statements = statements;
  }

  sendTo(client: pg.ClientBase): Promise<void> {
    return new Promise((resolve, reject) => {
      this.callback = (error) => (error ? reject(error) : resolve());
      client.query(this as never);
    });
  }

  submit(connection: Wire): null {
    connection.stream.cork();
    let last: string | null = null;
    for (const { text, values } of this.#statements) {
      const name = process.env.NAMED ? `lk_${text.length}` : "";
      if (name ? !connection.parsedStatements[name] : text !== last) {
        connection.parse({ text, name });
        if (name) connection.parsedStatements[name] = text;
      }
      last = text;
      connection.bind({ values, statement: name });
      connection.execute({});
    }
    connection.sync();
    connection.stream.uncork();
    return null;
  }

  handleCommandComplete(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
  handleError(error: Error): void {
    this.#failed = error;
    this.callback(error);
  }
  handleReadyForQuery(): void {
    if (!this.#failed) this.callback(null);
  }
}
