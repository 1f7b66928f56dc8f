// All that a disk or an update is made of in one tar file, for whoever publishes or keeps builds. The manifest and
// its signatures come first, so that a reader knows whether it wants the rest before it has read that:
//
//   manifest.json  manifest.sig.json
//   boot/PATH      what both slots share on the boot partition, as on a new disk
//   slot/PATH      the boot files that the manifest names; on a disk they lie in a/ or b/
//   root.squashfs  the root image

import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createZstdCompress } from 'node:zlib';
import { packTar, type TarSource } from 'modern-tar/fs';
import { MANIFEST_NAME } from '../../shared/manifest/manifest.ts';
import { SIGNATURES_NAME } from '../../shared/manifest/manifest-signature.ts';
import { writeOutputFile } from '../files/output-file.ts';
import type { FileContent } from '../root-tree.ts';
import { UserError } from '../user-error.ts';
import type { BuiltImage } from './build-image.ts';

const ZSTD_NAME = /\.(?:tar\.zst|tzst)$/;

/** What the name says of the format is what the file has. */
export function checkArchiveName(path: string): void {
  if (path.endsWith('.tar') || ZSTD_NAME.test(path)) return;
  throw new UserError(
    `Cannot write the archive to "${path}": its name ends neither in .tar nor in .tar.zst`,
    {
      hint: 'Name it NAME.tar, or NAME.tar.zst to have it compressed.',
    },
  );
}

/** The same bytes for the same image. */
export async function writeArchive(image: BuiltImage, path: string, signal?: AbortSignal): Promise<void> {
  const write = async (temporaryPath: string): Promise<void> => {
    const tar = packTar(sourcesOf(image), { concurrency: 1 });
    // The root in it has secrets.
    const file = createWriteStream(temporaryPath, { flags: 'wx', mode: 0o600 });
    const options = signal === undefined ? {} : { signal };
    if (!ZSTD_NAME.test(path)) return pipeline(tar, file, options);
    return pipeline(tar, createZstdCompress(), file, options);
  };
  await writeOutputFile(path, 'the archive', write, signal);
}

function sourcesOf({ manifest, loaderFiles, bootFiles, slotFiles, rootImagePath }: BuiltImage): TarSource[] {
  const time = { mtime: new Date(manifest.buildTimeSec * 1000), mode: 0o644, uid: 0, gid: 0 };
  const source = (target: string, content: FileContent): TarSource =>
    content.kind === 'bytes'
      ? { type: 'content', target, content: content.bytes, ...time }
      : {
          type: 'stream',
          target,
          content: createReadStream(content.path),
          size: content.sizeBytes,
          ...time,
        };
  const own = slotFiles.filter(({ path }) => path === MANIFEST_NAME || path === SIGNATURES_NAME);
  return [
    ...own.map(({ path, content }) => source(path, content)),
    ...loaderFiles.map(({ path, content }) => source(`boot/${path}`, content)),
    ...bootFiles.map(({ path, content }) => source(`slot/${path}`, content)),
    source('root.squashfs', { kind: 'path', path: rootImagePath, sizeBytes: manifest.root.sizeBytes }),
  ];
}
