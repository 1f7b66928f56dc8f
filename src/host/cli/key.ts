// tsk key: the key that signs updates, and what else makes an instance what it is.

import type { UpdateKey, UpdateKeys } from '../config/update-keys.ts';
import { examples, type Session, type VerbAdder } from './session.ts';

export const addKeyVerb: VerbAdder = (program, action) => {
  const key = program
    .command('key')
    .summary('show, copy or change the key that signs updates')
    .description(
      'The key of the instance, in .tskrazy/update-key.pem. A device takes only updates that are signed with a key ' +
        'that its running image trusts. The first build makes one.',
    )
    .addHelpText(
      'after',
      examples(['tsk key show', 'its public half, for tskrazy.json of another instance']),
    );
  key
    .command('show')
    .summary('print the public key')
    .description(
      'Print the public key as "update.trustedKeys" in tskrazy.json takes it, and where the private key lies.',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', examples(['tsk key show --json', 'for a script']))
    .action(action(runShow));
  key
    .command('export')
    .summary('write the key and the password to a file, as a copy or for another computer')
    .description(
      'Write all secrets of the instance to a new file that only you can read: for "tsk key import" on another ' +
        'computer, for TSK_KEY_FILE in a CI job, and as the copy that one should have. TSK_KEY holds the same as text.',
    )
    .argument('<file>', 'which is not there yet')
    .option('--json', 'print JSON')
    .addHelpText('after', examples(['tsk key export garden.key', 'a copy, to be kept like a password']))
    .action(action(runExport));
  key
    .command('import')
    .summary('take the key and the password from a file of "tsk key export"')
    .description(
      'Put the secrets of a file into the instance: one of "tsk key export", or the PEM file of a key alone.',
    )
    .argument('<file>', 'such as garden.key')
    .option('--replace', 'take them in place of another key that is there')
    .option('--json', 'print JSON')
    .addHelpText('after', examples(['tsk key import garden.key', 'on the second computer']))
    .action(action(runImport));
  key
    .command('ca')
    .summary('print the certificate by which browsers know the devices')
    .description(
      "Print the certificate of the instance's own authority, or write it to a file, for a browser or a system that is to " +
        'show the page of the device without a warning. It is no secret, and good for the names of this device and for ' +
        'private networks only.',
    )
    .argument('[file]', 'such as garden.crt')
    .option('--json', 'print JSON')
    .addHelpText('after', examples(['tsk key ca garden.crt', 'to be imported; it says how']))
    .action(action(runAuthority));
  key
    .command('new')
    .summary('make a key of this computer')
    .description(
      'Make a key where the instance has none here. Devices know it when an image was built with it in ' +
        '"update.trustedKeys", or when they are written anew.',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', examples(['tsk key new', 'for a computer that is to sign with a key of its own']))
    .action(action(runNew));
  key
    .command('rotate')
    .summary('sign with a new key, and for a while with the old one too')
    .description(
      'Make a new key, and a new identity of the device with an authority of its own. The old key goes on signing until ' +
        '"tsk key retire", so that devices that know nothing of the new one take their next update; from then on they ' +
        'trust both. Until then tsk knows devices by the old identity, too.',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', examples(['tsk key rotate && tsk update', 'let a device know the new key']))
    .action(action(runRotate));
  key
    .command('retire')
    .summary('end a rotation: only the new key counts')
    .description(
      'Sign with the new key only, and let images trust only that one. A device that was not updated since the ' +
        'rotation takes no update any more.',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', examples(['tsk key retire && tsk update', 'when all devices have had an update']))
    .action(action(runRetire));
};

async function runShow(session: Session): Promise<void> {
  const { openInstance } = await import('../config/instance.ts');
  const { openUpdateKeys } = await import('../config/instance-secrets.ts');
  const instance = await openInstance(session.instanceDirectory);
  const notice = (text: string): void => session.output.notice(text);
  await printKeys(session, await openUpdateKeys(instance, { for: 'update', notice }));
}

async function runExport(session: Session, file: string): Promise<void> {
  const { exportSecrets } = await import('./key-copies.ts');
  await exportSecrets(session, file);
}

async function runImport(session: Session, file: string, options: { replace?: boolean }): Promise<void> {
  const { importSecrets } = await import('./key-copies.ts');
  await importSecrets(session, file, { replace: options.replace ?? false });
}

async function runAuthority(session: Session, file?: string): Promise<void> {
  const { printAuthority } = await import('./print-authority.ts');
  await printAuthority(session, file);
}

async function runNew(session: Session): Promise<void> {
  const { makeOwnKey } = await import('./key-copies.ts');
  await printKeys(session, await makeOwnKey(session));
}

async function runRotate(session: Session): Promise<void> {
  const { rotateUpdateKey } = await import('../config/update-keys.ts');
  const { openToChangeKey } = await import('./key-copies.ts');
  const { rotateIdentity } = await import('../config/identity/device-identity.ts');
  const instance = await openToChangeKey(session);
  const keys = await rotateUpdateKey(instance);
  await rotateIdentity(instance);
  await printKeys(session, keys);
  session.output.say(
    '\nUpdate every device once; then it trusts the new key and has its new identity. End the rotation with "tsk key\n' +
      'retire" after that. Browsers that know the old authority need the new one: "tsk key ca".',
  );
}

async function runRetire(session: Session): Promise<void> {
  const { ensureUpdateKeys, retireUpdateKey } = await import('../config/update-keys.ts');
  const { openToChangeKey } = await import('./key-copies.ts');
  const { displayPath } = await import('../config/problem.ts');
  const instance = await openToChangeKey(session);
  const { retireIdentity } = await import('../config/identity/device-identity.ts');
  const retired = await retireUpdateKey(instance);
  await retireIdentity(instance);
  await printKeys(session, await ensureUpdateKeys(instance));
  session.output.say(
    `\nKey ${retired.id} neither signs nor is trusted from the next image on. A device that has had no update since the\n` +
      `rotation would refuse the next one: then put the old key back, from ${displayPath(retired.path)}.`,
  );
}

async function printKeys({ output }: Session, { current, previous }: UpdateKeys): Promise<void> {
  const { displayPath } = await import('../config/problem.ts');
  const { formatPublicKey } = await import('../../shared/manifest/trusted-key.ts');
  const describe = (title: string, key: UpdateKey): string =>
    `${title}  ${formatPublicKey(key)}\n          id ${key.id}, private key in ${displayPath(key.path)}`;
  const valueOf = (key: UpdateKey) => ({ id: key.id, publicKey: formatPublicKey(key), path: key.path });
  output.result(
    { current: valueOf(current), previous: previous === undefined ? null : valueOf(previous) },
    [describe('Key     ', current), ...(previous === undefined ? [] : [describe('Previous', previous)])].join(
      '\n',
    ),
  );
}
