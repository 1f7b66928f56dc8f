// tsk build: writes image files.

import { examples, NEW_KEY, type Session, type VerbAdder } from './session.ts';
import { parseSize } from './sizes.ts';

interface BuildOptions {
  disk?: string;
  size?: number;
  boot?: string;
  root?: string;
  archive?: string;
  offline?: boolean;
  newKey?: boolean;
  whySize?: boolean;
}

export const addBuildVerb: VerbAdder = (program, action) => {
  program
    .command('build')
    .summary('write image files')
    .description('Build the instance and write it as image files. Without a file it builds only, as a check.')
    .option('--disk <file>', 'write the whole disk, as for "tsk flash" or a virtual machine')
    .option('--size <size>', 'size of the disk, such as 8GB or 4GiB (default: 2GiB)', parseSize)
    .option('--boot <file>', 'write the boot partition alone')
    .option('--root <file>', 'write the root partition alone')
    .option('--archive <file>', 'write all of it as .tar or .tar.zst, to keep or to publish')
    .option('--offline', 'use the cache only, download nothing')
    .option('--new-key', NEW_KEY)
    .option('--why-size', 'list what weighs most in the image, and what was left out of packages')
    .option('--json', 'print what was built as JSON')
    .addHelpText(
      'after',
      examples(
        ['tsk build --disk garden.img', 'write a disk image'],
        ['tsk build --disk garden.img --size 8GB --offline', 'with room for data, without the network'],
        [
          'tsk -i ~/garden build --boot boot.fat --root root.squashfs --json',
          'write the partitions, for a script',
        ],
        ['tsk build --archive garden.tar.zst', 'manifest, signatures, boot files and root in one file'],
      ),
    )
    .action(action(runBuild));
};

async function runBuild(session: Session, options: BuildOptions): Promise<void> {
  const { withBuiltImage } = await import('./built-image.ts');
  const { checkImageFileOptions, describeImage, writeImageFiles } = await import('./image-files.ts');
  await checkImageFileOptions(options);
  const { offline = false, newKey = false, whySize = false } = options;
  await withBuiltImage(
    session,
    { offline, newKey, writesDisk: options.disk !== undefined },
    async (image) => {
      const files = await writeImageFiles(session, image, options);
      const description = describeImage(image, files, { whySize });
      session.output.result(description.value, description.text);
    },
  );
}
