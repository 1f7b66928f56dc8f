// What tsk reboot and poweroff do.

import { setTimeout as delay } from 'node:timers/promises';
import { NoAnswerError } from '../devices/no-answer-error.ts';
import type { OpenDevice } from '../devices/open-device.ts';
import { UserError } from '../user-error.ts';
import { connect } from './device-session.ts';
import type { Session } from './session.ts';
import { formatDuration } from './times.ts';
import type { DeviceOptions } from './device-session.ts';

export interface PowerOptions extends DeviceOptions {
  wait: boolean;
}

/** An emulated machine on a busy computer takes minutes. */
const REBOOT_LIMIT_MS = 10 * 60_000;
const POWER_OFF_LIMIT_MS = 3 * 60_000;
const POLL_MS = 500;

export async function reboot(session: Session, options: PowerOptions): Promise<void> {
  const { output } = session;
  const before = await connect(session, options);
  const { hostname } = before.status.system;
  const startedAt = performance.now();
  await before.client.power('reboot');
  if (!options.wait) {
    output.result({ hostname, state: 'rebooting' }, `${hostname} reboots.`);
    return;
  }
  const step = output.progress.start(`Rebooting ${hostname}`);
  const after = await waitForNextBoot(session, options, before);
  step.done();
  const tookMs = Math.round(performance.now() - startedAt);
  const { bootId, system } = after.status;
  output.result(
    { hostname, state: 'running', bootId, slot: system.slot, tookMs },
    `${hostname} is back after ${formatDuration(tookMs / 1000)}.`,
  );
}

async function waitForNextBoot(
  session: Session,
  options: PowerOptions,
  before: OpenDevice,
): Promise<OpenDevice> {
  const { hostname } = before.status.system;
  const deadlineMs = Date.now() + REBOOT_LIMIT_MS;
  while (Date.now() < deadlineMs) {
    await delay(POLL_MS, undefined, { signal: session.signal });
    try {
      const after = await connect(session, options);
      if (after.status.bootId !== before.status.bootId) return after;
    } catch (error) {
      if (!(error instanceof NoAnswerError)) throw error;
    }
  }
  throw new UserError(
    `Cannot see "${hostname}" come back: no answer within ${formatDuration(REBOOT_LIMIT_MS / 1000)}`,
    {
      topic: 'not-back',
      hint: 'Look at its screen or serial console. "tsk status" tells when it answers.',
    },
  );
}

export async function powerOffDevice(session: Session, options: PowerOptions): Promise<void> {
  const { output, signal } = session;
  const { client, status } = await connect(session, options);
  const { hostname } = status.system;
  await client.power('poweroff');
  if (!options.wait) {
    output.result({ hostname, state: 'powering off' }, `${hostname} powers off.`);
    return;
  }
  const step = output.progress.start(`Powering off ${hostname}`);
  const deadlineMs = Date.now() + POWER_OFF_LIMIT_MS;
  while (await client.isUp()) {
    if (Date.now() > deadlineMs) {
      throw new UserError(`Cannot see "${hostname}" go off: it still answers`, {
        hint: 'See "tsk logs init" for what it waits for.',
      });
    }
    await delay(POLL_MS, undefined, { signal });
  }
  step.done();
  // The page goes before the disk is written out.
  output.result(
    { hostname, state: 'off' },
    `${hostname} answers no more. Give it a few seconds before the plug is pulled.`,
  );
}
