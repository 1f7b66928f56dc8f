// Debian's kernel, which has radios that only exist in it (mac80211_hwsim), and an initramfs that starts the product on it with an
// access point beside. For tests alone: no image has that kernel.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { listTree } from '../../../src/host/files/list-tree.ts';
import { defaultCacheDirectory } from '../../../src/host/cache-directory.ts';
import { ComponentCache } from '../../../src/host/components/cache.ts';
import { readDeb } from '../../../src/host/components/deb-package.ts';
import { DebianSource } from '../../../src/host/components/debian-source.ts';
import { silentProgress } from '../../../src/host/progress.ts';
import { BOARDS } from '../../../src/shared/board/boards.ts';
import { type CpioEntry, encodeCpio } from './cpio.ts';

export interface HwsimFiles {
  kernelPath: string;
  initramfsPath: string;
}

const BOARD = BOARDS['raspberry-pi'];
const KERNEL = {
  packages: [`linux-image-${BOARD.debianArch}`],
  follows: (name: string) => /^linux-image-\d/.test(name),
};
const PROGRAMS = {
  packages: ['hostapd', 'iw', 'busybox-static', 'wireless-regdb'],
  follows: (name: string) => /^lib(c6|nl-.*|ssl3.*)$/.test(name),
};

/** Those below bring what they need; these the kernel would ask a program for, or are options of file systems. */
const MODULES = [
  'virtio_pci virtio_blk virtio_net virtio_console virtio_rng i6300esb',
  'squashfs crc32c_generic ext4 nls_cp437 nls_ascii vfat overlay bridge',
  'ccm ctr cmac gcm ghash_generic mac80211',
].flatMap((line) => line.split(' '));
const RADIOS = 'mac80211_hwsim';
/** Two of the access points, and the product's. */
const RADIO_OPTIONS = 'radios=3';

const INIT = readFileSync(join(import.meta.dirname, 'hwsim-init.sh'));
/** Raise it when what is made of the same packages is another. */
const RECIPE = 2;

/** Made once for all tests; kept in the cache. */
export async function hwsimFiles(): Promise<HwsimFiles> {
  const cache = new ComponentCache(defaultCacheDirectory());
  const context = { board: BOARD, cache, offline: false, report: silentProgress, environment: process.env };
  const debian = new DebianSource(context);
  const kernel = await debian.resolve('hwsim kernel', KERNEL);
  const programs = await debian.resolve('hwsim programs', PROGRAMS);
  const key = createHash('sha256')
    .update(JSON.stringify([RECIPE, kernel.packages, programs.packages]))
    .update(INIT)
    .digest('hex')
    .slice(0, 24);
  const directory = await cache.stateDirectory('hwsim');
  const files = {
    kernelPath: join(directory, `${key}.kernel`),
    initramfsPath: join(directory, `${key}.cpio.gz`),
  };
  await cache.withLock(`hwsim-${key}`, async () => {
    if (existsSync(files.kernelPath) && existsSync(files.initramfsPath)) return;
    // Those of other versions are of no use any more.
    rmSync(directory, { recursive: true });
    mkdirSync(directory);
    const kernelDeb = [...(await debian.fetch('hwsim kernel', kernel))].find(([name]) =>
      /^linux-image-\d/.test(name),
    );
    if (kernelDeb === undefined) throw new Error('Cannot make the hwsim machine: there is no kernel package');
    const { image, entries } = await unpackKernel(kernelDeb[1]);
    for (const path of (await debian.fetch('hwsim programs', programs)).values())
      entries.push(...(await programEntries(path)));
    entries.push({ path: 'init', kind: 'file', mode: 0o755, bytes: INIT });
    put(files.initramfsPath, gzipSync(encodeCpio(entries), { level: 1 }));
    put(files.kernelPath, image);
  });
  return files;
}

function put(path: string, bytes: Uint8Array): void {
  writeFileSync(`${path}.new`, bytes);
  renameSync(`${path}.new`, path);
}

/** By Debian's own tool: the package has 400 MB of files, of which a few are wanted. */
async function unpackKernel(path: string): Promise<{ image: Buffer; entries: CpioEntry[] }> {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-hwsim-'));
  try {
    execFileSync('dpkg-deb', ['--extract', path, directory]);
    const found = (await listTree(directory)).filter((entry) => entry.isFile());
    const paths = found.map((entry) => join(entry.parentPath, entry.name));
    const image = paths.find((each) => basename(each).startsWith('vmlinuz-'));
    if (image === undefined) throw new Error(`Cannot make the hwsim machine: "${path}" has no kernel`);
    return {
      image: readFileSync(image),
      entries: moduleEntries(paths.filter((each) => each.endsWith('.ko'))),
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const nameOf = (path: string): string => basename(path, '.ko').replaceAll('-', '_');

/** Modules in the order in which they have to be loaded, by what each says that it needs. */
function moduleEntries(paths: readonly string[]): CpioEntry[] {
  const byName = new Map(paths.map((path) => [nameOf(path), path]));
  const order: string[] = [];
  const entries: CpioEntry[] = [];
  const add = (name: string): void => {
    const path = byName.get(name);
    // What is no module is built in; the init says of a radio that is missing.
    if (path === undefined || order.includes(name)) return;
    const bytes = readFileSync(path);
    const [, needs = ''] = /\0depends=([^\0]*)\0/.exec(bytes.toString('latin1')) ?? [];
    for (const each of needs.split(',')) if (each !== '') add(each.replaceAll('-', '_'));
    order.push(name);
    entries.push({ path: `modules/${name}.ko`, kind: 'file', mode: 0o644, bytes });
  };
  for (const name of [...MODULES, RADIOS]) add(name);
  if (!order.includes(RADIOS)) throw new Error(`Cannot make the hwsim machine: the kernel has no ${RADIOS}`);
  const lines = order.map((name) => `${name}.ko${name === RADIOS ? ` ${RADIO_OPTIONS}` : ''}\n`).join('');
  return [...entries, { path: 'modules/order', kind: 'file', mode: 0o644, bytes: Buffer.from(lines) }];
}

/** /lib and /usr/lib are one. */
async function programEntries(path: string): Promise<CpioEntry[]> {
  const wanted =
    /^(?:usr\/)?(?:s?bin\/(?:hostapd|hostapd_cli|iw|busybox)|lib\/.*\.so[.\d]*|lib\/firmware\/.*-upstream)$/;
  const files = await readDeb(path, (name) => wanted.test(name) && !/gconv|engines|ossl-modules/.test(name));
  return [...files].flatMap(([name, entry]): CpioEntry[] => {
    const place = name.replace(/^usr\//, '').replace(/-upstream$/, '');
    if (entry.kind === 'directory') return [];
    if (entry.kind === 'symlink') return [{ path: place, kind: 'symlink', target: entry.target }];
    return [{ path: place, kind: 'file', mode: entry.mode & 0o777, bytes: entry.bytes }];
  });
}
