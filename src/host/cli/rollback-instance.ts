// What tsk rollback does.

import { shortBuildId } from '../../shared/manifest/short-build-id.ts';
import { openInstance } from '../config/instance.ts';
import { DeviceLink } from '../deploy/update/device-link.ts';
import { rollBackDevice } from '../deploy/update/roll-back.ts';
import { type DeviceOptions, findOptions } from './device-session.ts';
import { openUpdateContext } from './open-update-context.ts';
import type { Session } from './session.ts';
import { failed, formatAbsence, showRollbackPlan } from './show-update.ts';

export async function rollBackInstance(session: Session, options: DeviceOptions): Promise<void> {
  const { output, signal } = session;
  const instance = await openInstance(session.instanceDirectory);
  const link = await DeviceLink.open({
    instance,
    ...findOptions(options),
    signal,
    warn: (text) => output.warn(text),
  });
  const context = await openUpdateContext(session, instance, link, options);
  const { hostname } = context;
  const result = await rollBackDevice(context, (plan) => showRollbackPlan(output, hostname, plan));
  const value = { hostname, ...result };
  const [build, from] = [shortBuildId(result.buildId), shortBuildId(result.fromBuildId)];
  switch (result.outcome) {
    case 'confirmed':
      output.result(value, `${hostname} now runs build ${build} (was ${from})${formatAbsence(result)}.`);
      return;
    case 'trial ended':
      output.result(
        value,
        `${hostname} runs build ${build} again; the trial of build ${from} is over${formatAbsence(result)}.`,
      );
      return;
    default:
      await failed(output, instance, context, value);
  }
}
