// plan -> root tree -> root image and boot files: everything a disk, an archive or an update is made of.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Board } from '../../shared/board/boards.ts';
import { ROOT_PARTITION_BYTES } from '../../shared/board/disk-layout.ts';
import { layoutOf } from '../../shared/boot-loader/layout-of.ts';
import { type Manifest, MANIFEST_NAME } from '../../shared/manifest/manifest.ts';
import { SIGNATURES_NAME } from '../../shared/manifest/manifest-signature.ts';
import { CONFINE_PATH } from '../../shared/services/confine.ts';
import type { DeviceConfig } from '../../shared/services/services.ts';
import { type AppBuild, buildApp } from '../apps/build-app.ts';
import type { LeftOut } from '../apps/left-out.ts';
import { defaultCacheDirectory } from '../cache-directory.ts';
import type { Lock } from '../components/lock-file.ts';
import { checkIsolation } from './check-isolation.ts';
import type { BuildOptions } from './build-options.ts';
import { loadInstanceComponents } from './instance-components.ts';
import { checkAppSecrets } from '../config/app-secrets.ts';
import { type InstanceSecrets, openSecrets } from '../config/instance-secrets.ts';
import { describeWriteError } from '../files/output-file.ts';
import { bootKernelArgs, bootSettings, type BootFile, loaderFiles, slotBootFiles } from './boot-files.ts';
import { checkBootPartition } from './boot-partition.ts';
import { buildIdOf, describeEntries, hashContent } from './build-id.ts';
import { readBuildTime } from './build-time.ts';
import { addComponents, type Components, librariesOf } from './component-files.ts';
import { confineProgram } from './confine-program.ts';
import { planDeviceConfig } from './device-config.ts';
import { type DeviceProgram, loadDevicePrograms } from './device-programs.ts';
import { encodeManifest, makeManifest, updateBytes } from './make-manifest.ts';
import { writeRootImage } from './root-image.ts';
import { RootTree } from '../root-tree.ts';
import { signManifest } from './sign-manifest.ts';
import { saveSourceMaps } from './source-maps.ts';
import { addDeviceConfig, addDevicePrograms, addSystemFiles } from './system-files.ts';
import { addTlsFiles } from './tls-files.ts';
import { untilAborted } from './until-aborted.ts';
import { makeWorkDirectory } from './work-directory.ts';

export interface BuiltImage {
  board: Board;
  hostname: string;
  manifest: Manifest;
  /** Bytes as in slotFiles. */
  manifestBytes: Uint8Array;
  /** Content of the file with the signatures; an update is signed at the present, and slotFiles at the build's time. */
  sign(signedAtSec: number): Uint8Array;
  /** A squashfs file of `manifest.root.sizeBytes` bytes. */
  rootImagePath: string;
  /** Shared by both slots. */
  loaderFiles: readonly BootFile[];
  /** The files that the manifest names, in its order; relative to the slot's directory. */
  bootFiles: readonly BootFile[];
  /** All files of the slot's directory: those, the manifest and its signatures. */
  slotFiles: readonly BootFile[];
  /** Files of the instance that went in, for watching. */
  inputs: readonly string[];
  warnings: readonly string[];
  /** Left-out files of packages, by app. */
  leftOut: ReadonlyMap<string, readonly LeftOut[]>;
  /** Removes the temporary files. */
  dispose(): Promise<void>;
}

export async function buildImage(options: BuildOptions): Promise<BuiltImage> {
  const { instance, board, signal } = options;
  checkIsolation(instance.config, board);
  // The secrets come before the lock is made, which is what shows that an instance is not new.
  const secrets =
    options.secrets ?? (await openSecrets(instance, { for: 'device', notice: () => undefined }));
  checkAppSecrets(instance.config.apps, secrets.apps);
  // Downloads and apps leave nothing outside the cache, which is whole at any moment.
  const [{ components, lock, apps }, programs] = await untilAborted(
    Promise.all([loadComponentsAndApps(options, secrets), loadDevicePrograms()]),
    signal,
  );
  const time = readBuildTime(process.env['SOURCE_DATE_EPOCH'], lock.createdAtSec, Date.now());
  const plan = { ...options, components, apps, ...time, secrets };

  const parts = await planParts(plan, programs);

  const { stateDirectory } = instance;
  let directory: string | undefined;
  try {
    directory = await makeWorkDirectory(stateDirectory);
    const image = await packImage(plan, parts, join(directory, 'root.img'));
    await saveSourceMaps(stateDirectory, image.manifest.buildId, apps, programs);
    return { ...image, dispose: () => removeDirectory(directory) };
  } catch (cause) {
    await removeDirectory(directory);
    throw describeWriteError(cause, `Cannot build in "${stateDirectory}"`);
  }
}

async function removeDirectory(directory: string | undefined): Promise<void> {
  if (directory !== undefined) await rm(directory, { recursive: true, force: true });
}

interface Plan extends BuildOptions {
  components: Components;
  apps: readonly AppBuild[];
  buildTimeSec: number;
  /** Those of apps come on top. */
  warnings: readonly string[];
  secrets: InstanceSecrets;
}

