// A device's disk as an update sees it, in files: slot a runs, slot b is to be written. And images for it.

import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { ByteDevice } from '../../../src/formats/byte-source.ts';
import { openBlockDevice } from '../../../src/device/block-device.ts';
import { LoaderFiles } from '../../../src/device/boot-loader/loader-files.ts';
import type { DiskUse, OpenUpdateDisk } from '../../../src/device/update/update-disk.ts';
import { numberChunks } from '../../../src/shared/manifest/chunk-index.ts';
import { MANIFEST_NAME, type Manifest, type ManifestChunk } from '../../../src/shared/manifest/manifest.ts';
import {
  formatSignatures,
  keyIdOf,
  SIGNATURES_NAME,
  signedText,
  type TrustedKey,
  type UpdatePermissions,
} from '../../../src/shared/manifest/manifest-signature.ts';
import { NOTHING_PERMITTED, permissionsText } from '../../../src/shared/manifest/update-permissions.ts';
import type { BootLoaderLayout } from '../../../src/shared/boot-loader/boot-loader-layout.ts';
import { otherSlot, type Slot, SLOTS } from '../../../src/shared/board/slots.ts';
import { PC_LAYOUT } from '../boot-loader/pc-layout.ts';
import { bootVolume, rootGuidOf } from '../formats/boot-volume.ts';

const CHUNK_BYTES = 64 * 1024;
const KERNEL_CHUNK_BYTES = 1024 * 1024;

export interface TestKey {
  trusted: TrustedKey;
  privateKey: KeyObject;
}

export function makeKey(notAfterSec?: number): TestKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const trusted = { id: keyIdOf(raw), publicKey: raw.toString('base64') };
  return { trusted: notAfterSec === undefined ? trusted : { ...trusted, notAfterSec }, privateKey };
}

export interface TestImage {
  manifest: Manifest;
  /** As they are sent. */
  manifestText: string;
  signaturesText: string;
  kernel: string;
  bootFiles: Readonly<Record<string, string>>;
  root: Uint8Array;
  /** By its number in an offer. */
  chunk(index: number): Uint8Array;
}

export interface ImageOptions {
  key: TestKey | null;
  signedAtSec?: number;
  permitted?: Partial<UpdatePermissions>;
  root: Uint8Array;
  kernel?: string;
  /** Boot files besides the kernel, by path. */
  bootFiles?: Readonly<Record<string, string>>;
  /** What else is to be different. */
  manifest?: Partial<Manifest>;
}

export function makeImage(options: ImageOptions): TestImage {
  const { root, kernel = 'kernel', key, signedAtSec = 1_700_000_000 } = options;
  const kernelBytes = Buffer.from(kernel);
  const bootFiles = { vmlinuz: kernel, ...options.bootFiles };
  const system = Buffer.from(JSON.stringify(bootFiles));
  const manifest: Manifest = {
    formatVersion: 1,
    buildId: sha256(Buffer.concat([root, system])),
    hostname: 'garden',
    board: 'pc-amd64',
    arch: 'amd64',
    tskrazyVersion: '0.1.0',
    buildTimeSec: 1_700_000_000,
    components: { kernel: sha256(kernelBytes).slice(0, 7) },
    kernelArgs: ['ro'],
    systemSha256: sha256(system),
    apps: [{ name: 'sensor', kind: 'node', contentSha256: sha256(root) }],
    bootFiles: Object.entries(bootFiles).map(([path, text]) => ({
      path,
      ...contentOf(Buffer.from(text), KERNEL_CHUNK_BYTES),
    })),
    root: contentOf(root, CHUNK_BYTES),
    minLayout: { rootPartitionBytes: root.length, bootPartitionBytes: kernelBytes.length },
    ...options.manifest,
  };
  const manifestText = `${JSON.stringify(manifest)}\n`;
  return {
    manifest,
    manifestText,
    signaturesText: key ? signatures(manifestText, key, signedAtSec, options.permitted) : '',
    kernel,
    bootFiles,
    root,
    chunk(index) {
      const { file, offsetBytes, lengthBytes } = numberChunks(manifest)[index]!;
      const bytes = file ? Buffer.from(bootFiles[file.path as keyof typeof bootFiles]) : root;
      return bytes.subarray(offsetBytes, offsetBytes + lengthBytes);
    },
  };
}

function signatures(
  manifestText: string,
  key: TestKey,
  signedAtSec: number,
  some?: Partial<UpdatePermissions>,
): string {
  const bytes = Buffer.from(manifestText);
  const signaturesOf = (text: Uint8Array) => [
    { keyId: key.trusted.id, signature: sign(null, text, key.privateKey).toString('base64') },
  ];
  const permitted = some && { ...NOTHING_PERMITTED, ...some };
  const permissions = permitted && {
    ...permitted,
    signatures: signaturesOf(permissionsText(bytes, signedAtSec, permitted)),
  };
  return Buffer.from(
    formatSignatures({
      formatVersion: 1,
      signedAtSec,
      signatures: signaturesOf(signedText(bytes, signedAtSec)),
      ...(permissions && { permissions }),
    }),
  ).toString();
}

