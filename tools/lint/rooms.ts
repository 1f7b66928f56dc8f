// Who may import what: one row a directory of src/, an allow-list each. What no row names is refused, so a new directory needs a
// row before its first import. A row names only directories whose rows stand above it, so that no two directories can take
// from each other. The rule `house/rooms` (rooms-rule.ts) holds every import against this table: static and lazy ones,
// re-exports, types, `require`, and code in strings that a worker will run.

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

/** A directory of src/shared/, and the others there that it may import. */
function shared(name: string, ...others: readonly string[]): Room {
  return {
    directory: `src/shared/${name}`,
    imports: ['src/formats', 'src/shared/*', ...others.map((other) => `src/shared/${other}`)],
    builtins: PURE,
  };
}

/** A directory of src/device/init/, and the others there that it may import. */
function initPart(name: string, ...others: readonly string[]): Room {
  return {
    directory: `src/device/init/${name}`,
    imports: [...DEVICE_BELOW, ...others.map((other) => `src/device/init/${other}`)],
    builtins: DEVICE,
  };
}

const PAGE: Omit<Room, 'directory'> = { imports: ['src/shared'], builtins: {}, packages: ['preact'] };

export const ROOMS: readonly Room[] = [
  { directory: 'src/formats', imports: [], builtins: PURE },
  { directory: 'src/shared/*', imports: ['src/formats'], builtins: PURE },
  shared('board'),
  shared('text'),
  shared('network'),
  shared('boot-loader', 'board'),
  shared('manifest', 'board'),
  shared('services', 'board', 'manifest', 'network', 'text'),
  shared('permit', 'manifest', 'services'),
  shared('debug', 'permit'),
  shared('update', 'board', 'boot-loader', 'manifest'),
  shared('breakglass', 'permit'),
  shared('api', 'board', 'breakglass', 'network', 'services', 'update'),
  {
    ...shared('config', 'board', 'boot-loader', 'manifest', 'network', 'services'),
    packages: ['valibot'],
  },
  { directory: 'src/app/gpio', imports: [], builtins: allOf('ffi', 'fs', 'os', 'worker_threads') },
  { directory: 'src/app', imports: [], builtins: allOf('net', 'util'), packages: ['tskrazy'] },

  { directory: 'src/web-ui/device', ...PAGE },
  { directory: 'src/web-ui/parts', ...PAGE, imports: ['src/shared', 'src/web-ui/device'] },
  // An asset of its own: views take its types, and load it by its address.
  { directory: 'src/web-ui/terminal', ...PAGE, packages: ['@xterm/addon-fit', '@xterm/xterm'] },
  {
    directory: 'src/web-ui/views',
    ...PAGE,
    imports: ['src/shared', 'src/web-ui/device', 'src/web-ui/parts', 'src/web-ui/terminal'],
  },
  { directory: 'src/web-ui', ...PAGE },

  {
    directory: 'src/device/sys',
    imports: ['src/formats', 'src/shared/board'],
    builtins: { ...DEVICE, 'node:ffi': '*', 'node:tty': '*' },
  },
  { directory: 'src/device/*', imports: [...BELOW, 'src/device/sys'], builtins: DEVICE },
  { directory: 'src/device/boot-loader/*', imports: DEVICE_BELOW, builtins: DEVICE },
  {
    directory: 'src/device/boot-loader/systemd-boot',
    imports: [...DEVICE_BELOW, 'src/device/boot-loader/*'],
    builtins: DEVICE,
  },
  {
    directory: 'src/device/boot-loader/raspberry-pi',
    imports: [...DEVICE_BELOW, 'src/device/boot-loader/*'],
    builtins: DEVICE,
  },
  {
    directory: 'src/device/update',
    imports: [...DEVICE_BELOW, 'src/device/boot-loader/*'],
    builtins: DEVICE,
  },
  { directory: 'src/device/net/dhcp', imports: DEVICE_BELOW, builtins: DEVICE },
  { directory: 'src/device/net/mdns', imports: DEVICE_BELOW, builtins: DEVICE },
  {
    directory: 'src/device/breakglass',
    imports: [...DEVICE_BELOW, 'src/device/update'],
    builtins: DEVICE,
  },
  { directory: 'src/device/net/ntp', imports: DEVICE_BELOW, builtins: DEVICE },
  { directory: 'src/device/net/wifi', imports: DEVICE_BELOW, builtins: DEVICE },
  { directory: 'src/device/net', imports: DEVICE_BELOW, builtins: DEVICE },
  {
    directory: 'src/device/web',
    imports: [...DEVICE_BELOW, 'src/device/update', 'src/device/breakglass'],
    builtins: DEVICE,
    packages: ['virtual:web-ui-assets'],
  },
  initPart('log'),
  initPart('uevents'),
  initPart('modules', 'uevents'),
  initPart('serial', 'uevents'),
  initPart('supervisor/network'),
  initPart('supervisor', 'log'),
  initPart('memory', 'supervisor'),
  initPart('breakglass', 'log', 'supervisor'),
  initPart('device', 'breakglass', 'log', 'supervisor', 'uevents'),
  initPart('perm', 'device'),
  initPart('screen', 'device'),
  initPart('wifi', 'device'),
  {
    directory: 'src/device/init/update/trial',
    imports: [...DEVICE_BELOW, 'src/device/boot-loader/*'],
    builtins: PURE,
  },
  {
    directory: 'src/device/init/update',
    imports: [
      ...DEVICE_BELOW,
      'src/device/boot-loader',
      ...['device', 'log', 'supervisor'].map((other) => `src/device/init/${other}`),
    ],
    builtins: DEVICE,
  },
  // The module is in a text for apps that are debugged, and never loaded by init.
  {
    ...initPart('debug', 'supervisor'),
    builtins: { ...DEVICE, ...allOf('inspector') },
  },
  initPart('api', 'breakglass', 'debug', 'log', 'supervisor', 'update', 'wifi'),
  {
    directory: 'src/device/init/*',
    imports: [...DEVICE_BELOW, 'src/device/init'],
    builtins: DEVICE,
  },

  { directory: 'src/host/*', imports: BELOW, builtins: HOST },
  { directory: 'src/host/files', imports: [...BELOW, 'src/host/*'], builtins: HOST },
  {
    directory: 'src/host/components',
    imports: HOST_BELOW,
    builtins: HOST,
    packages: ['modern-tar', 'valibot', 'xz-decompress', 'yauzl'],
  },
  {
    directory: 'src/host/config/identity',
    imports: HOST_BELOW,
    builtins: HOST,
    packages: ['@peculiar/asn1-schema', '@peculiar/asn1-x509'],
  },
  {
    directory: 'src/host/config',
    imports: [...HOST_BELOW, 'src/host/components'],
    builtins: HOST,
    packages: ['jsonc-parser', 'valibot'],
  },
  {
    directory: 'src/host/apps',
    imports: [...HOST_BELOW, 'src/host/components', 'src/host/config'],
    // The last is for a script that programs are started with.
    builtins: { ...HOST, ...allOf('diagnostics_channel') },
    packages: ['acorn', 'esbuild', 'ignore', 'jsonc-parser', 'modern-tar'],
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
  {
    directory: 'src/host/permit',
    imports: [...HOST_BELOW, 'src/host/config', 'src/host/devices'],
    builtins: HOST,
  },
  {
    directory: 'src/host/debug',
    imports: [...HOST_BELOW, 'src/host/config', 'src/host/devices', 'src/host/permit'],
    builtins: { ...HOST, ...allOf('repl') },
  },
  {
    directory: 'src/host/breakglass',
    imports: [...HOST_BELOW, 'src/host/components', 'src/host/config', 'src/host/devices', 'src/host/permit'],
    builtins: HOST,
  },
  { directory: 'src/host/deploy/*', imports: [...HOST_BELOW, 'src/host/build'], builtins: HOST },
  {
    directory: 'src/host/deploy/update',
    imports: [
      ...HOST_BELOW,
      'src/host/components',
      'src/host/config',
      'src/host/build',
      'src/host/devices',
      'src/host/deploy/*',
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
