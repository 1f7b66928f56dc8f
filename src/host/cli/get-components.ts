// What `tsk get` does: resolve, write the lock, fill the cache, say what moved.

import { pinApps } from '../apps/pin-apps.ts';
import { BOARDS, BOARD_IDS, type BoardId } from '../../shared/board/boards.ts';
import { defaultCacheDirectory } from '../cache-directory.ts';
import { type ComponentName, componentNamesOf, optionalPartsOf } from '../components/component.ts';
import { resolveTools } from '../components/resolve-lock.ts';
import { loadComponents, resolveLock } from '../components/load-components.ts';
import { type Lock, readLockFile, writeLockFile } from '../components/lock-file.ts';
import { openInstance, type Instance } from '../config/instance.ts';
import { openSecrets } from '../config/instance-secrets.ts';
import { formatTable } from './output.ts';
import type { Session } from './session.ts';

interface Change {
  board: BoardId;
  /** Name of a component, or `app NAME`. */
  component: string;
  from: string | null;
  to: string;
}

export async function getComponents(session: Session, options: { update: boolean }): Promise<void> {
  const { output, signal } = session;
  const instance = await openInstance(session.instanceDirectory);
  const before = await readLockFile(instance.lockPath);
  // The lock will be what shows that the instance is not new: with it come its secrets.
  if (before === undefined)
    await openSecrets(instance, { for: 'device', notice: (text) => output.notice(text) });
  const moved = await moveLock(session, instance, before, options);
  if (moved.lock !== before) await writeLockFile(instance.lockPath, moved.lock);
  const { lock, changes: ofApps } = await moveApps(session, instance, moved.lock, options);
  const changes = [...moved.changes, ...ofApps];
  if (lock !== moved.lock) await writeLockFile(instance.lockPath, lock);
  signal.throwIfAborted();
  await loadComponents({
    board: BOARDS[instance.config.board],
    lock,
    cacheDirectory: defaultCacheDirectory(),
    offline: false,
    overrides: instance.config.components,
    names: componentNamesOf(BOARDS[instance.config.board], optionalPartsOf(instance.config)),
    report: output.progress,
  });
  output.result({ changes }, describeChanges(changes, options.update));
}

/** The instance's board, and with `update` also the others that the lock has: it would go stale for them. */
async function moveLock(
  session: Session,
  instance: Instance,
  before: Lock | undefined,
  { update }: { update: boolean },
): Promise<{ lock: Lock; changes: Change[] }> {
  const boards = BOARD_IDS.filter(
    (board) => board === instance.config.board || (update && before?.boards[board] !== undefined),
  );
  const changes: Change[] = [];
  let lock = before;
  for (const board of boards) {
    session.signal.throwIfAborted();
    const resolved = await resolveLock({
      board: BOARDS[board],
      ...(lock === undefined ? {} : { previous: lock }),
      update,
      overrides: instance.config.components,
      names: [
        ...componentNamesOf(BOARDS[board], optionalPartsOf(instance.config)),
        ...toolboxOf(lock, board),
      ],
      cacheDirectory: defaultCacheDirectory(),
      report: session.output.progress,
    });
    lock = await resolveTools({
      board: BOARDS[board],
      previous: resolved.lock,
      update,
      tools: [],
      cacheDirectory: defaultCacheDirectory(),
      report: session.output.progress,
    });
    changes.push(...resolved.changes.map((change) => ({ board, ...change })));
  }
  if (!lock) throw new Error('Cannot resolve the lock: the instance has no board');
  return { lock, changes };
}

/** The toolbox is pinned by the first `tsk ssh`, and goes with the others from then on. */
function toolboxOf(lock: Lock | undefined, board: BoardId): ComponentName[] {
  return lock?.boards[board]?.toolbox === undefined ? [] : ['toolbox'];
}

/** That a tool which looks them up is not installed is for the build to say. */
async function moveApps(
  { output, signal }: Session,
  { config, directory: instanceDirectory }: Instance,
  lock: Lock,
  { update }: { update: boolean },
): Promise<{ lock: Lock; changes: Change[] }> {
  const context = {
    instanceDirectory,
    board: BOARDS[config.board],
    cacheDirectory: defaultCacheDirectory(),
    offline: false,
    report: output.progress,
    signal,
  };
  const pinned = await pinApps(lock, config.apps, context, {
    update,
    withoutTool: 'skip',
    takesChangedFiles: true,
  });
  const changes = pinned.changes.map(({ app, from, to }) => ({
    board: config.board,
    component: `app ${app}`,
    from,
    to,
  }));
  return { lock: pinned.lock, changes };
}

function describeChanges(changes: readonly Change[], update: boolean): string {
  if (changes.length === 0) {
    return update ? 'Every component is at its newest version.' : 'The lock is complete; nothing moved.';
  }
  const rows = changes.map(({ board, component, from, to }) => [board, component, from ?? '-', to]);
  return formatTable([['BOARD', 'COMPONENT', 'FROM', 'TO'], ...rows]);
}
