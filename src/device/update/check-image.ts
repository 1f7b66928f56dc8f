// What an image has to be like before any of it is written: each check is a sentence for whoever sent it. In this
// order, because what is not signed has nothing to say about boards and sizes.

import { parseManifest } from '../../shared/manifest/parse-manifest.ts';
import type { Manifest } from '../../shared/manifest/manifest.ts';
import {
  formatSignatures,
  parseSignatures,
  SignatureError,
  verifyManifest,
  type TrustedKey,
  type UpdatePermissions,
} from '../../shared/manifest/manifest-signature.ts';
import { verifyPermissions } from '../../shared/manifest/update-permissions.ts';
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
  permitted: UpdatePermissions;
}

/** Whether a clock is to be believed, and what it says. */
export interface ClockReading {
  isSet: boolean;
  sec: number;
}

/** Checks what the image says of itself: signatures, board and hostname. Throws ImageRefusal. */
export function checkImage(request: UpdateRequest, config: DeviceConfig, clock: ClockReading): OfferedImage {
  const manifestBytes = Buffer.from(request.manifest);
  const signatureBytes = Buffer.from(request.signatures);
  // The manifest is not read before its signature is: a parser is the larger target.
  const signedAtSec = checkSigned(config, (keys) =>
    verifyManifest(manifestBytes, signatureBytes, keys, clock.sec),
  ).signedAtSec;
  const permitted = checkSigned(config, (keys) =>
    // A key that may have expired permits nothing.
    verifyPermissions(manifestBytes, signatureBytes, clock.isSet ? keys : keys.filter(isLasting), clock.sec),
  );
  const manifest = readManifest(manifestBytes);
  if (manifest.board !== config.board)
    throw new ImageRefusal('board', `The image is for a ${manifest.board}, and this is a ${config.board}`);
  if (manifest.hostname !== config.hostname && permitted.renameFrom !== config.hostname)
    throw new ImageRefusal(
      'hostname',
      `The image is for the device "${manifest.hostname}", and this is "${config.hostname}"` +
        unsignedWord(request.allowRename),
    );
  return { manifest, manifestBytes, signatureBytes: withoutNotes(signatureBytes), signedAtSec, permitted };
}

/** What devices note in their signatures is not for others to say, nor signed. */
function withoutNotes(bytes: Uint8Array): Uint8Array {
  const { newestConfirmedSec, ...signatures } = parseSignatures(bytes);
  return newestConfirmedSec === undefined ? bytes : formatSignatures(signatures);
}

/** For whoever sends an image from a computer with an older tsk. */
function unsignedWord(isAllowed: boolean | undefined): string {
  return isAllowed === true
    ? '; that this may be has to be signed with the image, as newer versions of tsk do'
    : '';
}

function isLasting({ notAfterSec }: TrustedKey): boolean {
  return notAfterSec === undefined;
}

export function trustedKeysOf(config: DeviceConfig): readonly TrustedKey[] {
  return config.update?.trustedKeys ?? [];
}

function checkSigned<T>(config: DeviceConfig, verify: (keys: readonly TrustedKey[]) => T): T {
  const keys = trustedKeysOf(config);
  if (keys.length === 0)
    throw new ImageRefusal('signature', 'This device trusts no key, so that it takes no update');
  try {
    return verify(keys);
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

/**
 * Throws ImageRefusal for what was signed before the newest image that was confirmed here, for it may be one with a hole
 * that is mended since, and for what was signed in the future: once that runs, everything that is signed until then would
 * count as older. `newestSec`: null where nothing is known to have been confirmed.
 */
export function checkSigningTime(
  { signedAtSec, permitted }: OfferedImage,
  newestSec: number | null,
  clock: ClockReading,
  { allowDowngrade }: UpdateRequest,
): void {
  // The permission names what it leads away from: sent once more, it permits nothing.
  if (permitted.downgradeFromSec === (newestSec ?? 0)) return;
  const unsigned = unsignedWord(allowDowngrade);
  if (newestSec !== null && signedAtSec < newestSec)
    throw new ImageRefusal(
      'older',
      `The image was signed on ${day(signedAtSec)}, before the newest one that was confirmed here (${day(newestSec)})${unsigned}`,
    );
  if (clock.isSet && signedAtSec > clock.sec + CLOCK_TOLERANCE_SEC)
    throw new ImageRefusal(
      'future',
      `The image was signed on ${day(signedAtSec)}, and here it is ${day(clock.sec)} UTC: one of the clocks is wrong${unsigned}`,
    );
}

/** Throws ImageRefusal when only keys that expire vouch for the image, and nobody knows whether they have. */
export function checkClock(image: OfferedImage, config: DeviceConfig, isClockSet: boolean): void {
  if (isClockSet) return;
  const lasting = trustedKeysOf(config).filter(isLasting);
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
  const { running, committed, appsFrom, trial, trialProblem } = state;
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
  if (trialProblem !== undefined) throw new UpdateConflict('cannot-try', trialProblem);
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

export function readClock(isSet: boolean): ClockReading {
  return { isSet, sec: Math.floor(Date.now() / 1000) };
}
