// The kinds of apps as the host works with them: how each is recognised, built and pinned. What people read of a
// kind stands in shared/services/app-kinds.ts. What builds is loaded only when it is used: `tsk add` needs none of it.

import type { AppKind } from '../../shared/services/app-kinds.ts';
import type { Lock } from '../components/lock-file.ts';
import type { AppConfig } from '../config/app-config.ts';
import type { RootEntry } from '../root-tree.ts';
import type { AppArgument, GuessedApp } from './app-argument.ts';
import type { AppContext, AppProgram, PinContext, PinnedApps, PinOptions } from './app-context.ts';
import { guessBinary } from './binary/guess-binary.ts';
import { guessGo } from './go/guess-go.ts';
import { guessNode } from './node/guess-node.ts';

interface AppKindOfHost {
  /** Serves `tsk add`: undefined when the argument is no app of this kind. */
  guess(argument: AppArgument): Promise<GuessedApp | undefined> | GuessedApp | undefined;
  /** `source`: what the app's key of this kind holds. `included`: what the app's `include` copies. */
  build(
    app: AppConfig,
    source: string,
    context: AppContext,
    included: readonly RootEntry[],
  ): Promise<AppProgram>;
  /** Puts into the lock what the sources of apps of this kind mean now. Absent: they name exactly one thing. */
  pin?(lock: Lock, apps: readonly AppConfig[], context: PinContext, options: PinOptions): Promise<PinnedApps>;
}

export const APP_KINDS_OF_HOST: Readonly<Record<AppKind, AppKindOfHost>> = {
  node: {
    guess: guessNode,
    async build(app, node, context, included) {
      const { buildNodeApp } = await import('./node/node-app.ts');
      return buildNodeApp({ ...app, node }, context, included);
    },
  },
  go: {
    guess: guessGo,
    async build(app, go, context) {
      const { buildGoApp } = await import('./go/go-app.ts');
      return buildGoApp({ ...app, go }, context);
    },
    async pin(lock, apps, context, options) {
      const { pinGoPrograms } = await import('./go/pin-go-programs.ts');
      return pinGoPrograms(lock, apps, context, options);
    },
  },
  npm: {
    // A word could be the name of anything: who means a package says so.
    guess: () => undefined,
    async build(app, npm, context, included) {
      const { isDirectory } = await import('./npm/npm-spec.ts');
      if (isDirectory(npm)) {
        const { buildProjectApp } = await import('./npm/project-app.ts');
        return buildProjectApp({ ...app, npm }, context, included);
      }
      const { buildNpmApp } = await import('./npm/npm-app.ts');
      return buildNpmApp({ ...app, npm }, context, included);
    },
    async pin(lock, apps, context, options) {
      const { pinNpmPrograms } = await import('./npm/pin-npm-programs.ts');
      return pinNpmPrograms(lock, apps, context, options);
    },
  },
  binary: {
    guess: guessBinary,
    async build(app, binary, context, included) {
      const { buildBinaryApp } = await import('./binary/binary-app.ts');
      return buildBinaryApp({ ...app, binary }, context, included);
    },
  },
};
