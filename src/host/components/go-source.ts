// Components that are Go modules (the kernels). Where Go is installed it fetches them: its cache, proxies and
// checksum database then hold for us too. Elsewhere go-proxy.ts does. Either way the lock's hash has the last word.

import { rename, stat } from 'node:fs/promises';
import { UserError } from '../user-error.ts';
import { noNetwork, notInCache, wrongHash } from './component-error.ts';
import type { LockedGoModule } from './lock-file.ts';
import { megabytes } from '../progress.ts';
import { proxyDownloadZip, proxyLatestVersion } from './go-proxy.ts';
import { type ModuleFileTaker, readGoModuleZip } from './go-module-zip.ts';
import { findTool, runTool } from '../run-tool.ts';
import type { SourceContext } from './source-context.ts';
import { parseJson } from './parse-json.ts';

/** The newest version, or `version` if given, with the hash of its zip file. */
export async function resolveGoModule(
  context: SourceContext,
  component: string,
  module: string,
  version?: string,
): Promise<LockedGoModule> {
  const go = await findTool('go', context.environment);
  if (go !== undefined) {
    const { Version, Sum } = await goDownload(context, go, component, module, version ?? 'latest');
    return { source: 'go-module', version: Version, module, sum: Sum };
  }
  const { environment } = context;
  const found = version ?? (await proxyLatestVersion({ component, module, environment, isPinned: false }));
  const lock = `get-${component}`;
  const inTemporary = <T>(action: (directory: string) => Promise<T>) =>
    context.cache.withLock(lock, () => context.cache.withTemporary(lock, action));
  return inTemporary(async (directory) => {
    const destination = `${directory}/module.zip`;
    let sum = '';
    const verify = async (path: string) => {
      sum = await readGoModuleZip(path, { path: module, version: found });
    };
    const step = context.report.start(`${component} ${found}`);
    await proxyDownloadZip(
      { component, module, version: found, environment, isPinned: false },
      { destination, verify, onBytes: (bytes) => step.advance(bytes) },
    );
    step.done();
    // The build that follows finds it in the cache.
    const moveIn = (path: string) => rename(destination, path);
    await context.cache.blob(sum, async () => true, moveIn);
    return { source: 'go-module', version: found, module, sum };
  });
}

/** Hands the files of the locked module to `taker`; when this returns, the zip file had the locked hash. */
export async function takeGoModule(
  context: SourceContext,
  component: string,
  locked: LockedGoModule,
  taker: ModuleFileTaker,
): Promise<void> {
  const path = await locateZip(context, component, locked);
  const sum = await readGoModuleZip(path, { path: locked.module, version: locked.version }, taker);
  if (sum !== locked.sum) throw wrongHash(component, `${locked.module}@${locked.version}`, locked.sum, sum);
}

async function locateZip(context: SourceContext, component: string, locked: LockedGoModule): Promise<string> {
  const go = await findTool('go', context.environment);
  if (go !== undefined) {
    const step = context.report.start(`${component} ${locked.version}`);
    const { Zip } = await goDownload(context, go, component, locked.module, locked.version);
    step.done(megabytes((await stat(Zip)).size));
    return Zip;
  }
  const identity = { path: locked.module, version: locked.version };
  const verify = async (path: string) => {
    const sum = await readGoModuleZip(path, identity);
    if (sum !== locked.sum) throw wrongHash(component, `${locked.module}@${locked.version}`, locked.sum, sum);
  };
  const isIntact = (path: string) =>
    verify(path).then(
      () => true,
      () => false,
    );
  return context.cache.blob(locked.sum, isIntact, async (destination) => {
    if (context.offline) throw notInCache(component, locked.version);
    const { module, version } = locked;
    let step: ReturnType<SourceContext['report']['start']> | undefined;
    await proxyDownloadZip(
      { component, module, version, environment: context.environment, isPinned: true },
      {
        destination,
        verify,
        onBytes(bytes, totalBytes) {
          step ??= context.report.start(`${component} ${version}`, totalBytes);
          step.advance(bytes);
        },
      },
    );
    step?.done(megabytes((await stat(destination)).size));
  });
}

interface GoDownload {
  Version: string;
  Zip: string;
  Sum: string;
}

/** `go mod download -json`: https://go.dev/ref/mod#go-mod-download */
async function goDownload(
  context: SourceContext,
  go: string,
  component: string,
  module: string,
  version: string,
): Promise<GoDownload> {
  const directory = await context.cache.stateDirectory('temporary');
  const environment = {
    ...context.environment,
    // The user's own work in progress (a workspace, vendoring, the module around the current directory) has no say.
    GOWORK: 'off',
    GO111MODULE: 'on',
    GOFLAGS: '-mod=mod',
    GOTOOLCHAIN: 'local',
    ...(context.offline ? { GOPROXY: 'off' } : {}),
  };
  const query = `${module}@${version}`;
  const result = await runTool(go, ['mod', 'download', '-json', query], { environment, directory });
  const answer = parseJson(result.stdout) as (GoDownload & { Error?: string }) | undefined;
  if (result.status === 0 && answer?.Zip !== undefined && answer.Error === undefined) return answer;
  const reason = (answer?.Error ?? result.stderr.trim()) || `go ended with status ${result.status}`;
  if (context.offline) throw notInCache(component, version);
  throw explainGoError(component, module, reason);
}

/** Go's words are all there is to tell its errors apart. */
function explainGoError(component: string, module: string, reason: string): UserError {
  if (/SECURITY ERROR|checksum mismatch/.test(reason)) {
    const [, got = 'another'] = /downloaded: (h1:\S+)/.exec(reason) ?? [];
    const [, expected = 'another'] = /(?:go\.sum|sum\.\S+): +(h1:\S+)/.exec(reason) ?? [];
    return wrongHash(component, module, expected, got);
  }
  if (
    /dial tcp|no such host|connection refused|i\/o timeout|network is unreachable|TLS handshake/.test(reason)
  ) {
    return noNetwork(component, `Go module ${module}`, new Error(reason));
  }
  return new UserError(`Cannot download component ${component}: Go module "${module}": ${reason}`, {
    hint: 'Check GOPROXY and the version in tskrazy.lock.json',
  });
}
