// What tests of component sources need: an empty cache, an environment without any tool, a progress log.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { ComponentCache } from '../../../src/host/components/cache.ts';
import type { SourceContext } from '../../../src/host/components/source-context.ts';
import { BOARDS } from '../../../src/shared/board/boards.ts';

export interface TestSourceContext extends SourceContext {
  /** What was reported: `start kernel v1 (1000)`, `1000 bytes`, `done`. */
  progress: string[];
}

/** PATH and HOME lead nowhere, so neither Go nor apt nor a user's configuration takes part. */
export async function sourceContext(
  t: TestContext,
  environment: Readonly<Record<string, string>> = {},
  offline = false,
): Promise<TestSourceContext> {
  const directory = await mkdtemp(join(tmpdir(), 'tsk-components-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const progress: string[] = [];
  return {
    board: BOARDS['pc-arm64'],
    cache: new ComponentCache(join(directory, 'tskrazy')),
    offline,
    environment: { PATH: join(directory, 'bin'), HOME: join(directory, 'home'), ...environment },
    progress,
    report: {
      start(what, totalBytes) {
        progress.push(`start ${what}${totalBytes === undefined ? '' : ` (${totalBytes})`}`);
        let reached = 0;
        return {
          advance: (bytes) => (reached += bytes),
          tell: () => undefined,
          done: (note) =>
            progress.push(`done ${what}: ${reached} bytes${note === undefined ? '' : `, ${note}`}`),
        };
      },
    },
  };
}