/** What the image will be made of; nothing is written yet. */
interface Parts {
  config: DeviceConfig;
  tree: RootTree;
  kernelArgs: readonly string[];
  loaderFiles: readonly BootFile[];
  /** Files without the manifest and its signatures. */
  bootFiles: readonly BootFile[];
}

async function planParts(plan: Plan, programs: readonly DeviceProgram[]): Promise<Parts> {
  const { components } = plan;
  const { hostname, serialConsole, kernel, bootloaderLines } = plan.instance.config;
  const kernelArgs = bootKernelArgs(plan.board, serialConsole ?? plan.board.serialConsole, kernel.extraArgs);
  const layout = layoutOf(plan.board.boot);
  const settings = bootSettings(plan.board, layout, bootloaderLines);
  const boot = loaderFiles({ layout, settings, hostname, kernelArgs }, components);
  const slot = slotBootFiles(layout, settings, components);
  const withoutId = planDeviceConfig(plan);
  const tree = planRoot(plan, programs, withoutId);
  const config = { ...withoutId, buildId: await computeBuildId(tree, withoutId, [...boot, ...slot]) };
  addDeviceConfig(tree, config);
  return { config, tree, kernelArgs, loaderFiles: boot, bootFiles: slot };
}

async function packImage(
  plan: Plan,
  parts: Parts,
  rootImagePath: string,
): Promise<Omit<BuiltImage, 'dispose'>> {
  const { signal, apps } = plan;
  const { config, loaderFiles } = parts;
  const root = await writeRootImage(parts.tree, {
    path: rootImagePath,
    cacheDirectory: defaultCacheDirectory(),
    mtimeSec: plan.buildTimeSec,
    maxBytes: ROOT_PARTITION_BYTES,
    updateBytes: updateBytes(parts.bootFiles),
    ...(signal === undefined ? {} : { signal }),
  });
  signal?.throwIfAborted();
  const manifest = await makeManifest({ ...plan, ...parts, entries: parts.tree.entries(), root });
  const manifestBytes = encodeManifest(manifest);
  const sign = (signedAtSec: number): Uint8Array =>
    signManifest(manifestBytes, plan.secrets.updateKeys, signedAtSec);
  const slotFiles = [
    ...parts.bootFiles,
    bootFileOf(MANIFEST_NAME, manifestBytes),
    bootFileOf(SIGNATURES_NAME, sign(plan.buildTimeSec)),
  ];
  const { hostname } = config;
  checkBootPartition({ hostname, timestampSec: plan.buildTimeSec, loaderFiles, slotFiles });
  return {
    board: plan.board,
    hostname,
    manifest,
    manifestBytes,
    sign,
    rootImagePath,
    loaderFiles,
    bootFiles: parts.bootFiles,
    slotFiles,
    inputs: apps.flatMap((app) => app.inputs),
    warnings: [...plan.warnings, ...apps.flatMap((app) => app.warnings)],
    leftOut: new Map(apps.map((app) => [app.service.name, app.leftOut])),
  };
}

async function loadComponentsAndApps(
  options: BuildOptions,
  secrets: InstanceSecrets,
): Promise<{
  components: Components;
  lock: Lock;
  apps: AppBuild[];
}> {
  const { components, lock } = await loadInstanceComponents(options);
  options.signal?.throwIfAborted();
  return { components, lock, apps: await buildApps({ ...options, secrets }, components, lock) };
}

async function buildApps(
  options: BuildOptions & { secrets: InstanceSecrets },
  components: Components,
  lock: Lock,
): Promise<AppBuild[]> {
  const { instance, board, offline, report, signal } = options;
  const context = {
    instanceDirectory: instance.directory,
    board,
    cacheDirectory: defaultCacheDirectory(),
    offline,
    report,
    libraries: librariesOf(components, board),
    lock,
    secrets: options.secrets.apps,
    ...(signal === undefined ? {} : { signal }),
  };
  return Promise.all(instance.config.apps.map((app) => buildApp(app, context)));
}

function planRoot(plan: Plan, programs: readonly DeviceProgram[], config: DeviceConfig): RootTree {
  const tree = new RootTree();
  addComponents(tree, plan.components);
  addDevicePrograms(tree, [...programs, { path: CONFINE_PATH, code: confineProgram(plan.board) }]);
  for (const entry of plan.apps.flatMap((app) => app.entries)) tree.add(entry);
  addSystemFiles(tree, config);
  addTlsFiles(tree, plan.instance, plan.secrets.identity);
  return tree;
}

async function computeBuildId(
  tree: RootTree,
  config: DeviceConfig,
  bootFiles: readonly BootFile[],
): Promise<string> {
  const boot = await Promise.all(
    bootFiles.map(async ({ path, content }) => `boot ${path} ${await hashContent(content)}`),
  );
  return buildIdOf([...(await describeEntries(tree.entries())), ...boot.toSorted(), JSON.stringify(config)]);
}

function bootFileOf(path: string, bytes: Uint8Array): BootFile {
  return { path, content: { kind: 'bytes', bytes } };
}
