// Who may import what: one row a directory of src/, an allow-list each. What no row names is refused, so a new directory needs a
// row before its first import. The rule `house/rooms` (rooms-rule.ts) holds every import against this table: static and
// lazy ones, re-exports, types, `require`, and code in strings that a worker will run.

export interface Room {
  /** The row with the longest directory that a file lies in is the file's. A directory with `/*` stands for its own files only. */
  directory: string;
  /** Directories, in the same notation. A room's own directory with all below it goes without saying. */
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
  'tls',
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
  { directory: 'src/formats', imports: [], builtins: PURE },
  { directory: 'src/shared', imports: ['src/formats'], builtins: PURE, packages: ['valibot'] },
  { directory: 'src/app', imports: [], builtins: allOf('net', 'util'), packages: ['tskrazy'] },

  { directory: 'src/web-ui', imports: ['src/shared'], builtins: {}, packages: ['preact'] },

  { directory: 'src/device/*', imports: [...BELOW, 'src/device/sys'], builtins: DEVICE },
  { directory: 'src/device/sys', imports: ['src/formats'], builtins: { ...DEVICE, 'node:ffi': '*' } },
  { directory: 'src/device/boot-loader', imports: DEVICE_BELOW, builtins: DEVICE },
  { directory: 'src/device/update', imports: [...DEVICE_BELOW, 'src/device/boot-loader'], builtins: DEVICE },
  { directory: 'src/device/net', imports: DEVICE_BELOW, builtins: DEVICE },
  {
    directory: 'src/device/web',
    imports: [...DEVICE_BELOW, 'src/device/update'],
    builtins: DEVICE,
    packages: ['virtual:web-ui-assets'],
  },
  {
    directory: 'src/device/init',
    imports: [...DEVICE_BELOW, 'src/device/boot-loader', 'src/device/update'],
    builtins: DEVICE,
  },
  { directory: 'src/device/init/log', imports: DEVICE_BELOW, builtins: DEVICE },
  {
    directory: 'src/device/init/supervisor',
    imports: [...DEVICE_BELOW, 'src/device/init/log'],
    builtins: DEVICE,
  },

  { directory: 'src/host/*', imports: [...BELOW, 'src/host/files'], builtins: HOST },
  { directory: 'src/host/files', imports: [...BELOW, 'src/host/*'], builtins: HOST },
  {
    directory: 'src/host/components',
    imports: HOST_BELOW,
    builtins: HOST,
    packages: ['modern-tar', 'valibot', 'xz-decompress', 'yauzl'],
  },
  {
    directory: 'src/host/config',
    imports: [...HOST_BELOW, 'src/host/components'],
    builtins: HOST,
    packages: ['@peculiar/asn1-schema', '@peculiar/asn1-x509', 'jsonc-parser', 'valibot'],
  },
  {
    directory: 'src/host/apps',
    imports: [...HOST_BELOW, 'src/host/components', 'src/host/config'],
    builtins: HOST,
    packages: ['acorn', 'esbuild', 'ignore', 'jsonc-parser'],
  },
  {
    directory: 'src/host/build',
    imports: [...HOST_BELOW, 'src/host/components', 'src/host/config', 'src/host/apps'],
    builtins: HOST,
    packages: ['esbuild', 'modern-tar'],
  },
  { directory: 'src/host/doctor', imports: [...HOST_BELOW, 'src/host/components'], builtins: HOST },
  {
    directory: 'src/host/vm',
    imports: [...HOST_BELOW, 'src/host/config', 'src/host/build', 'src/host/doctor'],
    builtins: HOST,
  },
  {
    directory: 'src/host/devices',
    imports: [...HOST_BELOW, 'src/host/config', 'src/host/vm'],
    builtins: HOST,
  },
  { directory: 'src/host/deploy', imports: [...HOST_BELOW, 'src/host/build'], builtins: HOST },
  {
    directory: 'src/host/deploy/update',
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
    directory: 'src/host/report',
    imports: [...HOST_BELOW, 'src/host/devices', 'src/host/deploy/update'],
    builtins: HOST,
  },
  {
    directory: 'src/host/cli',
    imports: [...BELOW, 'src/host'],
    builtins: HOST,
    packages: ['@bomb.sh/tab', 'commander'],
  },
];
