// One app in tskrazy.json: its schema.

import * as v from 'valibot';
import { SUPPLICANT_SERVICE } from '../network/wifi.ts';
import { nativeEntries, onlyForNode } from './app-native.ts';
import { appNetworkEntries } from './app-network.ts';
import { isolationEntries } from './isolation.ts';
import { filledText, listWords, oneSourceOf, text } from './parts.ts';
import { waitForSchema } from './wait-for.ts';
import { APP_KIND_NAMES, APP_KINDS, type AppKind, type AppKindRow } from '../services/app-kinds.ts';
import { APP_NAME } from '../app-name.ts';
import { SECRET_NAME } from '../services/app-secrets.ts';
import { DEVICE_PROGRAMS, SYSTEM_SERVICES } from '../services/device-programs.ts';
import { MAX_STOP_TIMEOUT_SEC } from '../services/services.ts';

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The port is named, as the usual one is that of the status page. */
const PORT = String.raw`(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])`;
const HEALTH_URL = new RegExp(
  String.raw`^http://(?:localhost|127\.0\.0\.1|\[::1\]):${PORT}(?:[/?](?:(?!#)[!-~])*)?$`,
);

/** Names of programs, directories and users of the system: an app's name is its service's, log's, user's and directory's in /perm. */
export const RESERVED_APP_NAMES: readonly string[] = [
  ...DEVICE_PROGRAMS.map(({ name }) => name),
  SUPPLICANT_SERVICE,
  'breakglass',
  'kernel',
  'log',
  'nobody',
  'root',
  'tskrazy',
  'update',
  'var',
].toSorted();

/** Directories in /perm that programs of ours keep their own in. An app's data directory becomes the app's. */
const DIRECTORIES_OF_THE_SYSTEM = [
  ...SYSTEM_SERVICES.map(({ name }) => name),
  'breakglass',
  'log',
  String.raw`lost\+found`,
  'tskrazy',
  'update',
];
const OF_THE_SYSTEM = new RegExp(
  String.raw`^/perm/(?:(?:${DIRECTORIES_OF_THE_SYSTEM.join('|')})(?:/|$)|var$)`,
);

/** Directories in which an absolute include target may lie; all else belongs to the image or to the device. */
const INCLUDE_ROOTS = ['/etc', '/opt', '/srv', '/usr/local', '/usr/share'] as const;
/** What leaves the directory that it is relative to is a mistake or an attack. host/apps/include.ts looks again. */
const INCLUDE_TARGET = new RegExp(
  `^(?!(?:[\\s\\S]*/)?\\.\\.(?:/|$))(?:[^/\\\\]|(?:${INCLUDE_ROOTS.join('|')})/[^/\\\\])[^\\\\]*$`,
);

const DATA_TARGET = /^(?!(?:[\s\S]*\/)?\.\.(?:\/|$))[^/\\][^\\]*$/;

const includeSchema = v.strictObject(
  {
    from: filledText('File, directory or glob, relative to this file'),
    to: v.pipe(
      v.string('must be a string'),
      v.regex(
        INCLUDE_TARGET,
        `must be a path in the app's directory (relative, without "..") or below ${INCLUDE_ROOTS.join(', ')}`,
      ),
      v.excludes('\0', 'must not contain a zero byte'),
      v.description('Where it goes: relative to the directory of the app on the device, or absolute'),
    ),
    dot: v.exactOptional(
      v.pipe(
        v.boolean('must be true or false'),
        v.description('Whether files and directories whose names begin with a dot go along (default: false)'),
      ),
    ),
  },
  'must be an object with "from" and "to"',
);

const dataFileSchema = v.strictObject(
  {
    from: filledText('File, directory or glob, relative to this file'),
    to: v.pipe(
      v.string('must be a string'),
      v.regex(DATA_TARGET, 'must be a path in the data directory: relative, without ".."'),
      v.excludes('\0', 'must not contain a zero byte'),
      v.description("Where it goes: relative to the app's data directory"),
    ),
    keep: v.exactOptional(
      v.pipe(
        v.boolean('must be true or false'),
        v.description('false: written at each start, over what is there (default: true)'),
      ),
    ),
  },
  'must be an object with "from" and "to"',
);

/** A range may have blanks and bars; addresses, paths and aliases are not for programs. */
const NPM_SPEC = /^(?:@[A-Za-z0-9~-][A-Za-z0-9._~-]*\/)?[A-Za-z0-9~-][A-Za-z0-9._~-]*(?:@[\w.^~<>=*|+ -]+)?$/;

/** A range, or another package under that name. Paths and addresses have no hash that a lock could pin. */
const OVERRIDE =
  /^(?:npm:(?:@[A-Za-z0-9~-][A-Za-z0-9._~-]*\/)?[A-Za-z0-9~-][A-Za-z0-9._~-]*@)?[\w.^~<>=*|+ -]+$/;