function contentOf(
  bytes: Uint8Array,
  chunkBytes: number,
): { sizeBytes: number; sha256: string; chunks: ManifestChunk[] } {
  const chunks: ManifestChunk[] = [];
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    const chunk = bytes.subarray(start, start + chunkBytes);
    chunks.push({ lengthBytes: chunk.length, sha256: sha256(chunk) });
  }
  return { sizeBytes: bytes.length, sha256: sha256(bytes), chunks };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function slotFiles(slot: Slot, image: TestImage): Record<string, string> {
  return {
    ...Object.fromEntries(Object.entries(image.bootFiles).map(([path, text]) => [`${slot}/${path}`, text])),
    [`${slot}/${MANIFEST_NAME}`]: image.manifestText,
    [`${slot}/${SIGNATURES_NAME}`]: image.signaturesText,
  };
}

export interface TargetOptions {
  /** Default: that of a PC. */
  layout?: BootLoaderLayout;
  /** What slot b holds already. */
  other?: TestImage;
  /** In the root of the boot partition, by path. */
  shared?: Readonly<Record<string, string>>;
}

export class UpdateTarget {
  readonly directory = mkdtempSync(join(tmpdir(), 'tsk-update-'));
  readonly layout: BootLoaderLayout;
  /** Of the boot partition, whose file this is. */
  readonly bootPath = join(this.directory, 'boot');
  readonly bootBytes: number;
  readonly #rootBytes: number;
  /** Which slot is not to be written. */
  running: Slot = 'a';
  /** From now on every access fails, as that of a disk that has died. */
  fails = false;
  /** Every write waits for it. */
  pause: Promise<void> = Promise.resolve();
  /** Handed out and not closed yet. */
  openCount = 0;
  isWritten = false;

  private constructor(layout: BootLoaderLayout, rootBytes: number, bootBytes: number) {
    this.layout = layout;
    this.#rootBytes = rootBytes;
    this.bootBytes = bootBytes;
  }

  static async create(
    running: TestImage,
    rootPartitionBytes: number,
    { layout = PC_LAYOUT, other, shared = {} }: TargetOptions = {},
  ): Promise<UpdateTarget> {
    const boot = await bootVolume({
      layout,
      files: { ...shared, ...slotFiles('a', running), ...(other && slotFiles('b', other)) },
    });
    const target = new UpdateTarget(layout, rootPartitionBytes, boot.sizeBytes);
    writeFileSync(target.bootPath, await boot.read(0, boot.sizeBytes));
    for (const slot of SLOTS) {
      writeFileSync(target.#path(slot), (slot === 'a' ? running.root : other?.root) ?? '');
      truncateSync(target.#path(slot), rootPartitionBytes);
    }
    return target;
  }

  /** As on a device, one at a time may write. */
  openDisk(use: DiskUse = 'write'): OpenUpdateDisk {
    if (use === 'write' && this.isWritten) throw Object.assign(new Error('EBUSY'), { code: 'EBUSY' });
    const source = this.running;
    const target = otherSlot(source);
    const opened = [
      openBlockDevice(this.bootPath, this.bootBytes, use === 'look' ? 'r' : 'r+'),
      openBlockDevice(this.#path(source), this.#rootBytes, 'r'),
      openBlockDevice(this.#path(target), this.#rootBytes, use === 'write' ? 'r+' : 'r'),
    ] as const;
    this.openCount++;
    this.isWritten ||= use === 'write';
    const [boot, sourceRoot, targetRoot] = opened;
    return {
      source,
      target,
      boot: this.#failing(boot),
      layout: this.layout,
      sourceRoot,
      targetRoot: this.#failing(targetRoot),
      rootGuid: async (slot) => rootGuidOf(slot),
      dropCaches: () => Promise.resolve(),
      [Symbol.dispose]: () => {
        this.openCount--;
        if (use === 'write') this.isWritten = false;
        for (const device of opened) device[Symbol.dispose]();
      },
    };
  }

  /** As init does: of this slot the boot loader starts. */
  async commit(slot: Slot): Promise<void> {
    using disk = this.openDisk();
    await new LoaderFiles(disk.layout, disk.boot).commit(slot, () => {});
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }

  /** Of all that an update may write. */
  contentHash(): string {
    return sha256(Buffer.concat(['boot', 'b'].map((name) => readFileSync(this.#path(name)))));
  }

  /** Bytes of the root of slot b are not what they were. */
  damageRoot(offsetBytes: number): void {
    const fd = openSync(this.#path('b'), 'r+');
    writeSync(fd, 'damaged', offsetBytes);
    closeSync(fd);
  }

  #path(name: string): string {
    return join(this.directory, name);
  }

  #failing(device: ByteDevice): ByteDevice {
    const check = async (syscall: string) => {
      if (syscall === 'write') await this.pause;
      if (this.fails) throw Object.assign(new Error(`EIO: i/o error, ${syscall}`), { code: 'EIO' });
    };
    return {
      sizeBytes: device.sizeBytes,
      async read(offsetBytes, lengthBytes) {
        await check('read');
        return device.read(offsetBytes, lengthBytes);
      },
      async write(offsetBytes, bytes) {
        await check('write');
        await device.write(offsetBytes, bytes);
      },
      async flush() {
        await check('fsync');
        await device.flush?.();
      },
    };
  }
}
