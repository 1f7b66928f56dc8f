// The test tiers and their files (docs/architecture.md, "Tests").

import { globSync } from 'node:fs';

export const TIERS = ['unit', 'init', 'tools', 'browser', 'boot', 'updates'] as const;
export type Tier = (typeof TIERS)[number];

const PATTERNS: Readonly<Record<Tier, readonly string[]>> = {
  unit: ['src/**/*.test.ts', 'scripts/**/*.test.ts'],
  init: ['test/init/*.test.ts'],
  tools: ['test/tools/*.test.ts'],
  browser: ['test/browser/*.test.ts'],
  boot: ['test/boot/*.test.ts'],
  updates: ['test/updates/*.test.ts'],
};

/** Of the other tiers these build images; and all of the last two. */
const BUILDERS = ['components', 'failed-build', 'flash', 'image', 'package', 'update-trouble', 'update'].map(
  (name) => `test/tools/${name}.test.ts`,
);

/** Whether a test has to have the components of an image, hence a kernel. */
export function needsComponents(file: string): boolean {
  return BUILDERS.includes(file) || [...tierFiles('boot'), ...tierFiles('updates')].includes(file);
}

export function tierFiles(tier: Tier): string[] {
  return PATTERNS[tier].flatMap((pattern) => globSync(pattern)).toSorted();
}
