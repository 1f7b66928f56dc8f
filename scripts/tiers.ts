// The test tiers and their files (docs/architecture.md, "Tests").

import { globSync } from 'node:fs';
import { build, type Metafile } from 'esbuild';

export const TIERS = ['unit', 'init', 'programs', 'tools', 'browser', 'boot', 'updates'] as const;
export type Tier = (typeof TIERS)[number];

const PATTERNS: Readonly<Record<Tier, readonly string[]>> = {
  unit: ['src/**/*.test.ts', 'scripts/**/*.test.ts'],
  init: ['test/init/*.test.ts'],
  programs: ['test/programs/*.test.ts'],
  tools: ['test/tools/*.test.ts'],
  browser: ['test/browser/*.test.ts'],
  boot: ['test/boot/*.test.ts'],
  updates: ['test/updates/*.test.ts'],
};

export function tierFiles(tier: Tier): string[] {
  return PATTERNS[tier].flatMap((pattern) => globSync(pattern)).toSorted();
}

/** Unit tests that start processes, derive keys or cut power thousands of times; and what of test/ is no simulated boot. */
const LEFT_TO_NPM_TEST = /\.slow\.test\.ts$|^test\/(?!init\/\d)/;

/** Those of a tier that the fast gate runs. */
export function quickFiles(tier: Tier): string[] {
  return tierFiles(tier).filter((file) => !LEFT_TO_NPM_TEST.test(file));
}

/** What builds images: in the test's own process, or by the command line in an instance. */
const BUILDERS = /^(src\/host\/components\/load-components\.ts|test\/support\/cli\/.*)$/;

/** Those of the test files outside `src` that build images, hence need a kernel: their imports lead to what does. */
export async function findImageTests(files: readonly string[]): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: [...files],
    bundle: true,
    write: false,
    outdir: 'never-written',
    metafile: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'silent',
  });
  return files.filter((file) => leadsToBuilder(metafile, file, new Set()));
}

function leadsToBuilder({ inputs }: Metafile, path: string, seen: Set<string>): boolean {
  if (BUILDERS.test(path)) return true;
  if (seen.has(path)) return false;
  seen.add(path);
  const imports = inputs[path]?.imports ?? [];
  return imports.some(
    (each) => each.external !== true && leadsToBuilder({ inputs, outputs: {} }, each.path, seen),
  );
}
