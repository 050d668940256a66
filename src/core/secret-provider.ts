/**
 * Where the values of secrets come from. Answers at once: a run's mailbox decides in one turn, so a provider that has to ask
 * over a network keeps what it was told and answers from that.
 */
export interface SecretProvider {
  /** The value; undefined when there is none. Names match SECRET_NAME_PATTERN. Throws when it cannot look. */
  read(name: string): string | undefined;
  /** For people: where it looks, as in `the variable YARDMASTER_SECRET_DB`. */
  placeOf(name: string): string;
}

/** Values given by a program: tests, and a control plane inside of it. */
export function givenSecrets(values: Readonly<Record<string, string>>): SecretProvider {
  return {
    read: (name) => (Object.hasOwn(values, name) ? values[name] : undefined),
    placeOf: (name) => `the secret "${name}" among those that the program gave`,
  };
}
