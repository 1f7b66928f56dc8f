// What `tsk secret` does.

import { buffer } from 'node:stream/consumers';
import { MAX_APP_SECRET_BYTES, SECRET_NAME } from '../../shared/services/app-secrets.ts';
import { listSecrets, removeSecret, writeSecret } from '../config/app-secrets.ts';
import { type Instance, openInstance } from '../config/instance.ts';
import { nearestName } from '../nearest-name.ts';
import { UserError } from '../user-error.ts';
import { askUnseen } from './ask-unseen.ts';
import { formatTable, paint } from './output.ts';
import type { Session } from './session.ts';

export async function setSecret(session: Session, app: string, name: string): Promise<void> {
  const { output, signal } = session;
  const instance = await openInstance(session.instanceDirectory);
  const isNamed = requireApp(instance, app).includes(name);
  checkName(name);
  const content = process.stdin.isTTY
    ? Buffer.from(await askUnseen(`Value of ${name} for app ${app} (it is not shown): `, signal))
    : withoutNewline(await buffer(process.stdin));
  checkContent(name, content);
  await writeSecret(instance, app, name, content);
  output.result(
    { app, name, sizeBytes: content.length, isNamed },
    `Set ${name} of app ${app}. It takes effect with the next image: "tsk update".`,
  );
  if (!isNamed) output.warn(`app "${app}" does not get it yet: add "secrets": ["${name}"] to apps.${app}`);
}

export async function showSecrets({ instanceDirectory, output }: Session): Promise<void> {
  const instance = await openInstance(instanceDirectory);
  const set = await listSecrets(instance);
  const named = new Map(instance.config.apps.map(({ name, secrets = [] }) => [name, secrets]));
  const rows = [...new Set([...named.keys(), ...set.keys()])].flatMap((app) => {
    const names = new Set([...(named.get(app) ?? []), ...(set.get(app) ?? [])]);
    return [...names].map((name) => ({
      app,
      name,
      isSet: set.get(app)?.includes(name) === true,
      isNamed: named.get(app)?.includes(name) === true,
    }));
  });
  output.result(rows, rows.length === 0 ? 'No app has secrets.' : formatTable(rows.map(describeRow)));
}

export async function removeOne(
  { instanceDirectory, output }: Session,
  app: string,
  name: string,
): Promise<void> {
  const instance = await openInstance(instanceDirectory);
  checkName(name);
  // An app that is no more may have left one, so it need not be in tskrazy.json.
  if (!(await listSecrets(instance)).has(app)) requireApp(instance, app);
  if (!(await removeSecret(instance, app, name))) {
    throw new UserError(`Cannot remove the secret ${name} of app "${app}": it is not set`, {
      hint: '"tsk secret list" shows what is.',
    });
  }
  output.result({ app, name }, `Removed ${name} of app ${app}. A device has it until its next image.`);
}

interface SecretRow {
  app: string;
  name: string;
  isSet: boolean;
  isNamed: boolean;
}

function describeRow({ app, name, isSet, isNamed }: SecretRow): string[] {
  const state = isSet ? 'set' : paint('yellow', 'missing');
  return [app, name, isNamed ? state : `${state}, but not in "secrets" of the app`];
}

/** The names that it has in tskrazy.json. */
function requireApp({ config }: Instance, name: string): readonly string[] {
  const app = config.apps.find((each) => each.name === name);
  if (app !== undefined) return app.secrets ?? [];
  const nearest = nearestName(
    name,
    config.apps.map((each) => each.name),
  );
  throw new UserError(`There is no app "${name}" in tskrazy.json`, {
    hint: nearest === undefined ? 'Add it first ("tsk add").' : `Did you mean ${nearest}?`,
  });
}

function checkName(name: string): void {
  if (SECRET_NAME.test(name)) return;
  throw new UserError(`Cannot use "${name}" as the name of a secret`, {
    hint: 'Capital letters, digits and "_", a letter first, at most 64: it is a file and the end of a variable.',
  });
}

function checkContent(name: string, content: Uint8Array): void {
  if (content.length > 0 && content.length <= MAX_APP_SECRET_BYTES) return;
  throw new UserError(
    content.length === 0
      ? `Cannot set the secret ${name}: it is empty`
      : `Cannot set the secret ${name}: it has ${content.length} bytes, and ${MAX_APP_SECRET_BYTES} are allowed`,
    { hint: `To remove it: "tsk secret rm". What is larger goes into the data directory of the app.` },
  );
}

/** Most programs print one behind what they were asked for. */
function withoutNewline(bytes: Buffer): Buffer {
  return bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes;
}