const override = v.pipe(
  v.string('must be a range of versions'),
  v.regex(OVERRIDE, 'must be a range of versions, like "^2.1", or another package, like "npm:other@1"'),
);
/** A name, with the range of versions that are meant. */
const overridden = v.pipe(v.string(), v.regex(NPM_SPEC, 'is not the name of an npm package'));

const overridesSchema = v.pipe(
  v.record(
    overridden,
    v.union(
      [override, v.record(overridden, override)],
      'must be a range of versions, or an object of such for what that package depends on',
    ),
    'must be an object of ranges of versions',
  ),
  v.description('Versions of packages that others depend on, as "overrides" of a package.json has them'),
);

const packageNames = (description: string) =>
  v.exactOptional(
    v.pipe(
      v.array(filledText('Name of a package, without a version'), 'must be an array of package names'),
      v.description(description),
    ),
  );

/** Words of the lock have no blanks. */
const NPM_TARBALL = /\.{1,2}\/[\w@.+~/-]*[\w@+~-]\.(?:tgz|tar\.gz)/;
const NPM_DIRECTORY = /\.{1,2}(?:\/(?:(?!\.(?:tgz|tar\.gz)$)[^\\\0])*)?/;
const NPM_PACKAGE = new RegExp(`${NPM_SPEC.source}|^${NPM_TARBALL.source}$`);
const NPM_PROGRAM = new RegExp(`${NPM_PACKAGE.source}|^${NPM_DIRECTORY.source}$`);
const NPM_PACKAGE_RULE =
  'must be the name of an npm package, "@" and a range of versions behind it, like "homebridge@1", or a tarball, like "./my-app-1.0.0.tgz"';
const NPM_PROGRAM_RULE = `${NPM_PACKAGE_RULE}, or the directory of a project, like "./server"`;

const npmSpec = (description: string) =>
  v.pipe(filledText(description), v.regex(NPM_PACKAGE, NPM_PACKAGE_RULE));
const npmProgram = (description: string) =>
  v.pipe(filledText(description), v.regex(NPM_PROGRAM, NPM_PROGRAM_RULE));

const npmSource = v.exactOptional(
  v.union(
    [
      npmProgram(APP_KINDS.npm.value),
      v.strictObject(
        {
          package: npmProgram('Name of the package and a range of versions, or directory of a project'),
          bin: v.exactOptional(
            filledText('Which of its programs to start, by its name in "bin"; or a file in it'),
          ),
        },
        'must be a package or an object with "package" and "bin"',
      ),
    ],
    `${NPM_PROGRAM_RULE}, or { "package", "bin" }`,
  ),
);

const sourceSchema = ({ value }: AppKindRow) => v.exactOptional(filledText(value));
const sourceEntries = Object.fromEntries(
  Object.entries(APP_KINDS).map(([kind, row]) => [kind, sourceSchema(row)]),
) as Record<AppKind, ReturnType<typeof sourceSchema>>;

/** A key that nobody reads would look as if it worked. */
function onlyWithNpm<T extends object>(keys: readonly string[]): v.RawCheckAction<T> {
  return v.rawCheck<T>(({ dataset, addIssue }) => {
    const value: unknown = dataset.value;
    if (typeof value !== 'object' || value === null || Object.hasOwn(value, 'npm')) return;
    for (const key of keys.filter((each) => Object.hasOwn(value, each)))
      addIssue({ message: `has "${key}", which only apps with "npm" have` });
  });
}

/** What `engines` of a package.json calls so is the version; here it is the source of another kind of app. */
function notTheVersion<T extends object>(): v.RawCheckAction<T> {
  return v.rawCheck<T>(({ dataset, addIssue }) => {
    const value: unknown = dataset.value;
    if (typeof value !== 'object' || value === null) return;
    const { npm, node } = value as { npm?: unknown; node?: unknown };
    if (npm !== undefined && typeof node === 'string' && /^[\^~<>=v]*\d/.test(node))
      addIssue({ message: `says by "nodeVersion", and not by "node", which Node.js it runs on` });
  });
}

