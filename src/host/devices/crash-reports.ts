// Reports of crashes that a device keeps (shared/debug/debug-api.ts).

import { type CrashReport, DEBUG_API } from '../../shared/debug/debug-api.ts';
import { MAX_REPORT_BYTES } from '../../shared/services/crash-reports.ts';
import type { DeviceClient } from './device-client.ts';
import { notADevice } from './device-problems.ts';

/** Newest first. */
export async function listCrashReports(client: DeviceClient, app: string): Promise<CrashReport[]> {
  const act = `read the reports of "${app}"`;
  const reports = await client.askJson<unknown>(DEBUG_API.reports(app), { act });
  if (!Array.isArray(reports) || !reports.every(isCrashReport))
    throw notADevice(client.device, client.address);
  return reports;
}

/** As the app's Node.js wrote it, or whatever else the app has put there. */
export async function readCrashReport(client: DeviceClient, app: string, name: string): Promise<string> {
  let text = '';
  for await (const piece of client.askStream(DEBUG_API.report(app, name), {
    act: `read a report of "${app}"`,
  })) {
    text += piece;
    if (text.length > 2 * MAX_REPORT_BYTES) throw notADevice(client.device, client.address);
  }
  return text;
}

function isCrashReport(value: Partial<CrashReport> | null): value is CrashReport {
  return (
    typeof value?.name === 'string' && typeof value.atMs === 'number' && typeof value.sizeBytes === 'number'
  );
}
