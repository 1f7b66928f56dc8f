// What an app's configuration says of the native code of its packages.

import type { AppConfig } from '../../config/app-config.ts';
import type { RootEntry } from '../../root-tree.ts';
import { foreignBinaryFilter, reachableLibraries } from '../app-binaries.ts';
import type { AppContext } from '../app-context.ts';
import type { NativeRequest } from './native-modules.ts';
import { ownAddons } from './own-addons.ts';

/** `included`: files of the app beside its packages, among which may be libraries. */
export async function nativeChoice(
  app: AppConfig,
  included: readonly RootEntry[],
  context: AppContext,
): Promise<Omit<NativeRequest, 'layOut'>> {
  return {
    appName: app.name,
    nodeVersion: app.nodeVersion,
    ignoredScripts: new Set(app.dependencies?.ignoreInstallScripts),
    libraries: reachableLibraries(app, context.libraries, included),
    isWanted: foreignBinaryFilter(app),
    keepsAll: app.dependencies?.files === 'all',
    compiles: app.compile === true,
    addons: await ownAddons(app, context),
  };
}
