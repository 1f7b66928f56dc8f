// plan -> root tree -> root image and boot files: everything a disk, an archive or an update is made of.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Board } from '../../shared/board/boards.ts';
import { MODULE_HELPER_PATH } from '../../shared/board/kernel-modules.ts';
import { ROOT_PARTITION_BYTES } from '../../shared/board/disk-layout.ts';
import { layoutOf } from '../../shared/boot-loader/layout-of.ts';
import { type Manifest, MANIFEST_NAME } from '../../shared/manifest/manifest.ts';
import { SIGNATURES_NAME, type UpdatePermissions } from '../../shared/manifest/manifest-signature.ts';
import { CONFINE_PATH } from '../../shared/services/confine.ts';
import type { DeviceConfig } from '../../shared/services/services.ts';
import { type AppBuild, buildApp } from '../apps/build-app.ts';
import { distinctWarnings } from '../apps/distinct-warnings.ts';
import type { LeftOut } from '../apps/left-out.ts';
import { defaultCacheDirectory } from '../cache-directory.ts';
import type { Lock } from '../components/lock-file.ts';
import { checkIsolation } from './check-isolation.ts';
import type { BuildOptions } from './build-options.ts';
import { loadInstanceComponents, pinCompiled } from './instance-components.ts';
import { checkAppSecrets } from '../config/app-secrets.ts';
import { type InstanceSecrets, openSecrets } from '../config/instance-secrets.ts';
import { cardFileOf } from '../config/wifi-keys.ts';
import { WIFI_CARD_FILE } from '../../shared/network/wifi.ts';
import { describeWriteError } from '../files/output-file.ts';
import { bootKernelArgs, type BootFile, loaderFiles, slotBootFiles } from './boot-files.ts';
import { checkBootloaderLines, checkOverlays } from './check-bootloader-lines.ts';
import { checkBootPartition } from './boot-partition.ts';
import { buildIdOf, describeEntries, hashContent } from './build-id.ts';
import { readBuildTime } from './build-time.ts';
import { addComponents, type Components, librariesOf } from './component-files.ts';
import { confineProgram } from './confine-program.ts';
import { planDeviceConfig } from './device-config.ts';
import { type DeviceLines, planDeviceLines, withDeviceLines } from './device-lines.ts';
import { type BundledProgram, loadDevicePrograms } from './device-programs.ts';
import { encodeManifest, makeManifest, updateBytes } from './make-manifest.ts';
import { moduleHelper } from './module-helper.ts';
import { writeRootImage } from './root-image.ts';
import { type RootEntry, RootTree } from '../root-tree.ts';
import { signManifest } from './sign-manifest.ts';
import { saveSourceMaps } from './source-maps.ts';
import { addDeviceConfig, addDevicePrograms, addSystemFiles } from './system-files.ts';
import { addTlsFiles } from './tls-files.ts';
import { rememberManifest } from './known-manifests.ts';
import { untilAborted } from './until-aborted.ts';
import { type PartWeight, weighParts } from './weigh-parts.ts';
import { makeWorkDirectory } from './work-directory.ts';

interface ImagePart extends PartWeight {
  leftOutBytes: number;
}

export interface BuiltImage {
  board: Board;
  hostname: string;
  manifest: Manifest;
  /** Bytes as in slotFiles. */
  manifestBytes: Uint8Array;
  /** Content of the file with the signatures; an update is signed at the present, and slotFiles at the build's time. */
  sign(signedAtSec: number, permitted?: UpdatePermissions): Uint8Array;
  /** A squashfs file of `manifest.root.sizeBytes` bytes. */
  rootImagePath: string;
  /** Shared by both slots. */
  loaderFiles: readonly BootFile[];
  /** The files that the manifest names, in its order; relative to the slot's directory. */
  bootFiles: readonly BootFile[];
  /** For the boot partition of a new disk alone: no update has them, nor does the manifest know them. */
  cardFiles: readonly BootFile[];
  /** All files of the slot's directory: those, the manifest and its signatures. */
  slotFiles: readonly BootFile[];
  /** Files of the instance that went in, for watching. */
  inputs: readonly string[];
  warnings: readonly string[];
  /** What the build did that the instance did not ask for in so many words. */
  notes: readonly string[];
  /** Left-out files of packages, by app. */
  leftOut: ReadonlyMap<string, readonly LeftOut[]>;
  /** Of all in the root, with the bytes that were left out of each. */
  parts: readonly ImagePart[];
  /** Removes the temporary files. */
  dispose(): Promise<void>;
}

export async function buildImage(options: BuildOptions): Promise<BuiltImage> {
  const { instance, board, signal } = options;
  checkIsolation(instance.config, board);
  const deviceLines = await planDeviceLines(instance, board);
  await checkBootloaderLines(instance, board, deviceLines.added);
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
  const plan = { ...options, components, apps, ...time, secrets, deviceLines };

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
  /** Warnings of apps come on top. */
  warnings: readonly string[];
  secrets: InstanceSecrets;
  deviceLines: DeviceLines;
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

async function planParts(plan: Plan, programs: readonly BundledProgram[]): Promise<Parts> {
  const { components, deviceLines } = plan;
  const { hostname, serialConsole, kernel, bootloaderLines } = plan.instance.config;
  const kernelArgs = bootKernelArgs(plan.board, serialConsole ?? plan.board.serialConsole, kernel.extraArgs);
  const layout = layoutOf(plan.board.boot);
  const settings = { bootloaderLines: withDeviceLines(deviceLines.added, bootloaderLines) };
  await checkOverlays(plan.instance, plan.board, components, deviceLines.added);
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
  await rememberManifest(plan.instance.stateDirectory, manifestBytes);
  const sign: BuiltImage['sign'] = (signedAtSec, permitted) =>
    signManifest(manifestBytes, plan.secrets.updateKeys, signedAtSec, permitted);
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
    cardFiles: await cardFiles(plan.instance),
    slotFiles,
    inputs: apps.flatMap((app) => app.inputs),
    warnings: distinctWarnings(plan.warnings, ...apps.map((app) => app.warnings)),
    notes: plan.deviceLines.notes,
    leftOut: new Map(apps.map((app) => [app.service.name, app.leftOut])),
    parts: imageParts(parts.tree.entries(), apps),
  };
}

async function cardFiles(instance: BuildOptions['instance']): Promise<BootFile[]> {
  const bytes = await cardFileOf(instance);
  return bytes === undefined ? [] : [bootFileOf(WIFI_CARD_FILE, bytes)];
}

function imageParts(entries: readonly RootEntry[], apps: readonly AppBuild[]): ImagePart[] {
  const leftOut = new Map(apps.flatMap((app) => [...app.leftOutBytes]));
  return weighParts(entries).map((part) => ({ ...part, leftOutBytes: leftOut.get(part.name) ?? 0 }));
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
  const apps = await buildApps({ ...options, secrets }, components, lock);
  await pinCompiled(options.instance.lockPath, lock, apps);
  return { components, lock, apps };
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
    appNames: new Set(instance.config.apps.map(({ name }) => name)),
    lock,
    secrets: options.secrets.apps,
    ...(signal === undefined ? {} : { signal }),
  };
  return Promise.all(instance.config.apps.map((app) => buildApp(app, context)));
}

function planRoot(plan: Plan, programs: readonly BundledProgram[], config: DeviceConfig): RootTree {
  const tree = new RootTree();
  addComponents(tree, plan.components);
  addDevicePrograms(tree, [
    ...programs,
    { path: CONFINE_PATH, code: confineProgram(plan.board) },
    { path: MODULE_HELPER_PATH, code: moduleHelper(plan.board) },
  ]);
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
