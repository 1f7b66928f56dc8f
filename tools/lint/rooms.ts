// Who may import what: one row a folder of src/, an allow-list each. What no row names is refused, so a new folder needs a
// row before its first import. The rule `house/rooms` (rooms-rule.ts) holds every import against this table: static and
// lazy ones, re-exports, types, `require`, and code in strings that a worker will run.

export interface Room {
  /** The row with the longest folder that a file lies in is the file's. A folder with `/*` stands for its own files only. */
  folder: string;
  /** Folders, in the same notation. A room's own folder with all below it goes without saying. */
  imports: readonly string[];
  /** Modules of Node.js: those listed, with the names that may be taken (`*`: all). */
  builtins: Readonly<Record<string, readonly string[] | '*'>>;
  /** Packages of npm. */
  packages?: readonly string[];
}

type Builtins = Room['builtins'];

/** Bytes in, bytes out: nothing here reaches a file, a socket, a process or a clock. */
const PURE: Builtins = {
  'node:buffer': '*',
  'node:crypto': '*',
  'node:zlib': '*',
  'node:util': '*',
  'node:net': ['isIP', 'isIPv4', 'isIPv6'],
  'node:os': ['availableParallelism'],
};

function allOf(...names: readonly string[]): Builtins {
  return Object.fromEntries(names.map((name) => [`node:${name}`, '*']));
}

/** What device programs may load. node:ffi is missing: libc has one door, sys/. So is what is large and needless. */
const DEVICE: Builtins = allOf(
  'child_process',
  'crypto',
  'dgram',
  'dns/promises',
  'events',
  'fs',
  'fs/promises',
  'http',
  'net',
  'os',
  'path',
  'stream',
  'stream/promises',
  'timers/promises',
  'util',
  'v8',
  'worker_threads',
  'zlib',
);

const HOST: Builtins = {
  ...DEVICE,
  ...allOf('https', 'module', 'readline', 'sqlite', 'stream/consumers', 'string_decoder', 'tty', 'url'),
};

const BELOW = ['src/formats', 'src/shared'];
const DEVICE_BELOW = [...BELOW, 'src/device/*', 'src/device/sys'];
const HOST_BELOW = [...BELOW, 'src/host/*', 'src/host/files'];

export const ROOMS: readonly Room[] = [
  { folder: 'src/formats', imports: [], builtins: PURE },
  { folder: 'src/shared', imports: ['src/formats'], builtins: PURE, packages: ['valibot'] },
  { folder: 'src/app', imports: [], builtins: allOf('net', 'util'), packages: ['tskrazy'] },

  { folder: 'src/web-ui', imports: ['src/shared'], builtins: {}, packages: ['preact'] },

  { folder: 'src/device/*', imports: [...BELOW, 'src/device/sys'], builtins: DEVICE },
  { folder: 'src/device/sys', imports: ['src/formats'], builtins: { ...DEVICE, 'node:ffi': '*' } },
  { folder: 'src/device/boot-loader', imports: DEVICE_BELOW, builtins: DEVICE },
  { folder: 'src/device/update', imports: [...DEVICE_BELOW, 'src/device/boot-loader'], builtins: DEVICE },
  { folder: 'src/device/net', imports: DEVICE_BELOW, builtins: DEVICE },
  {
    folder: 'src/device/web',
    imports: [...DEVICE_BELOW, 'src/device/update'],
    builtins: DEVICE,
    packages: ['virtual:web-ui-assets'],
  },
  {
    folder: 'src/device/init',
    imports: [...DEVICE_BELOW, 'src/device/boot-loader', 'src/device/update'],
    builtins: DEVICE,
  },
  { folder: 'src/device/init/log', imports: DEVICE_BELOW, builtins: DEVICE },
  {
    folder: 'src/device/init/supervisor',
    imports: [...DEVICE_BELOW, 'src/device/init/log'],
    builtins: DEVICE,
  },

  { folder: 'src/host/*', imports: [...BELOW, 'src/host/files'], builtins: HOST },
  { folder: 'src/host/files', imports: [...BELOW, 'src/host/*'], builtins: HOST },
  {
    folder: 'src/host/components',
    imports: HOST_BELOW,
    builtins: HOST,
    packages: ['modern-tar', 'valibot', 'xz-decompress', 'yauzl'],
  },
  {
    folder: 'src/host/config',
    imports: [...HOST_BELOW, 'src/host/components'],
    builtins: HOST,
    packages: ['jsonc-parser', 'valibot'],
  },
  {
    folder: 'src/host/apps',
    imports: [...HOST_BELOW, 'src/host/components', 'src/host/config'],
    builtins: HOST,
    packages: ['acorn', 'esbuild', 'jsonc-parser'],
  },
  {
    folder: 'src/host/build',
    imports: [...HOST_BELOW, 'src/host/components', 'src/host/config', 'src/host/apps'],
    builtins: HOST,
    packages: ['esbuild', 'modern-tar'],
  },
  { folder: 'src/host/doctor', imports: [...HOST_BELOW, 'src/host/components'], builtins: HOST },
  {
    folder: 'src/host/vm',
    imports: [...HOST_BELOW, 'src/host/config', 'src/host/build', 'src/host/doctor'],
    builtins: HOST,
  },
  { folder: 'src/host/devices', imports: [...HOST_BELOW, 'src/host/config', 'src/host/vm'], builtins: HOST },
  { folder: 'src/host/deploy', imports: [...HOST_BELOW, 'src/host/build'], builtins: HOST },
  {
    folder: 'src/host/deploy/update',
    imports: [
      ...HOST_BELOW,
      'src/host/components',
      'src/host/config',
      'src/host/build',
      'src/host/devices',
      'src/host/deploy',
    ],
    builtins: HOST,
  },
  {
    folder: 'src/host/report',
    imports: [...HOST_BELOW, 'src/host/devices', 'src/host/deploy/update'],
    builtins: HOST,
  },
  {
    folder: 'src/host/cli',
    imports: [...BELOW, 'src/host'],
    builtins: HOST,
    packages: ['@bomb.sh/tab', 'commander'],
  },
];
