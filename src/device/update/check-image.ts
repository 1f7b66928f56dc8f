// What an image has to be like before any of it is written: each check is a sentence for whoever sent it. In this
// order, because what is not signed has nothing to say about boards and sizes.

import { parseManifest } from '../../shared/manifest/parse-manifest.ts';
import type { Manifest } from '../../shared/manifest/manifest.ts';
import { SignatureError, verifyManifest, type TrustedKey } from '../../shared/manifest/manifest-signature.ts';
import type { DeviceConfig } from '../../shared/services/services.ts';
import { shortBuildId } from '../../shared/manifest/short-build-id.ts';
import type { UpdateRequest } from '../../shared/update/update-api.ts';
import type { UpdateState } from '../../shared/update/update-state.ts';
import type { UpdateDisk } from './update-disk.ts';
import { ImageRefusal, UpdateConflict } from './update-refusal.ts';

const MIB = 1024 * 1024;
/** How far the signer's clock may be ahead. */
const CLOCK_TOLERANCE_SEC = 10 * 60;

export interface OfferedImage {
  manifest: Manifest;
  manifestBytes: Uint8Array;
  signatureBytes: Uint8Array;
  signedAtSec: number;
}

/** Checks what the image says of itself: signatures, board and hostname. Throws ImageRefusal. */
export function checkImage(request: UpdateRequest, config: DeviceConfig, nowSec: number): OfferedImage {
  const manifestBytes = Buffer.from(request.manifest);
  const signatureBytes = Buffer.from(request.signatures);
  // The manifest is not read before its signature is: a parser is the larger target.
  const signedAtSec = checkSignatures(manifestBytes, signatureBytes, trustedKeysOf(config), nowSec);
  const manifest = readManifest(manifestBytes);
  if (manifest.board !== config.board)
    throw new ImageRefusal('board', `The image is for a ${manifest.board}, and this is a ${config.board}`);
  if (manifest.hostname !== config.hostname && request.allowRename !== true)
    throw new ImageRefusal(
      'hostname',
      `The image is for the device "${manifest.hostname}", and this is "${config.hostname}"`,
    );
  return { manifest, manifestBytes, signatureBytes, signedAtSec };
}

export function trustedKeysOf(config: DeviceConfig): readonly TrustedKey[] {
  return config.update?.trustedKeys ?? [];
}

function checkSignatures(
  manifest: Uint8Array,
  signatures: Uint8Array,
  keys: readonly TrustedKey[],
  nowSec: number,
): number {
  if (keys.length === 0)
    throw new ImageRefusal('signature', 'This device trusts no key, so that it takes no update');
  try {
    return verifyManifest(manifest, signatures, keys, nowSec).signedAtSec;
  } catch (cause) {
    if (!(cause instanceof SignatureError)) throw cause;
    throw new ImageRefusal('signature', cause.message, { cause });
  }
}

function readManifest(bytes: Uint8Array): Manifest {
  try {
    return parseManifest(bytes);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new ImageRefusal('manifest', cause.message, { cause });
  }
}

/** Throws ImageRefusal when a partition is too small. */
export function checkLayout({ minLayout }: Manifest, disk: UpdateDisk): void {
  const partitions = [
    { name: 'root', has: disk.targetRoot.sizeBytes, needs: minLayout.rootPartitionBytes },
    { name: 'boot', has: disk.boot.sizeBytes, needs: minLayout.bootPartitionBytes },
  ];
  const small = partitions.find(({ has, needs }) => has < needs);
  if (!small) return;
  const [needs, has] = [Math.ceil(small.needs / MIB), Math.floor(small.has / MIB)];
  throw new ImageRefusal(
    'layout',
    `The image needs a ${small.name} partition of ${needs} MiB, and this one has ${has} MiB`,
  );
}

/** Throws ImageRefusal for what was signed before the image that runs: it may be one with a hole that is mended since. */
export function checkNotOlder(signedAtSec: number, runningSignedAtSec: number | null): void {
  if (runningSignedAtSec === null || signedAtSec >= runningSignedAtSec) return;
  throw new ImageRefusal(
    'older',
    `The image was signed on ${day(signedAtSec)}, before the running one (${day(runningSignedAtSec)})`,
  );
}

/**
 * Throws ImageRefusal for what was signed in the future: once it runs, everything that is signed until then would count
 * as older. `clockSec` is the time of a clock that is right.
 */
export function checkNotAhead(signedAtSec: number, clockSec: number): void {
  if (signedAtSec <= clockSec + CLOCK_TOLERANCE_SEC) return;
  throw new ImageRefusal(
    'future',
    `The image was signed on ${day(signedAtSec)}, and here it is ${day(clockSec)} UTC: one of the clocks is wrong`,
  );
}

/** Throws ImageRefusal when only keys that expire vouch for the image, and nobody knows whether they have. */
export function checkClock(image: OfferedImage, config: DeviceConfig, isClockSet: boolean): void {
  if (isClockSet) return;
  const lasting = trustedKeysOf(config).filter(({ notAfterSec }) => notAfterSec === undefined);
  try {
    verifyManifest(image.manifestBytes, image.signatureBytes, lasting, 0);
  } catch (cause) {
    if (!(cause instanceof SignatureError)) throw cause;
    throw new ImageRefusal(
      'clock',
      'The image is signed with a key that expires, and the clock of this device has not been set yet',
      { cause },
    );
  }
}

/** Throws UpdateConflict unless there is a slot that may be written, and the other one is what the device starts. */
export function checkState(state: UpdateState, disk: UpdateDisk): void {
  const { running, committed, appsFrom, trial } = state;
  if (running === null || running !== disk.source)
    throw new UpdateConflict(
      'cannot-try',
      'It is not known which slot this device runs from, so that neither may be written',
    );
  if (committed === null)
    throw new UpdateConflict(
      'cannot-try',
      'The configuration of the boot loader cannot be read, so that no slot may be written',
    );
  if (trial)
    throw new UpdateConflict(
      'trial-going-on',
      `Build ${shortBuildId(trial.buildId)} of ${trial.who} is on trial: it has to be confirmed or rolled back first`,
    );
  if (running !== committed || (appsFrom !== null && appsFrom !== running))
    throw new UpdateConflict(
      'restart-first',
      `This device runs from slot ${running}, and will start from slot ${committed}: it has to restart first`,
    );
}

function day(timeSec: number): string {
  return new Date(timeSec * 1000).toISOString().slice(0, 16).replace('T', ' ');
}

export function nowSec(): number {
  return Math.floor(Date.now() / 1000);
}
