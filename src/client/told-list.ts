/** A list that a watch tells as a whole, again and again, and entries that were learnt elsewhere and are not told yet. */
export class ToldList<T> {
  readonly #keyOf: (entry: T) => string;
  /** True when what was told is at least as new as what was noted. */
  readonly #isAsNew: (told: T, noted: T) => boolean;
  readonly #noted = new Map<string, T>();
  #told: ReadonlyMap<string, T> | undefined;

  constructor(keyOf: (entry: T) => string, isAsNew: (told: T, noted: T) => boolean) {
    this.#keyOf = keyOf;
    this.#isAsNew = isAsNew;
  }

  get isTold(): boolean {
    return this.#told !== undefined;
  }

  tell(all: readonly T[]): void {
    this.#told = new Map(all.map((entry) => [this.#keyOf(entry), entry]));
    for (const noted of [...this.#noted.values()]) this.note(noted);
  }

  /** Kept until something at least as new is told. */
  note(entry: T): void {
    const key = this.#keyOf(entry);
    const told = this.#told?.get(key);
    if (told !== undefined && this.#isAsNew(told, entry)) this.#noted.delete(key);
    else this.#noted.set(key, entry);
  }

  forgetNotes(): void {
    this.#noted.clear();
  }

  get(key: string): T | undefined {
    return this.#noted.get(key) ?? this.#told?.get(key);
  }

  /** By key. */
  all(): readonly T[] {
    const entries = new Map([...(this.#told ?? []), ...this.#noted]);
    return [...entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
  }
}
