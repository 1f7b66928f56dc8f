// The files of the root that come neither from a component nor from an app: mount points, /etc, and the
// device's configuration.

import { MOUNT_POINTS } from '../../shared/services/mount-points.ts';
import { RESOLV_CONF_PATH } from '../../shared/network/net-status.ts';
import { MACHINE_ID_PATH } from '../../shared/services/machine-id.ts';
import { SUPPLICANT_CONFIG_PATH } from '../../shared/network/wifi.ts';
import { SECRETS_DIRECTORY } from '../../shared/services/app-secrets.ts';
import { DEVICE_CONFIG_PATH, type DeviceConfig } from '../../shared/services/services.ts';
import { SHELL_ROOT } from '../../shared/services/shell.ts';
import type { BundledProgram } from './device-programs.ts';
import { nearestName } from '../nearest-name.ts';
import type { Layer, RootTree } from '../root-tree.ts';
import { UserError } from '../user-error.ts';

const ORIGIN = 'tskrazy';

/** All else `net` sets over its control socket. SAE's both ways to make its key: access points have one or the other. */
const SUPPLICANT_CONFIG = 'update_config=0\np2p_disabled=1\nsae_pwe=2\n';
const ZONES_DIRECTORY = '/usr/share/zoneinfo';

const SYMLINKS: Readonly<Record<string, string>> = {
  // The network program writes it.
  '/etc/resolv.conf': RESOLV_CONF_PATH,
  '/etc/mtab': '/proc/self/mounts',
  // Init writes it.
  '/etc/machine-id': MACHINE_ID_PATH,
  '/var': '/perm/var',
  // Programs that were built for a merged-/usr system name these.
  '/usr/bin': '/bin',
};

export function addDevicePrograms(
  tree: RootTree,
  programs: readonly Pick<BundledProgram, 'path' | 'code'>[],
): void {
  for (const { path, code } of programs) {
    tree.add({
      kind: 'file',
      path,
      mode: 0o555,
      layer: 'system',
      origin: ORIGIN,
      content: { kind: 'bytes', bytes: code },
    });
  }
}

export function addSystemFiles(tree: RootTree, config: DeviceConfig): void {
  // What a sandbox covers has to be there.
  for (const path of [...MOUNT_POINTS, '/app', SHELL_ROOT]) {
    tree.add({ kind: 'directory', path, mode: 0o755, layer: 'config', origin: ORIGIN });
  }
  // Always, so that an app's first secret changes nothing but the app.
  tree.add({ kind: 'directory', path: SECRETS_DIRECTORY, mode: 0o700, layer: 'config', origin: ORIGIN });
  for (const [path, target] of Object.entries({ ...SYMLINKS, ...timeZoneLinks(tree, config) })) {
    tree.add({ kind: 'symlink', path, target, mode: 0o777, layer: 'config', origin: ORIGIN });
  }
  for (const [path, text] of Object.entries(textFiles(config))) addText(tree, path, text, 'config');
}

/** A link, as programs take the zone's name from where it leads. */
function timeZoneLinks(tree: RootTree, { time }: DeviceConfig): Record<string, string> {
  const zone = time?.zone;
  if (zone === undefined) return {};
  const path = `${ZONES_DIRECTORY}/${zone}`;
  const known = tree.entries().map((entry) => entry.path);
  if (known.includes(path)) return { '/etc/localtime': path };
  const zones = known.filter((name) => name.startsWith(`${ZONES_DIRECTORY}/`));
  const nearest = nearestName(
    zone,
    zones.map((name) => name.slice(ZONES_DIRECTORY.length + 1)),
  );
  throw new UserError(`Cannot set the time zone "${zone}": component tzdata has no such zone`, {
    hint: `${nearest === undefined ? 'Write' : `Write "${nearest}" or`} another name of the zone in time.zone, or run "tsk get -u".`,
  });
}

function textFiles(config: DeviceConfig): Record<string, string> {
  return {
    '/etc/hostname': `${config.hostname}\n`,
    '/etc/hosts': `127.0.0.1 localhost ${config.hostname}\n::1 localhost ${config.hostname}\n`,
    ...userFiles(config),
    ...(config.wifi && { [SUPPLICANT_CONFIG_PATH]: SUPPLICANT_CONFIG }),
    '/etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
    '/etc/os-release':
      `NAME="tskrazy"\nID=tskrazy\nVERSION_ID=${config.tskrazyVersion}\n` +
      `PRETTY_NAME="tskrazy ${config.tskrazyVersion}"\n`,
  };
}

/** glibc and Go look users up here; `nobody` is what a program drops its rights to. */
export function userFiles({ services }: Pick<DeviceConfig, 'services'>): Record<string, string> {
  const users = services.flatMap(({ user, dataDir }) => (user === undefined ? [] : [{ ...user, dataDir }]));
  const passwd = users.map(
    ({ name, uid, dataDir }) =>
      `${name}:x:${uid}:${uid}::${/[:\n]/.test(dataDir) ? '/' : dataDir}:/nonexistent\n`,
  );
  const group = users.map(({ name, uid }) => `${name}:x:${uid}:\n`);
  return {
    '/etc/passwd': `root:x:0:0:root:/perm:/nonexistent\n${passwd.join('')}nobody:x:65534:65534:nobody:/nonexistent:/nonexistent\n`,
    '/etc/group': `root:x:0:\n${group.join('')}nogroup:x:65534:\n`,
  };
}

/** The one file with the build id in it; added after the id was computed from all others. */
export function addDeviceConfig(tree: RootTree, config: DeviceConfig): void {
  addText(tree, DEVICE_CONFIG_PATH, `${JSON.stringify(config, null, 2)}\n`, 'config', 0o400);
}

function addText(tree: RootTree, path: string, text: string, layer: Layer, mode = 0o444): void {
  tree.add({
    kind: 'file',
    path,
    mode,
    layer,
    origin: ORIGIN,
    content: { kind: 'bytes', bytes: new TextEncoder().encode(text) },
  });
}
