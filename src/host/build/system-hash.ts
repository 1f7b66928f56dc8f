// What a live switch cannot replace, as one hash (`Manifest.systemSha256`): the kernel and its arguments, and all
// that the programs of the system run and read. Not in it: the apps' own files and services, and the files of the
// root that list the apps' users. A restarted app sees those of the new root.

import { DEVICE_CONFIG_PATH, type DeviceConfig } from '../../shared/services/services.ts';
import { buildIdOf, describeEntries } from './build-id.ts';
import type { RootEntry } from '../root-tree.ts';
import { userFiles } from './system-files.ts';

export interface SystemParts {
  /** Entries of the whole root; with or without the device's configuration. */
  entries: readonly RootEntry[];
  config: DeviceConfig;
  kernelArgs: readonly string[];
  bootFiles: readonly { path: string; sha256: string }[];
}

export async function systemHash(parts: SystemParts): Promise<string> {
  const config = systemConfig(parts.config);
  const withoutApps = userFiles(config);
  const entries = parts.entries.filter(
    ({ layer, path }) =>
      !layer.startsWith('app:') && path !== DEVICE_CONFIG_PATH && !Object.hasOwn(withoutApps, path),
  );
  return buildIdOf([
    ...(await describeEntries(entries)),
    JSON.stringify(withoutApps),
    ...parts.bootFiles.map(({ path, sha256 }) => `boot ${path} ${sha256}`).toSorted(),
    JSON.stringify(parts.kernelArgs),
    JSON.stringify(config),
  ]);
}

/** Everything but what names this very build, and the apps. What is added to DeviceConfig one day is in it. */
function systemConfig(config: DeviceConfig): DeviceConfig {
  const services = config.services.filter(({ kind }) => kind === 'system');
  return { ...config, buildId: '', buildTimeSec: 0, services };
}
