// An app as the build sees it: what tskrazy.json says of it, checked and with all defaults filled in.

import type { AppKind } from '../../shared/services/app-kinds.ts';
import type { NodeLine } from '../../shared/services/node-lines.ts';
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
  /** Directories below the app's own that it may write to: shared/services/writable.ts. */
  writable?: readonly string[];
  /** The Node.js that it runs on. Absent: the image's own. */
  nodeVersion?: NodeLine;
  /** Debian's packages of shared libraries that the image lacks. */
  libraries?: readonly string[];
  /** Own native add-ons by the names of the packages that they are for: a file or a directory, as `binary`. */
  addons?: Readonly<Record<string, string>>;
  /** Whether packages that bring no add-on for the board are compiled on this computer. */
  compile?: boolean;
  /** Files of the app for other machines, which are wanted; as `to` of an include. */
  foreignBinaries?: readonly string[];
  /** Of the package in `npm`: which of its programs. */
  bin?: string;
  /** Packages that the program in `npm` loads by their names. */
  plugins?: readonly string[];
  /** Of packages that the program in `npm` and its plugins depend on. */
  overrides?: NpmOverrides;
  /** Of the program in `npm`: whether it may install packages into its data directory. */
  installOnDevice?: boolean;
  /** Of the program in `npm`: what it finds in its data directory. */
  config?: readonly AppDataFile[];
  /** Set for `node` and `npm` only. */
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

/** As in a package.json: ranges by name, and by the name of the package below which they hold. */
export type NpmOverrides = Readonly<Record<string, string | Readonly<Record<string, string>>>>;

interface AppDataFile {
  /** As of an include. */
  from: string;
  /** Relative to the data directory. */
  to: string;
  /** Absent: what is there stays; else the file is written at each start. */
  keep?: boolean;
}

export interface AppInclude {
  /** File, directory or glob, relative to the instance. */
  from: string;
  /** Absolute device path, or relative to the app's directory. */
  to: string;
  /** Whether files and directories whose names begin with a dot go along (default: no), or which of them. */
  dot?: boolean | readonly string[];
  /** Paths below `from` that are passed over without a word. */
  except?: ReadonlySet<string>;
  /** Whether links to directories below `from` stay links; others are refused. */
  links?: boolean;
}

/** How npm packages are treated where the automatic choice does not fit. Names of packages, without versions. */
interface AppDependencies {
  /** Copied as they are rather than bundled, for example because they read files beside their code. */
  unbundled?: readonly string[];
  /** Bundled though their code looks as if it worked only beside its files. */
  bundled?: readonly string[];
  /** Work on the device without what their install script would make. */
  ignoreInstallScripts?: readonly string[];
  /** Absent: without what no device can use. */
  files?: 'all';
}
