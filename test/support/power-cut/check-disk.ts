// Whether a disk would start, told without starting it: partition tables, boot partition, and of the slot that the
// boot loader would take every byte, against a manifest that is signed. Written without the code that makes updates.

import assert from 'node:assert/strict';
import { createHash, createPublicKey, verify } from 'node:crypto';
import type { ByteSource } from '../../../src/formats/byte-source.ts';
import { FatTable, readFatCopy } from '../../../src/formats/fat/table.ts';
import type { Extent } from '../../../src/formats/fat/tree.ts';
import { type FatVolume, openFat } from '../../../src/formats/fat/volume.ts';
import { surveyZones } from '../../../src/formats/fat/zones.ts';
import { type Gpt, readGpt } from '../../../src/formats/gpt.ts';
import type { Manifest, ManifestChunk } from '../../../src/shared/manifest/manifest.ts';
import type { ManifestSignatures } from '../../../src/shared/manifest/manifest-signature.ts';
import { type Slot, SLOT_PARTITION } from '../../../src/shared/board/slots.ts';
import type { DiskState } from './recorded-disk.ts';
import type { RigBoard } from './rig-board.ts';

const SECTOR_BYTES = 512;
/** Protective MBR, header, entries; the backup without the MBR. */
const PRIMARY_TABLE_BYTES = 34 * SECTOR_BYTES;
const BACKUP_TABLE_BYTES = 33 * SECTOR_BYTES;
/** DER of a SubjectPublicKeyInfo for ed25519 (RFC 8410), but for the key itself. */
const ED25519_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

export interface CheckedDisk {
  committed: Slot;
  buildId: string;
}

export class DiskChecker {
  readonly gpt: Gpt;
  /** Where they are, and what they are to be. */
  readonly tables: readonly (Extent & { bytes: Uint8Array })[];
  readonly board: RigBoard;
  readonly #publicKey: Uint8Array;
  readonly #hashes = new Map<string, string>();
  /** What has passed already, by what it depends on. */
  readonly #passed = new Map<string, string>();
  readonly #boots = new WeakMap<ByteSource, Promise<FatVolume>>();

  private constructor(gpt: Gpt, tables: DiskChecker['tables'], board: RigBoard, publicKey: Uint8Array) {
    this.gpt = gpt;
    this.tables = tables;
    this.board = board;
    this.#publicKey = publicKey;
  }

  /** `disk` has the partition tables that are never to change; `publicKey` are the 32 bytes of whoever signs. */
  static async of(disk: ByteSource, board: RigBoard, publicKey: Uint8Array): Promise<DiskChecker> {
    const places = [
      { offsetBytes: 0, lengthBytes: PRIMARY_TABLE_BYTES },
      { offsetBytes: disk.sizeBytes - BACKUP_TABLE_BYTES, lengthBytes: BACKUP_TABLE_BYTES },
    ];
    const tables = await Promise.all(
      places.map(async (place) => ({
        ...place,
        bytes: await disk.read(place.offsetBytes, place.lengthBytes),
      })),
    );
    return new DiskChecker(await readGpt(disk), tables, board, publicKey);
  }

  /** Number from 1. */
  partition(number: number): Extent {
    const entry = this.gpt.partitions[number - 1];
    assert.ok(entry, `partition ${number} is gone`);
    return {
      offsetBytes: entry.firstSector * SECTOR_BYTES,
      lengthBytes: (entry.lastSector - entry.firstSector + 1) * SECTOR_BYTES,
    };
  }

