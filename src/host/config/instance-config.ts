// The instance's configuration as the rest of the host uses it: tskrazy.json with all defaults filled in.

import { resolve } from 'node:path';
import type { BoardId } from '../../shared/board/boards.ts';
import type { ConfigFile } from '../../shared/config/config.ts';
import type { TrustedKey } from '../../shared/manifest/manifest-signature.ts';
import type { NetworkConfig } from '../../shared/network/network-config.ts';
import type { WifiConfig } from '../../shared/network/wifi.ts';
import { DEFAULT_MAX_PROCESSES } from '../../shared/services/app-limits.ts';
import { parseMemorySize } from '../../shared/services/sandbox.ts';
import { parseTrustedKey } from '../../shared/manifest/trusted-key.ts';
import type { AppConfig } from './app-config.ts';
import type { ComponentOverride, ComponentOverrides } from '../components/component-override.ts';

export interface InstanceConfig {
  hostname: string;
  board: BoardId;
  /** Apps in the order of tskrazy.json. */
  apps: readonly AppConfig[];
  /** `off`, or port and speed for the kernel's `console=`; null: what the board that is built for has. */
  serialConsole: string | null;
  /** Lines for the boot loader, where the board's has any. */
  bootloaderLines: readonly string[];
  /** Settings by interface; what is not named gets its address by DHCP. */
  network: NetworkConfig;
  /** Absent: the image has none. */
  wifi?: WifiConfig;
  /** Without servers: those that DHCP names, and the public pool. */
  time: { zone?: string; servers?: readonly string[] };
  kernel: { extraArgs: readonly string[] };
  /** Keys to believe besides the instance's own. */
  update: { trustedKeys: readonly TrustedKey[] };
  breakglass: 'on' | 'off';
  web: {
    port: number;
    hosts: readonly string[];
    tls: 'on' | 'off' | 'own';
    tlsPort: number;
    /** With `tls: 'own'`: paths as tskrazy.json has them. */
    own?: { certificate: string; key: string };
  };
  /** Paths are absolute. */
  components: ComponentOverrides;
}

/** `directory` is the instance's: paths of components are relative to it. */
export function resolveConfig(file: ConfigFile, directory: string): InstanceConfig {
  return {
    hostname: file.hostname,
    board: file.board,
    apps: Object.entries(file.apps ?? {}).map(([name, app]) => resolveApp(name, app)),
    serialConsole: file.serialConsole ?? null,
    bootloaderLines: file.bootloaderLines ?? [],
    ...resolveNetwork(file.network),
    time: file.time ?? {},
    kernel: { extraArgs: file.kernel?.extraArgs ?? [] },
    update: { trustedKeys: (file.update?.trustedKeys ?? []).map(resolveTrustedKey) },
    breakglass: file.breakglass ?? 'on',
    web: resolveWeb(file.web),
    components: resolveOverrides(file.components ?? {}, directory),
  };
}

function resolveNetwork(network: ConfigFile['network'] = {}): Pick<InstanceConfig, 'network' | 'wifi'> {
  const { wifi, ...interfaces } = network;
  if (wifi === undefined) return { network: interfaces };
  return { network: interfaces, wifi: { country: wifi.country, networks: wifi.networks ?? [] } };
}

function resolveWeb(web: ConfigFile['web'] = {}): InstanceConfig['web'] {
  const { certificate, key } = web;
  return {
    port: web.port ?? 80,
    hosts: web.hosts ?? [],
    tls: web.tls ?? 'on',
    tlsPort: web.tlsPort ?? 443,
    ...(certificate !== undefined && key !== undefined && { own: { certificate, key } }),
  };
}

function resolveTrustedKey(text: string): TrustedKey {
  const key = parseTrustedKey(text);
  if (!key) throw new TypeError(`Cannot use "${text}" as a trusted key: the schema let it pass`);
  return key;
}

type AppFile = NonNullable<ConfigFile['apps']>[string];

function resolveApp(name: string, file: AppFile): AppConfig {
  const { user, sandbox, shell, memory, maxProcesses, cpuWeight, npm, ...app } = file;
  return {
    ...app,
    ...resolveNpm(npm),
    name,
    args: app.args ?? [],
    env: app.env ?? {},
    include: app.include ?? [],
    ...(app.foreignBinaries === undefined ? {} : { foreignBinaries: app.foreignBinaries }),
    autostart: app.autostart ?? true,
    restart: app.restart ?? 'always',
    stopTimeoutSec: app.stopTimeoutSec ?? 5,
    waitFor: app.waitFor ?? [],
    ready: app.ready ?? false,
    // An app without a sandbox is run as on gokrazy: everything is allowed.
    user: sandbox === 'off' ? 'root' : (user ?? 'own'),
    sandbox: resolveSandbox(sandbox ?? 'on', shell === true),
    limits: {
      maxProcesses: maxProcesses ?? DEFAULT_MAX_PROCESSES,
      ...(memory === undefined ? {} : { memoryBytes: parseMemorySize(memory) }),
      ...(cpuWeight === undefined ? {} : { cpuWeight }),
    },
  };
}

function resolveNpm(npm: AppFile['npm']): Pick<AppConfig, 'npm' | 'bin'> {
  if (npm === undefined) return {};
  if (typeof npm === 'string') return { npm };
  return { npm: npm.package, ...(npm.bin === undefined ? {} : { bin: npm.bin }) };
}

function resolveSandbox(file: NonNullable<AppFile['sandbox']>, hasShell: boolean): AppConfig['sandbox'] {
  if (file === 'off') return 'off';
  const { devices = [], paths = {}, capabilities = [], syscalls } = file === 'on' ? {} : file;
  return { devices, paths, capabilities, ...(syscalls && { syscalls }), ...(hasShell && { hasShell }) };
}

type ComponentEntry = { directory?: string; goModule?: string; npmPackage?: string };

function resolveOverrides(
  components: NonNullable<ConfigFile['components']>,
  directory: string,
): ComponentOverrides {
  const entries: [string, ComponentEntry][] = Object.entries(components);
  return Object.fromEntries(
    entries.map(([name, entry]): [string, ComponentOverride] => [
      name,
      entry.directory === undefined
        ? { kind: 'package', name: entry.goModule ?? entry.npmPackage ?? '' }
        : { kind: 'directory', path: resolve(directory, entry.directory) },
    ]),
  );
}
