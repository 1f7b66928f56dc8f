// Whether this computer can use examples that are published programs, and run them in namespaces of their own.

import { spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';
import { requireTool } from '../require-tool.ts';

/** One package is as good as all: what answers is a registry, or a cache that was filled by one. */
const ASK_REGISTRY = ['view', 'node-red@5', 'version', '--prefer-offline', '--fetch-retries=0'];

/** After marking the test as skipped when it cannot. */
export function mayUseExamples(t: TestContext): boolean {
  if (!requireTool(t, 'ip') || !requireTool(t, 'npm')) return false;
  if (process.getuid?.() !== 0) {
    t.skip('network namespaces need root');
    return false;
  }
  if (spawnSync('npm', ASK_REGISTRY).status === 0) return true;
  t.skip('there is no registry of npm');
  return false;
}
