// Restarts a device with what it runs, and waits until it is back.

import { setTimeout as delay } from 'node:timers/promises';
import { NoAnswerError } from '../../devices/no-answer-error.ts';
import type { PageWatch } from './page-watch.ts';
import type { UpdateContext } from './update-context.ts';
import { notBack } from './update-problems.ts';

export async function restartDevice(context: UpdateContext, page: PageWatch): Promise<void> {
  const { link, limits, report, signal, hostname } = context;
  const { bootId } = link.status;
  const step = report.start(`Restarting ${hostname}`);
  const startedMs = performance.now();
  context.take({ type: 'restart' });
  await link.client.power('reboot');
  while (link.status.bootId === bootId) {
    await delay(limits.pollMs, undefined, { signal });
    try {
      await link.waitUntilBack(page, limits.awayMs);
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof NoAnswerError ? notBack(hostname, limits.awayMs, error) : error;
    }
    if (performance.now() - startedMs > limits.awayMs) throw notBack(hostname, limits.awayMs, undefined);
  }
  context.take({ type: 'back' });
  await context.restartTime.note((performance.now() - startedMs) / 1000);
  step.done('it is back');
}
