// Whether this device, as it stands, takes an image, and how it would go over to it. Looks, and writes nothing.

import { setTimeout as sleep } from 'node:timers/promises';
import { INIT_API } from '../../shared/api/init-api.ts';
import type { Manifest } from '../../shared/manifest/manifest.ts';
import { decideSwitch, type SwitchDecision } from '../../shared/update/switch-mode.ts';
import type { UpdateOffer, UpdateRequest } from '../../shared/update/update-api.ts';
import type { UpdateState } from '../../shared/update/update-state.ts';
import {
  checkClock,
  checkLayout,
  checkSigningTime,
  checkState,
  readClock,
  type OfferedImage,
} from './check-image.ts';
import { sharedChanges } from './renew-shared-files.ts';
import { newestConfirmed, readRunningSlot } from './slot-contents.ts';
import type { UpdateDisk } from './update-disk.ts';
import { UpdateConflict } from './update-refusal.ts';
import type { UpdateSurroundings } from './update-surroundings.ts';

/** /perm may have to be checked or made, and the firmware to be asked. */
const STARTING_LIMIT_MS = 60_000;
const STARTING_POLL_MS = 250;

/** Throws ImageRefusal or UpdateConflict. */
export async function examineImage(
  around: UpdateSurroundings,
  image: OfferedImage,
  request: UpdateRequest,
  signal: AbortSignal,
): Promise<SwitchDecision & Pick<UpdateOffer, 'slot' | 'notes'>> {
  using disk = around.openDisk('look');
  checkLayout(image.manifest, disk);
  const running = await readRunningSlot(disk.boot, disk.source);
  const clock = readClock(around.isClockSet());
  // What /perm remembers is known when the device has started.
  const state = await settledState(around.init, signal);
  const newest = newestConfirmed(state, await readRunningSlot(disk.boot, state.committed ?? disk.source));
  checkSigningTime(image, newest, clock, request);
  checkClock(image, around.config, clock.isSet);
  checkState(state, disk);
  const decision = decide(running?.manifest, image.manifest, {
    isForced: request.forceReboot === true,
    runningBuildId: around.config.buildId,
  });
  if (decision.mode === 'reboot' && state.trialStart === null)
    throw new UpdateConflict(
      'cannot-try',
      'This device has no way to try another slot, so that it takes no update',
    );
  return { slot: disk.target, ...decision, ...notesOn(disk, running?.manifest, image.manifest) };
}

function notesOn(
  { layout }: UpdateDisk,
  running: Manifest | undefined,
  next: Manifest,
): Pick<UpdateOffer, 'notes'> {
  const later = sharedChanges(layout, running, next);
  if (later.length === 0) return {};
  return {
    notes: [
      `The trial runs with the firmware that is there: ${later.join(', ')} of the new build come when it is confirmed`,
    ],
  };
}

/**
 * The state after a start, once it is known that the other slot is not about to be tried again. Throws
 * UpdateConflict.
 */
async function settledState(init: UpdateSurroundings['init'], signal: AbortSignal): Promise<UpdateState> {
  for (let waitedMs = 0; ; waitedMs += STARTING_POLL_MS) {
    const state = await init.get<UpdateState>(INIT_API.update);
    if (state.isStarting !== true) return state;
    if (waitedMs >= STARTING_LIMIT_MS)
      throw new UpdateConflict(
        'still-starting',
        'This device is still starting: it does not know yet what came of its last trial',
      );
    await sleep(STARTING_POLL_MS, undefined, { signal });
  }
}

function decide(
  running: Manifest | undefined,
  next: Manifest,
  { isForced, runningBuildId }: { isForced: boolean; runningBuildId: string },
): SwitchDecision {
  const unknownApps = { changedApps: [], unchangedApps: [] };
  if (next.buildId === runningBuildId) return { mode: 'none', rebootBecause: [], ...unknownApps };
  if (!running)
    return {
      mode: 'reboot',
      rebootBecause: ['the manifest of the running image is damaged'],
      ...unknownApps,
    };
  const decision = decideSwitch(running, next);
  if (decision.mode !== 'live' || !isForced) return decision;
  return { ...decision, mode: 'reboot', rebootBecause: ['the client asks for it'] };
}
