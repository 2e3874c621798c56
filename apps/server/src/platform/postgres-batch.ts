import type pg from "pg";

/** Without arrays and dates, which would have to be made into text first. */
export interface Statement {
  readonly text: string;
  readonly values: readonly (string | null)[];
}

/** What is used of pg's connection: messages of PostgreSQL's extended query protocol. */
interface Wire {
  readonly stream: { cork(): void; uncork(): void };
  readonly parsedStatements: Readonly<Record<string, string>>;
  parse(o: { text: string; name: string }): void;
  bind(o: { values: readonly unknown[]; statement: string }): void;
  execute(o: object): void;
  sync(): void;
}

/**
 * Statements that PostgreSQL is sent at once, with one Sync behind them: where one fails, those behind it are not executed.
 * Their rows are not read. A client of pg takes it like a query of its own ("submittable").
 */
export class Batch {
  readonly #statements: readonly Statement[];
  /** Of the first statement and all that are like it; pg notes by these two that it is prepared. */
  readonly name: string;
  readonly text: string;
  #settle: (error: Error | null) => void = () => {};
  /** pg calls it, with its own errors, when a connection ends or never takes the batch. */
  readonly callback = (error: Error | null): void => this.#settle(error);

  constructor(statements: readonly Statement[], name: string | null) {
    this.#statements = statements;
    this.name = name ?? "";
    this.text = statements[0]?.text ?? "";
  }

  sendOn(client: pg.ClientBase): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#settle = (error) => (error ? reject(error) : resolve());
      client.query(this as unknown as pg.Submittable);
    });
  }

  submit(connection: Wire): null {
    // One write to the socket for all of them.
    connection.stream.cork();
    try {
      let parsed = this.name !== "" && connection.parsedStatements[this.name] !== undefined ? this.text : null;
      for (const { text, values } of this.#statements) {
        const name = text === this.text ? this.name : "";
        if (text !== parsed) connection.parse({ text, name });
        parsed = text;
        connection.bind({ values, statement: name });
        connection.execute({});
      }
      connection.sync();
    } finally {
      connection.stream.uncork();
    }
    return null;
  }

  handleError(error: Error): void {
    this.#settle(error);
  }
  /** Comes after an error, too; by then the promise is settled. */
  handleReadyForQuery(): void {
    this.#settle(null);
  }
  handleCommandComplete(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
}
