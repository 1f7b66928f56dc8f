// What an app is given that nobody else may see: how its secrets lie in the image, and where the app finds them. No I/O.
//
// The image has one file an app, for root only. Each begins with a number that was drawn for the instance: its hashes, and
// those of the chunks that it lies in, stand in the manifest, which is no secret. Without the number, whoever has a
// manifest could try words until a hash fits. The file is smaller than a block of the image, so that no chunk has a secret
// without it.

import type { ServiceSpec } from './services.ts';

/** A file name, and the end of a variable's, hence the capitals. */
export const SECRET_NAME = /^[A-Z][A-Z0-9_]{0,63}$/;
/** Of all secrets of one app together; in base64 they are smaller than a block of the image, 128 KiB. */
export const MAX_APP_SECRET_BYTES = 32 * 1024;

/** Root's alone, and hidden from all sandboxes with its parent. */
export const SECRETS_DIRECTORY = '/etc/tskrazy/secrets';
export const secretsFileOf = (appName: string) => `${SECRETS_DIRECTORY}/${appName}.json`;

/** Files in memory, of the app's user. */
export const secretsRunDirectory = (appName: string) => `/run/tsk/secrets/${appName}`;
/** The same directory, as a sandbox shows it. */
const SECRETS_IN_SANDBOX = '/run/secrets';

/** Contents by name. */
export type AppSecrets = Readonly<Record<string, Uint8Array>>;

interface SecretsFile {
  salt: string;
  secrets: Record<string, string>;
}

export function encodeAppSecrets(secrets: AppSecrets, salt: string): Uint8Array {
  const names = Object.keys(secrets).toSorted();
  const file: SecretsFile = {
    salt,
    secrets: Object.fromEntries(names.map((name) => [name, Buffer.from(secrets[name]!).toString('base64')])),
  };
  return new TextEncoder().encode(`${JSON.stringify(file)}\n`);
}

/** Of a file that the build made: what it says is true. */
export function decodeAppSecrets(text: string): AppSecrets {
  const { secrets } = JSON.parse(text) as SecretsFile;
  return Object.fromEntries(
    Object.entries(secrets).map(([name, base64]) => [name, Buffer.from(base64, 'base64')]),
  );
}

/** As the app sees it. Without a sandbox, or with all of /run in it, that is where the files really lie. */
export function secretsDirectoryFor({ name, sandbox }: Pick<ServiceSpec, 'name' | 'sandbox'>): string {
  const seesRun = sandbox === undefined || '/run' in sandbox.paths;
  return seesRun ? secretsRunDirectory(name) : SECRETS_IN_SANDBOX;
}

/** Paths, not contents: what is in the environment, children inherit and crash reports print. */
export function secretVariables(
  spec: Pick<ServiceSpec, 'name' | 'sandbox' | 'secrets'>,
): Record<string, string> {
  const directory = secretsDirectoryFor(spec);
  return Object.fromEntries(
    (spec.secrets ?? []).map((name) => [`TSK_SECRET_${name}`, `${directory}/${name}`]),
  );
}