export const appSchema = v.pipe(
  v.strictObject(
    {
      ...sourceEntries,
      npm: npmSource,
      plugins: v.exactOptional(
        v.pipe(
          v.array(npmSpec('Name of a package and a range of versions'), 'must be an array of npm packages'),
          v.description('Packages that the program of "npm" loads by their names'),
        ),
      ),
      overrides: v.exactOptional(overridesSchema),
      installOnDevice: v.exactOptional(
        v.pipe(
          v.boolean('must be true or false'),
          v.description(
            'Whether the program of "npm" may install packages of npm into its data directory (default: false)',
          ),
        ),
      ),
      config: v.exactOptional(
        v.pipe(
          v.array(dataFileSchema, 'must be an array of objects with "from" and "to"'),
          v.description('Files that the program of "npm" finds in its data directory'),
        ),
      ),
      args: v.exactOptional(
        v.pipe(
          v.array(text('One argument'), 'must be an array of strings'),
          v.description('Command line arguments'),
        ),
      ),
      env: v.exactOptional(
        v.pipe(
          v.record(
            v.pipe(v.string(), v.regex(ENV_NAME, 'is not a name for an environment variable')),
            text('Value of the variable'),
            'must be an object of strings',
          ),
          v.description('Environment variables'),
        ),
      ),
      secrets: v.exactOptional(
        v.pipe(
          v.array(
            v.pipe(
              v.string('must be a string'),
              v.regex(SECRET_NAME, 'must be capital letters, digits and "_", a letter first, at most 64'),
            ),
            'must be an array of names',
          ),
          v.check((names) => new Set(names).size === names.length, 'has a name twice'),
          v.description('What only this app gets to see, by name; "tsk secret set APP NAME" sets it'),
        ),
      ),
      include: v.exactOptional(
        v.pipe(
          v.array(includeSchema, 'must be an array of objects with "from" and "to"'),
          v.description('Files to copy into the image beside the app'),
        ),
      ),
      ...nativeEntries,
      foreignBinaries: v.exactOptional(
        v.pipe(
          v.array(
            filledText('File of the app as it lies on the device: relative to its directory, or absolute'),
            'must be an array of paths',
          ),
          v.description('Binaries for other machines that the app only hands on; all others are refused'),
        ),
      ),
      dependencies: v.exactOptional(
        v.pipe(
          v.strictObject(
            {
              unbundled: packageNames(
                'Packages to copy as they are instead of bundling them, because they read files beside their code',
              ),
              bundled: packageNames(
                'Packages to bundle although their code looks as if it needed its files beside it',
              ),
              ignoreInstallScripts: packageNames(
                'Packages that work on the device without what their install script would make',
              ),
              files: v.exactOptional(
                v.pipe(
                  v.literal('all', 'must be "all"'),
                  v.description(
                    'Leave nothing out of packages: also type declarations, sources of add-ons, binaries for other machines',
                  ),
                ),
              ),
            },
            'must be an object',
          ),
          v.description(
            'npm packages for which the automatic choice does not fit; with "npm" only "ignoreInstallScripts" and "files"',
          ),
        ),
      ),
      autostart: v.exactOptional(
        v.pipe(v.boolean('must be true or false'), v.description('Start the app on boot (default: true)')),
      ),
      restart: v.exactOptional(
        v.pipe(
          v.picklist(['always', 'on-failure', 'never'], 'must be "always", "on-failure" or "never"'),
          v.description('When to start the app again after it has ended (default: always)'),
        ),
      ),
      stopTimeoutSec: v.exactOptional(
        v.pipe(
          v.number('must be a number of seconds'),
          v.minValue(1, 'must be at least 1 second'),
          v.maxValue(MAX_STOP_TIMEOUT_SEC, `must be at most ${MAX_STOP_TIMEOUT_SEC} seconds`),
          v.description('Time from SIGTERM to SIGKILL when the app is stopped (default: 5)'),
        ),
      ),
      waitFor: v.exactOptional(waitForSchema),
      ready: v.exactOptional(
        v.pipe(
          v.boolean('must be true or false'),
          v.description(
            'The app says by itself when it is ready, and counts as starting until then (default: false)',
          ),
        ),
      ),
      health: v.exactOptional(
        v.pipe(
          v.string('must be a string'),
          v.regex(
            HEALTH_URL,
            'must be an address on the device itself, like "http://localhost:8080/healthz"',
          ),
          v.description(
            'URL of the app that answers 200 to 299 while the app is well; asked after an update, which is undone otherwise',
          ),
        ),
      ),
      dataDir: v.exactOptional(
        v.pipe(
          v.string('must be a string'),
          v.regex(/^\/perm(?:\/(?!\.{1,2}(?:\/|$))[^/]+)+$/, 'must be a path below /perm'),
          v.excludes('\0', 'must not contain a zero byte'),
          v.check((path) => !OF_THE_SYSTEM.test(path), 'is a directory that tskrazy itself uses'),
          v.description('Where the app keeps its data (default: /perm/NAME)'),
        ),
      ),
      ...appNetworkEntries,
      ...isolationEntries,
    },
    'must be an object',
  ),
  oneSourceOf(APP_KIND_NAMES),
  notTheVersion(),
  onlyWithNpm(['plugins', 'overrides', 'installOnDevice', 'config']),
  onlyForNode(['nodeVersion', 'writable', 'libraries', 'addons', 'compile']),
  v.description(`An app: one of ${listWords(APP_KIND_NAMES, 'and')}, and how to run it`),
);

export const appNameSchema = v.pipe(
  v.string(),
  v.regex(
    APP_NAME,
    'is not a valid app name: lower-case letters, digits, ".", "_" and "-", at most 63, a letter or digit first',
  ),
  v.notValues(RESERVED_APP_NAMES, 'is a name that tskrazy itself uses: give the app another one'),
);

export type AppFileEntry = v.InferOutput<typeof appSchema>;
