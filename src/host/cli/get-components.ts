// What `tsk get` does: resolve, write the lock, fill the cache, say what moved.

import { BOARDS, BOARD_IDS, type BoardId } from '../../shared/boards.ts';
import { defaultCacheDirectory } from '../components/cache.ts';
import { type LockChange, loadComponents, resolveLock } from '../components/load-components.ts';
import { type Lock, readLockFile, writeLockFile } from '../components/lock-file.ts';
import { openInstance, type Instance } from '../config/instance.ts';
import { formatTable } from './output.ts';
import type { Session } from './session.ts';

interface BoardChange extends LockChange {
  board: BoardId;
}

export async function getComponents(session: Session, options: { update: boolean }): Promise<void> {
  const { output, signal } = session;
  const instance = await openInstance(session.instanceDirectory);
  const before = await readLockFile(instance.lockPath);
  const { lock, changes } = await moveLock(session, instance, before, options);
  if (lock !== before) await writeLockFile(instance.lockPath, lock);
  signal.throwIfAborted();
  await loadComponents({
    board: BOARDS[instance.config.board],
    lock,
    cacheDirectory: defaultCacheDirectory(),
    offline: false,
    overrides: instance.config.components,
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
): Promise<{ lock: Lock; changes: BoardChange[] }> {
  const boards = BOARD_IDS.filter(
    (board) => board === instance.config.board || (update && before?.boards[board] !== undefined),
  );
  const changes: BoardChange[] = [];
  let lock = before;
  for (const board of boards) {
    session.signal.throwIfAborted();
    const resolved = await resolveLock({
      board: BOARDS[board],
      ...(lock === undefined ? {} : { previous: lock }),
      update,
      overrides: instance.config.components,
      cacheDirectory: defaultCacheDirectory(),
      report: session.output.progress,
    });
    lock = resolved.lock;
    changes.push(...resolved.changes.map((change) => ({ board, ...change })));
  }
  if (!lock) throw new Error('Cannot resolve the lock: the instance has no board');
  return { lock, changes };
}

function describeChanges(changes: readonly BoardChange[], update: boolean): string {
  if (changes.length === 0) {
    return update ? 'Every component is at its newest version.' : 'The lock is complete; nothing moved.';
  }
  const rows = changes.map(({ board, component, from, to }) => [board, component, from ?? '-', to]);
  return formatTable([['BOARD', 'COMPONENT', 'FROM', 'TO'], ...rows]);
}
