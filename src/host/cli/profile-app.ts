// What tsk profile does.

import { resolve } from 'node:path';
import { mapProfile } from '../debug/map-profile.ts';
import { recordCpu, recordHeap } from '../debug/record-profile.ts';
import { SourcePlaces } from '../devices/source-places.ts';
import { checkOutputTarget, writeOutputFile } from '../files/output-file.ts';
import { UserError } from '../user-error.ts';
import { withInspector } from './debug-session.ts';
import type { DeviceOptions } from './device-session.ts';
import type { Session } from './session.ts';
import { formatBytes } from './sizes.ts';
import { formatDuration } from './times.ts';

export interface ProfileOptions extends DeviceOptions {
  /** Milliseconds. */
  cpu?: number;
  heap?: boolean;
  force?: boolean;
  out?: string;
}

export async function profileApp(session: Session, app: string, options: ProfileOptions): Promise<void> {
  const { output, signal } = session;
  const { cpu, heap, force } = options;
  if (cpu === undefined && heap !== true)
    throw new UserError(`Cannot profile "${app}": say what to record`, {
      hint: 'Give --cpu 10s for what it does, or --heap for what it holds.',
    });
  const kind = heap === true ? 'heapsnapshot' : 'cpuprofile';
  const path = resolve(options.out ?? `${app}.${kind}`);
  // Ten minutes are not to end with a directory that does not exist.
  await checkOutputTarget(path, 'the profile');
  await withInspector(session, app, options, async (inspector, { buildId, instance }) => {
    const places = new SourcePlaces(instance.stateDirectory, buildId);
    const map = (profile: Record<string, unknown>): object => mapProfile(profile, places, instance.directory);
    const record = async (temporary: string): Promise<{ bytes: number }> => {
      const doing =
        cpu === undefined ? 'Taking a heap snapshot of' : `Recording ${formatDuration(cpu / 1000)} of`;
      const step = output.progress.start(`${doing} ${app}`);
      const recorded =
        cpu === undefined
          ? await recordHeap(inspector, temporary, { isForced: force === true, signal })
          : await recordCpu(inspector, temporary, { forMs: cpu, map, signal });
      step.done();
      return recorded;
    };
    const { bytes } = await writeOutputFile(path, 'the profile', record, signal);
    output.result({ app, kind, path, bytes }, `Wrote ${path} (${formatBytes(bytes)}).`);
  });
}
