// tsk flash: writes the instance to a disk or card.

import { examples, NEW_KEY, type Session, type VerbAdder } from './session.ts';

interface FlashOptions {
  list?: boolean;
  yes?: boolean;
  offline?: boolean;
  newKey?: boolean;
}

export const addFlashVerb: VerbAdder = (program, action) => {
  program
    .command('flash')
    .summary('write a disk, SD card or image file')
    .description(
      'Build the instance and write it to a disk, SD card or existing image file, then read it back.\n' +
        'All data on the disk is lost. Without a device it lists the disks and which of them can be written.',
    )
    .argument('[device]', 'such as /dev/sdb, or an image file')
    .option('-y, --yes', 'do not ask')
    .option('--offline', 'use the cache only, download nothing')
    .option('--new-key', NEW_KEY)
    .option('--json', 'print the disks as JSON (without a device)')
    .addHelpText(
      'after',
      examples(['tsk flash', 'list the disks'], ['sudo tsk flash /dev/sdb', 'write one, after a question']),
    )
    .action(action(runFlash));
};

async function runFlash(session: Session, device: string | undefined, options: FlashOptions): Promise<void> {
  const { listFlashableDisks, flashInstance } = await import('./flash-instance.ts');
  const { yes = false, offline = false, newKey = false } = options;
  if (device === undefined) await listFlashableDisks(session);
  else await flashInstance(session, device, { yes, offline, newKey });
}