  /** Throws at anything that is wrong with what would start. */
  async check(disk: DiskState): Promise<CheckedDisk> {
    for (const { offsetBytes, bytes } of this.tables) {
      const now = await disk.read(offsetBytes, bytes.length);
      assert.ok(Buffer.compare(now, bytes) === 0, `the partition table at byte ${offsetBytes} has changed`);
    }
    const boot = this.partition(1);
    const { path } = this.board.layout.commit;
    const committed = await this.#once(disk, [boot], 'boot', async () => {
      const volume = await this.openBoot(disk);
      return this.board.committedOf(await readText(volume, path)) ?? '';
    });
    assert.match(committed, /^[ab]$/, `${path} names no slot`);
    await this.#once(disk, [boot], `start of ${committed}`, async () => {
      await this.board.checkStart?.(disk, committed, false);
      return '';
    });
    await this.#checkTrial(disk, committed);
    return { committed: committed as Slot, buildId: await this.checkSlot(disk, committed as Slot) };
  }

  /** Whoever makes the firmware start on trial, at whatever moment, has to get a slot that is whole. */
  async #checkTrial(disk: DiskState, committed: string): Promise<void> {
    const { commit, trialPath } = this.board.layout;
    if (trialPath === null) return;
    const boot = this.partition(1);
    const slot = await this.#once(disk, [boot], 'trial', async () => {
      const volume = await this.openBoot(disk);
      const text = await readText(volume, trialPath);
      if (text === (await readText(volume, commit.path))) return committed;
      const named = this.board.committedOf(text) ?? '';
      assert.match(named, /^[ab]$/, `${trialPath} names no slot`);
      assert.ok(
        await this.isMarked(disk, named as Slot),
        `${trialPath} starts slot ${named}, which is not whole`,
      );
      await this.board.checkStart?.(disk, named, true);
      return named;
    });
    if (slot !== committed) await this.checkSlot(disk, slot as Slot);
  }

  /** Whether the slot counts as one that could be started. */
  async isMarked(disk: DiskState, slot: Slot): Promise<boolean> {
    const found = await this.#once(disk, [this.partition(1)], `mark of ${slot}`, async () => {
      const manifest = await (await this.openBoot(disk)).stat(`${slot}/manifest.json`);
      return manifest === undefined ? '' : 'marked';
    });
    return found !== '';
  }

  /** Throws unless the slot would start and is all that its manifest says; its build id. */
  async checkSlot(disk: DiskState, slot: Slot): Promise<string> {
    const parts = [this.partition(1), this.partition(SLOT_PARTITION[slot])];
    return this.#once(disk, parts, `slot ${slot}`, async () => {
      const volume = await this.openBoot(disk);
      const manifest = await this.#readManifest(volume, slot);
      await this.#checkStart(volume, slot, manifest);
      for (const { path, sizeBytes, sha256 } of manifest.bootFiles) {
        const extents = (await volume.extents(`${slot}/${path}`)).map((extent) => this.#onDisk(extent));
        const found = extents.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
        assert.equal(found, sizeBytes, `size of ${slot}/${path}`);
        assert.equal(await this.#hash(disk, extents), sha256, `content of ${slot}/${path}`);
      }
      await this.#checkRoot(disk, slot, manifest.root.chunks);
      return manifest.buildId;
    });
  }

  /** The boot partition, surveyed: no cluster has two owners, no chain is cut off. */
  openBoot(disk: ByteSource): Promise<FatVolume> {
    const known = this.#boots.get(disk);
    if (known !== undefined) return known;
    const opened = this.#openBoot(disk);
    this.#boots.set(disk, opened);
    return opened;
  }

  async #openBoot(disk: ByteSource): Promise<FatVolume> {
    const source = slice(disk, this.partition(1));
    const volume = await openFat(source);
    const table = new FatTable(volume.geometry, await readFatCopy(source, volume.geometry));
    await surveyZones(source, table, () => false, false);
    return volume;
  }

  async #readManifest(volume: FatVolume, slot: Slot): Promise<Manifest> {
    const manifest = await volume.readFile(`${slot}/manifest.json`);
    const text = await readText(volume, `${slot}/manifest.sig.json`);
    const { signedAtSec, signatures } = JSON.parse(text) as ManifestSignatures;
    const sha256 = createHash('sha256').update(manifest).digest('hex');
    const signed = Buffer.from(`tskrazy manifest 1\n${signedAtSec}\n${sha256}\n`);
    const key = createPublicKey({
      key: Buffer.concat([ED25519_PREFIX, this.#publicKey]),
      format: 'der',
      type: 'spki',
    });
    const isSigned = signatures.some(({ signature }) =>
      verify(null, signed, key, Buffer.from(signature, 'base64')),
    );
    assert.ok(isSigned, `the manifest of slot ${slot} is not signed`);
    return JSON.parse(Buffer.from(manifest).toString()) as Manifest;
  }

  async #checkStart(volume: FatVolume, slot: Slot, manifest: Manifest): Promise<void> {
    const { path } = this.board.layout.ownFile(slot);
    const words = this.board.wordsOf(await readText(volume, path), slot);
    assert.ok(words !== undefined, `${path} does not start the kernel of slot ${slot}`);
    const guid = this.gpt.partitions[SLOT_PARTITION[slot] - 1]?.guid ?? '';
    const needed = [`root=PARTUUID=${guid}`, `tskrazy.slot=${slot}`, ...manifest.kernelArgs];
    const missing = needed.filter((word) => !words.includes(word));
    assert.deepEqual(missing, [], `the kernel command line of slot ${slot} lacks words`);
  }

  async #checkRoot(disk: DiskState, slot: Slot, chunks: readonly ManifestChunk[]): Promise<void> {
    let { offsetBytes } = this.partition(SLOT_PARTITION[slot]);
    for (const [index, { lengthBytes, sha256 }] of chunks.entries()) {
      const hash = await this.#hash(disk, [{ offsetBytes, lengthBytes }]);
      assert.equal(hash, sha256, `chunk ${index} of the root of slot ${slot}`);
      offsetBytes += lengthBytes;
    }
  }

  #onDisk({ offsetBytes, lengthBytes }: Extent): Extent {
    return { offsetBytes: this.partition(1).offsetBytes + offsetBytes, lengthBytes };
  }

  async #hash(disk: DiskState, extents: readonly Extent[]): Promise<string> {
    const key = keyOf(disk, extents);
    const known = key === undefined ? undefined : this.#hashes.get(key);
    if (known !== undefined) return known;
    const hash = createHash('sha256');
    for (const { offsetBytes, lengthBytes } of extents)
      hash.update(await disk.read(offsetBytes, lengthBytes));
    const digest = hash.digest('hex');
    if (key !== undefined) this.#hashes.set(key, digest);
    return digest;
  }

  /** Runs `check` unless it passed with the same bytes before. */
  async #once(
    disk: DiskState,
    extents: readonly Extent[],
    what: string,
    check: () => Promise<string>,
  ): Promise<string> {
    const key = keyOf(disk, extents);
    const known = key === undefined ? undefined : this.#passed.get(`${what} ${key}`);
    if (known !== undefined) return known;
    const result = await check();
    if (key !== undefined) this.#passed.set(`${what} ${key}`, result);
    return result;
  }
}

function keyOf(disk: DiskState, extents: readonly Extent[]): string | undefined {
  const versions = extents.map(({ offsetBytes, lengthBytes }) => {
    const version = disk.versionOf(offsetBytes, lengthBytes);
    return version === undefined ? undefined : `${offsetBytes}+${lengthBytes}@${version}`;
  });
  return versions.includes(undefined) ? undefined : versions.join(' ');
}

async function readText(volume: FatVolume, path: string): Promise<string> {
  return Buffer.from(await volume.readFile(path)).toString();
}

/** A part of a disk to read from. */
export function slice(disk: ByteSource, { offsetBytes, lengthBytes }: Extent): ByteSource {
  return { sizeBytes: lengthBytes, read: (offset, length) => disk.read(offsetBytes + offset, length) };
}
