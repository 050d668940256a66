import type { SecretProvider } from '../../core/secret-provider.ts';

/** Secret NAME is the variable PREFIX + NAME; an empty one counts as absent. */
export function createEnvSecrets(
  prefix: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): SecretProvider {
  return {
    read: (name) => (env[prefix + name] === '' ? undefined : env[prefix + name]),
    placeOf: (name) => `the variable ${prefix}${name}`,
  };
}
