// What tsk update does: build and find the device at the same time, update it, say what came of it.

import { findManifest } from '../build/known-manifests.ts';
import { type Instance, openInstance } from '../config/instance.ts';
import { DeviceLink } from '../deploy/update/device-link.ts';
import { type UpdateImage, updateDevice } from '../deploy/update/update-device.ts';
import { withUpdateLock } from '../deploy/update/update-lock.ts';
import { readInstancePassword } from '../devices/instance-password.ts';
import { UserError } from '../user-error.ts';
import { listVms } from '../vm/vm-registry.ts';
import { withBuiltImage } from './built-image.ts';
import { openUpdateContext } from './open-update-context.ts';
import type { Session } from './session.ts';
import { showOutcome, showPlan } from './show-update.ts';
import { type DeviceOptions, findOptions } from './device-session.ts';

export interface UpdateVerbOptions extends DeviceOptions {
  confirm: boolean;
  forceReboot?: boolean;
  allowDowngrade?: boolean;
  allowRename?: boolean;
  dryRun?: boolean;
  offline?: boolean;
}

export async function updateInstance(session: Session, options: UpdateVerbOptions): Promise<void> {
  const instance = await openInstance(session.instanceDirectory);
  const { stateDirectory, config } = instance;
  // A build would draw one; but the device has another, or none.
  await readInstancePassword(instance);
  try {
    await withUpdateLock({ stateDirectory, hostname: config.hostname, host: options.host }, () =>
      buildAndUpdate(session, instance, options),
    );
  } catch (error) {
    const { aborted, reason } = session.signal;
    if (!aborted || (error instanceof UserError && error.cause === reason)) throw error;
    throw new UserError(`Interrupted: nothing on ${config.hostname} has changed`, { cause: reason });
  }
}

/** Who mistyped the address or has another password does not want to wait for the build to hear of it. */
async function buildAndUpdate(
  session: Session,
  instance: Instance,
  options: UpdateVerbOptions,
): Promise<void> {
  const { output } = session;
  const over = new AbortController();
  const signal = AbortSignal.any([session.signal, over.signal]);
  const connecting = DeviceLink.open({
    instance,
    ...findOptions(options),
    signal,
    warn: (text) => output.warn(text),
  });
  connecting.catch((error: unknown) => over.abort(error));
  const building = output.progress.start(`Building ${instance.config.hostname}`);
  try {
    const board = await boardOfDevice(instance, options);
    await withBuiltImage(
      { ...session, signal },
      { offline: options.offline ?? false, board, for: 'update' },
      async (image) => {
        building.done();
        await updateAndShow(session, instance, await connecting, image, options);
      },
    );
  } catch (error) {
    // The build was broken off because there is no device.
    throw over.signal.aborted && !session.signal.aborted ? over.signal.reason : error;
  } finally {
    over.abort();
  }
}

/** A virtual machine may be of another board than the instance. */
async function boardOfDevice(
  { directory, config }: Instance,
  { host }: UpdateVerbOptions,
): Promise<Instance['config']['board']> {
  if (host !== undefined) return config.board;
  const vm = (await listVms()).find(({ instanceDirectory }) => instanceDirectory === directory);
  return vm?.board ?? config.board;
}

async function updateAndShow(
  session: Session,
  instance: Instance,
  link: DeviceLink,
  image: UpdateImage,
  options: UpdateVerbOptions,
): Promise<void> {
  const { output } = session;
  const context = await openUpdateContext(session, instance, link, options);
  const result = await updateDevice(context, {
    image,
    findManifest: (sha256s) => findManifest(instance.stateDirectory, sha256s),
    confirmBy: options.confirm ? 'client' : 'device',
    forceReboot: options.forceReboot ?? false,
    allowDowngrade: options.allowDowngrade ?? false,
    allowRename: options.allowRename ?? false,
    dryRun: options.dryRun ?? false,
    onPlan: (plan) => showPlan(output, context.hostname, plan),
  });
  await showOutcome(session, instance, context, result);
}
