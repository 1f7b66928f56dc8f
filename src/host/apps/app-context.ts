// What the builders of each kind of app get, and what they give back.

import type { Board } from '../../shared/board/boards.ts';
import type { ServiceKind } from '../../shared/services/services.ts';
import type { RootEntry } from '../root-tree.ts';
import type { InstanceAppSecrets } from '../config/app-secrets.ts';
import type { Lock } from '../components/lock-file.ts';
import type { ProgressReporter } from '../progress.ts';
import type { LeftOutOfPackage } from './left-out.ts';

export interface AppContext {
  instanceDirectory: string;
  board: Board;
  cacheDirectory: string;
  offline: boolean;
  report: ProgressReporter;
  /** File names (sonames) of the shared libraries that the image provides. */
  libraries: ReadonlySet<string>;
  /** Of all apps of the instance: an app that is a program of its own is found by this name. */
  appNames: ReadonlySet<string>;
  lock: Lock;
  secrets: InstanceAppSecrets;
  signal?: AbortSignal;
}

/** What one kind of app adds to an `AppBuild`. */
export interface AppProgram {
  kind: ServiceKind;
  /** Arguments without the app's own. */
  argv: string[];
  env: Record<string, string>;
  entries: RootEntry[];
  inputs: string[];
  sourceMaps?: Map<string, string>;
  warnings?: string[];
  /** Files of packages that do not go to the device. */
  leftOut?: LeftOutOfPackage[];
  /** Hashes of packages that were compiled, as the lock has them. */
  compiled?: Record<string, string>;
}

export type PinContext = Pick<
  AppContext,
  'instanceDirectory' | 'board' | 'cacheDirectory' | 'offline' | 'report' | 'signal'
>;

export interface PinOptions {
  /** Moves everything to what it means now. */
  update: boolean;
  /** Pins sources that are files, and others than before, as they are now; a build refuses them. */
  takesChangedFiles?: boolean;
  /** What to do where the tool that looks sources up is not installed. */
  withoutTool: 'skip' | 'refuse';
}

export interface PinnedApps {
  /** The one that was given when nothing changed. */
  lock: Lock;
  changes: { app: string; from: string | null; to: string }[];
}
