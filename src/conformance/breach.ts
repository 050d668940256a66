/** What a situation throws: the agent did not do what a clause says, or cannot be asked. */

/** The agent broke a clause of docs/protocol.md. */
export class Breach extends Error {
  readonly clauses: readonly string[];
  readonly expected: string;
  readonly came: string;

  constructor(clauses: readonly string[], expected: string, came: string) {
    super(`${clauses.join(', ')}: expected ${expected}; came ${came}`);
    this.name = 'Breach';
    this.clauses = clauses;
    this.expected = expected;
    this.came = came;
  }
}

/** The agent does not offer what the situation needs. */
export class Unsupported extends Error {
  constructor(fact: string) {
    super(fact);
    this.name = 'Unsupported';
  }
}

/** Throws unless `holds`. */
export function check(holds: boolean, clauses: string | readonly string[], expected: string, came: string): void {
  if (!holds) throw new Breach(typeof clauses === 'string' ? [clauses] : clauses, expected, came);
}
