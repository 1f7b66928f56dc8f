import Database from 'better-sqlite3';

export interface Start {
  id: number;
  time: string;
}

/** Remembers in a SQLite database when the app was started. */
export class StartLog {
  readonly #database: Database.Database;

  constructor(path: string) {
    this.#database = new Database(path);
    // What is committed survives a power cut.
    this.#database.pragma('journal_mode = WAL');
    this.#database.pragma('synchronous = FULL');
    this.#database.exec('CREATE TABLE IF NOT EXISTS start (id INTEGER PRIMARY KEY, time TEXT NOT NULL)');
  }

  add(time: Date): void {
    this.#database.prepare('INSERT INTO start (time) VALUES (?)').run(time.toISOString());
  }

  count(): number {
    return this.#database.prepare<[], number>('SELECT count(*) FROM start').pluck().get() ?? 0;
  }

  latest(limit: number): Start[] {
    return this.#database.prepare<[number], Start>('SELECT * FROM start ORDER BY id DESC LIMIT ?').all(limit);
  }
}
