// Errors of a build as those of the app that was built.

import { explainComponentError } from '../components/component-error.ts';
import { describeReadError } from '../files/read-error.ts';
import type { AppContext } from './app-context.ts';

export function explainBuildError(
  error: unknown,
  appName: string,
  { signal, cacheDirectory }: Pick<AppContext, 'cacheDirectory' | 'signal'>,
): unknown {
  // Ctrl-C reaches the tools as well: that they failed is not the news.
  signal?.throwIfAborted();
  const { path } = error as NodeJS.ErrnoException;
  if (path?.startsWith(cacheDirectory) !== true) {
    return describeReadError(error, `Cannot build app "${appName}"`);
  }
  return explainComponentError(appName, cacheDirectory, error);
}
