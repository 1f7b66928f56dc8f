// plan -> root tree -> root image and boot files: everything a disk, an archive or an update is made of.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Board } from '../../shared/boards.ts';
import { ROOT_PARTITION_BYTES } from '../../shared/disk-layout.ts';
import { type Manifest, type ManifestFile, MANIFEST_NAME } from '../../shared/manifest.ts';
import type { DeviceConfig } from '../../shared/services.ts';
import { type AppBuild, buildApp } from '../apps/build-app.ts';
import { defaultCacheDirectory } from '../components/cache.ts';
import type { ProgressReporter } from '../components/progress.ts';
import { checkKernel } from './check-kernel.ts';
import { loadInstanceComponents } from './instance-components.ts';
import type { Instance } from '../config/instance.ts';
import { packageRoot } from '../package-root.ts';
import { type BootFile, loaderFiles, slotBootFiles } from './boot-files.ts';
import { checkBootPartition } from './boot-partition.ts';
import { buildIdOf, describeEntries, hashContent } from './build-id.ts';
import { addComponents, type Components, librariesOf } from './component-files.ts';
import { planDeviceConfig } from './device-config.ts';
import { loadDevicePrograms } from './device-programs.ts';
import { writeRootImage } from './root-image.ts';
import { RootTree } from './root-tree.ts';
import { saveSourceMaps } from './source-maps.ts';
import { addDeviceConfig, addDevicePrograms, addSystemFiles } from './system-files.ts';
import { untilAborted } from './until-aborted.ts';
import { makeWorkDirectory } from './work-directory.ts';

export interface BuildOptions {
  instance: Instance;
  board: Board;
  offline: boolean;
  report: ProgressReporter;
  signal?: AbortSignal;
}

export interface BuiltImage {
  board: Board;
  hostname: string;
  manifest: Manifest;
  /** A squashfs file of `manifest.root.sizeBytes` bytes. */
  rootImagePath: string;
  /** Shared by both slots. */
  loaderFiles: readonly BootFile[];
  /** Relative to the slot's directory; the manifest is among them. */
  slotFiles: readonly BootFile[];
  /** Files of the instance that went in, for watching. */
  inputs: readonly string[];
  warnings: readonly string[];
  /** Removes the temporary files. */
  dispose(): Promise<void>;
}

export async function buildImage(options: BuildOptions): Promise<BuiltImage> {
  const { instance, board, signal } = options;
  // Downloads and apps leave nothing outside the cache, which is whole at any moment.
  const [{ components, createdAtSec }, programs] = await untilAborted(
    Promise.all([loadInstanceComponents(options), loadDevicePrograms()]),
    signal,
  );
  await checkKernel(components, board);
  const apps = await untilAborted(buildApps(options, components), signal);
  const plan = { ...options, components, apps, buildTimeSec: buildTime(createdAtSec) };

  const config = await planDeviceConfig(plan);
  const boot = loaderFiles(bootOptions(options), components);
  const slot = slotBootFiles(components);
  const tree = planRoot(plan, programs, config);
  const buildId = await computeBuildId(tree, config, [...boot, ...slot]);
  addDeviceConfig(tree, { ...config, buildId });

  const directory = await makeWorkDirectory(instance.stateDirectory);
  const dispose = (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    const rootImagePath = join(directory, 'root.img');
    const root = await writeRootImage(tree, {
      path: rootImagePath,
      cacheDirectory: defaultCacheDirectory(),
      mtimeSec: plan.buildTimeSec,
      maxBytes: ROOT_PARTITION_BYTES,
      ...(signal === undefined ? {} : { signal }),
    });
    signal?.throwIfAborted();
    const manifest = await makeManifest(plan, { ...config, buildId }, slot, root);
    const slotFiles = [...slot, manifestFile(manifest)];
    checkBootPartition({ ...manifest, timestampSec: 0, loaderFiles: boot, slotFiles });
    await saveSourceMaps(instance.stateDirectory, buildId, apps, programs);
    return {
      board,
      hostname: config.hostname,
      manifest,
      rootImagePath,
      loaderFiles: boot,
      slotFiles,
      inputs: apps.flatMap((app) => app.inputs),
      warnings: apps.flatMap((app) => app.warnings),
      dispose,
    };
  } catch (cause) {
    await dispose();
    throw cause;
  }
}

interface Plan extends BuildOptions {
  components: Components;
  apps: readonly AppBuild[];
  buildTimeSec: number;
}

async function buildApps(options: BuildOptions, components: Components): Promise<AppBuild[]> {
  const { instance, board, offline, report, signal } = options;
  const context = {
    instanceDirectory: instance.directory,
    board,
    cacheDirectory: defaultCacheDirectory(),
    offline,
    report,
    libraries: librariesOf(components, board),
    ...(signal === undefined ? {} : { signal }),
  };
  return Promise.all(instance.config.apps.map((app) => buildApp(app, context)));
}

function planRoot(
  plan: Plan,
  programs: Parameters<typeof addDevicePrograms>[1],
  config: DeviceConfig,
): RootTree {
  const tree = new RootTree();
  addComponents(tree, plan.components);
  addDevicePrograms(tree, programs);
  for (const entry of plan.apps.flatMap((app) => app.entries)) tree.add(entry);
  addSystemFiles(tree, config);
  return tree;
}

function bootOptions({ instance, board }: BuildOptions): Parameters<typeof loaderFiles>[0] {
  return {
    board,
    hostname: instance.config.hostname,
    serialConsole: instance.config.serialConsole ?? board.serialConsole,
    extraKernelArgs: instance.config.kernel.extraArgs,
  };
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

async function makeManifest(
  plan: Plan,
  config: DeviceConfig,
  slotFiles: readonly BootFile[],
  root: Manifest['root'],
): Promise<Manifest> {
  return {
    formatVersion: 1,
    buildId: config.buildId,
    hostname: config.hostname,
    board: config.board,
    tskrazyVersion: packageRoot().version,
    buildTimeSec: plan.buildTimeSec,
    components: config.components,
    apps: await Promise.all(
      plan.apps.map(async ({ service, entries }) => ({
        name: service.name,
        kind: service.kind,
        contentSha256: buildIdOf([...(await describeEntries(entries)), JSON.stringify(service)]),
      })),
    ),
    bootFiles: await Promise.all(slotFiles.map(describeBootFile)),
    root,
  };
}

async function describeBootFile({ path, content }: BootFile): Promise<ManifestFile> {
  const sizeBytes = content.kind === 'bytes' ? content.bytes.length : content.sizeBytes;
  return { path, sizeBytes, sha256: await hashContent(content) };
}

function manifestFile(manifest: Manifest): BootFile {
  const bytes = new TextEncoder().encode(`${JSON.stringify(manifest)}\n`);
  return { path: MANIFEST_NAME, content: { kind: 'bytes', bytes } };
}

/** Reproducible builds: SOURCE_DATE_EPOCH (its own specification), else the moment the lock was made. */
function buildTime(lockCreatedAtSec: number): number {
  const epoch = Number(process.env['SOURCE_DATE_EPOCH']);
  return Number.isSafeInteger(epoch) && epoch > 0 ? epoch : lockCreatedAtSec;
}
