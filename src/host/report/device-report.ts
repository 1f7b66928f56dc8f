// All that a device tells of how it is, for the report that one pastes into an issue. Each part is asked for by itself:
// a device that answers partly, or is older, still has a report of the rest.

import { type BootRecord, LOG_OF_KERNEL } from '../../shared/api/init-api.ts';
import type { WebStatus } from '../../shared/api/web-api.ts';
import type { LogLine } from '../../shared/services/services.ts';
import type { UpdateStatus } from '../../shared/update/update-api.ts';
import { UpdateApiClient } from '../deploy/update/update-api-client.ts';
import { UserError } from '../user-error.ts';
import type { DeviceClient } from '../devices/device-client.ts';
import { checkIdentity } from '../devices/device-problems.ts';
import { findProblems } from './report-findings.ts';

const KERNEL_LINES = 2000;
const SHOWN_WARNINGS = 20;

export interface DeviceReport {
  /** What is wrong, a sentence each. */
  findings: readonly string[];
  /** What this device does not tell, and why. */
  lacks: readonly string[];
  /** From this computer's clock to the device's; null without a status. */
  clockOffsetMs: number | null;
  status: WebStatus | null;
  updates: UpdateStatus | null;
  boots: readonly BootRecord[] | null;
  /** The last ones. */
  kernelWarnings: readonly LogLine[] | null;
}

/** Throws what keeps anything at all from being told. */
export async function makeDeviceReport(client: DeviceClient, signal: AbortSignal): Promise<DeviceReport> {
  const lacks: string[] = [];
  const part = async <T>(what: string, ask: () => Promise<T>): Promise<T | null> => {
    try {
      return await ask();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof UserError)) throw error;
      lacks.push(`${what}: ${error.message}`);
      return null;
    }
  };
  const askedAtMs = Date.now();
  const status = await client.status().catch(async (error: unknown) => {
    signal.throwIfAborted();
    // Its page may be there when its init is not.
    if (!(error instanceof UserError) || !(await client.isUp())) throw error;
    lacks.push(`the status: ${error.message}`);
    return null;
  });
  const clockOffsetMs = status && status.timeMs - (askedAtMs + Date.now()) / 2;
  const doubt = status && checkIdentity(client.device, client.address, status);
  const hostname = status?.system.hostname ?? client.device.name;
  const updates = await part('updates', () => new UpdateApiClient(client, hostname).status());
  const boots = await part('earlier starts', () => client.boots());
  const kernel = await part('what the kernel says', () => client.log(LOG_OF_KERNEL, { lines: KERNEL_LINES }));
  const kernelWarnings = kernel?.filter(({ stream }) => stream === 'stderr').slice(-SHOWN_WARNINGS) ?? null;
  if (status) lacks.push(...missingParts(status));
  const parts = { clockOffsetMs, status, updates, boots };
  return {
    findings: [...(doubt ? [doubt] : []), ...findProblems(parts)],
    lacks,
    ...parts,
    kernelWarnings,
  };
}

/** Of an older device, or one whose `net` has not written yet. */
function missingParts({ network, time, usage, system }: WebStatus): string[] {
  const older = `tskrazy ${system.tskrazyVersion} does not tell`;
  return [
    ...(network ? [] : ['the network: "net" has told nothing yet']),
    ...(time ? [] : ['the time servers: "net" has told nothing yet']),
    ...(network?.interfaces.some(({ notes }) => notes === undefined)
      ? [`oddities of the network: ${older}`]
      : []),
    ...(usage.disks.some(({ health }) => health === undefined) ? [`errors and wear of disks: ${older}`] : []),
  ];
}
