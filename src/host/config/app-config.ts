// An app as the build sees it: what tskrazy.json says of it, checked and with all defaults filled in.

import type { AppKind } from '../../shared/services/app-kinds.ts';
import type { SandboxSpec, ServiceLimits } from '../../shared/services/sandbox.ts';
import type { AppNetwork, RestartPolicy } from '../../shared/services/services.ts';

/** Exactly one source is set, by its kind. */
export interface AppConfig extends Partial<Record<AppKind, string>> {
  name: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Names: shared/services/app-secrets.ts. */
  secrets?: readonly string[];
  include: readonly AppInclude[];
  /** Files of the app for other machines, which are wanted; as `to` of an include. */
  foreignBinaries?: readonly string[];
  /** Set for `node` only. */
  dependencies?: AppDependencies;
  autostart: boolean;
  restart: RestartPolicy;
  stopTimeoutSec: number;
  dataDir?: string;
  /** Conditions, see shared/services/app-contract.ts. */
  waitFor: readonly string[];
  ready: boolean;
  /** URL on the device itself. */
  health?: string;
  /** `own`: one that belongs to this app. */
  user: 'own' | 'root';
  sandbox: SandboxSpec | 'off';
  /** Absent: those from 1024 on that nobody else has. */
  ports?: readonly string[];
  /** Absent: `full`. */
  network?: AppNetwork;
  limits: ServiceLimits;
}

export interface AppInclude {
  /** File, directory or glob, relative to the instance. */
  from: string;
  /** Absolute device path, or relative to the app's directory. */
  to: string;
  /** Whether files and directories whose names begin with a dot go along (default: no), or which of them. */
  dot?: boolean | readonly string[];
}

/** How npm packages are treated where the automatic choice does not fit. Names of packages, without versions. */
export interface AppDependencies {
  /** Copied as they are rather than bundled, for example because they read files beside their code. */
  unbundled?: readonly string[];
  /** Bundled though their code looks as if it worked only beside its files. */
  bundled?: readonly string[];
  /** Work on the device without what their install script would make. */
  ignoreInstallScripts?: readonly string[];
}
