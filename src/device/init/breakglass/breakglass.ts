// The break-glass session: opened by web when a signature has been found to be right, mounted, started, counted and ended
// here. There is one at a time, and never one that outlives a restart. init carries none of its bytes: each connection that
// web makes to the session's socket becomes the input and output of an sshd, as inetd does it.

import { readdirSync } from 'node:fs';
import { constants, open } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Server, Socket } from 'node:net';
import {
  APPS_VARIABLE,
  BREAKGLASS,
  BREAKGLASS_PATHS,
  type BreakglassSession,
  IDLE_LIMIT_SEC,
  type JoinBreakglass,
  type OpenBreakglass,
  SSH_PORT,
} from '../../../shared/breakglass/breakglass-api.ts';
import type { ServiceSpec } from '../../../shared/services/services.ts';
import { describeError } from '../../describe-error.ts';
import { giveMemoryBackSoon } from '../../give-memory-back.ts';
import { clockTimeOf, monotonicMs } from '../../monotonic.ts';
import { ApiRefusal } from '../../api-refusal.ts';
import type { PermStatus } from '../../../shared/api/init-api.ts';
import type { SpawnRequest, Sys } from '../../sys/sys.ts';
import { ServiceOutput } from '../log/service-output.ts';
import { withOomScore } from '../supervisor/oom-score.ts';
import type { Service } from '../supervisor/service.ts';
import { endGuests } from '../supervisor/service-cgroup.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { dropCoreDumps, keepCoreDumps } from './core-dumps.ts';
import { mountSessionRoot, openSessionMemory, removeSessionRoot } from './session-root.ts';
import { openSessionSocket } from './session-socket.ts';

/** At once; more than a person and his editor have. */
const MAX_CONNECTIONS = 32;
/** For which a place is kept for a connection that web has announced. */
const COMING_LIMIT_MS = 10_000;
/** Of the device's memory: the session's processes are the first to go, and long before apps are in need. */
const PROCESS_MEMORY_SHARE = 2;
const MAX_PROCESSES = 1000;
/** For the last word to get to the person. */
const LAST_WORD_MS = 300;
/** A session's leader that opens a terminal has it for its own. */
const SHELL_AT = ['/bin/busybox', 'sh', '-c', 'exec /usr/lib/tskrazy/shell <>/dev/pts/$0 >&0 2>&0'];
const TERMINAL_ENVIRONMENT = { TERM: 'xterm-256color', HOME: '/root', USER: 'root', LANG: 'C.UTF-8' };
const SSHD = ['/usr/sbin/sshd', '-i', '-e', '-f', '/etc/ssh/sshd_config'];

/** The device, as far as a session has to do with it. */
export interface SessionSurroundings {
  readonly sys: Sys;
  readonly supervisor: Supervisor;
  readonly perm: Pick<PermStatus, 'state'>;
  readonly log: { say(text: string): void };
  warn(text: string): void;
}

interface Open {
  facts: OpenBreakglass;
  phase: BreakglassSession['phase'];
  openedAt: number;
  endsAt: number;
  /** Those who have opened or joined it and not left. */
  holders: number;
  connections: Set<number>;
  /** Numbers of connections that have been announced and have not come yet: each until its timer is over. */
  coming: Map<number, NodeJS.Timeout>;
  isMounted: boolean;
  service?: Service;
  socket?: Server;
  lifetime: NodeJS.Timeout | undefined;
  idle: NodeJS.Timeout | undefined;
  ended?: Promise<void>;
}

export class Breakglass {
  readonly #device: SessionSurroundings;
  #open: Open | undefined;
  #connectionCount = 0;

  constructor(device: SessionSurroundings) {
    this.#device = device;
  }

  session(): BreakglassSession | null {
    const open = this.#open;
    if (open === undefined) return null;
    const { lifetimeSec: _lifetime, listen, ...facts } = open.facts;
    return {
      ...facts,
      phase: open.phase,
      openedAtMs: clockTimeOf(open.openedAt),
      endsAtMs: clockTimeOf(open.endsAt),
      listensOn: listen ? SSH_PORT : null,
      connections: open.connections.size,
    };
  }

  /** Makes room for the toolbox. */
  open(facts: OpenBreakglass): BreakglassSession {
    const { sys, perm } = this.#device;
    if (this.#open !== undefined) throw busy(this.#open.facts);
    if (perm.state === 'pending') throw new ApiRefusal('wrong-state', 'The device is still starting');
    openSessionMemory(sys);
    const now = monotonicMs();
    const open: Open = {
      facts,
      phase: 'receiving',
      openedAt: now,
      endsAt: now,
      holders: 1,
      connections: new Set(),
      coming: new Map(),
      isMounted: false,
      lifetime: undefined,
      idle: undefined,
    };
    this.#open = open;
    this.#setLifetime(open, facts.lifetimeSec);
    this.#watchIdleness(open);
    const { who, from, keyId, lifetimeSec, listen, toolboxSha256 } = facts;
    this.#say(
      `opened by ${who} from ${from} with key ${keyId}, for ${describeTime(lifetimeSec)}` +
        `${listen ? `, listens on port ${SSH_PORT}` : ''}, toolbox ${toolboxSha256.slice(0, 12)}`,
    );
    return this.#view(open);
  }

  /** The toolbox is there and is what was signed. */
  async start(id: string): Promise<BreakglassSession> {
    const open = this.#find(id);
    if (open.phase !== 'receiving') return this.#view(open);
    try {
      mountSessionRoot(this.#device.sys);
      open.isMounted = true;
      open.service = this.#device.supervisor.admit(this.#serviceSpec(open.facts), BREAKGLASS_PATHS.root);
      await open.service.start('request');
      requireGoingOn(open);
      const { tree } = open.service;
      if (tree === undefined)
        throw new Error('its first process does not start; the log "breakglass" says why');
      if (tree.readCgroup('cgroup.procs') === undefined)
        throw new Error('the kernel has no cgroups, by which a session ends');
      const socket = await openSessionSocket(this.#device.sys, (each) => void this.#connect(open, each));
      // What ends a session meanwhile has not seen this socket.
      if (open.ended !== undefined) socket.close();
      requireGoingOn(open);
      open.socket = socket;
      keepCoreDumps(this.#device.sys);
      open.phase = 'open';
    } catch (error) {
      const why = `Cannot start the session: ${describeError(error)}`;
      await this.#end(open, why);
      throw new Error(why, { cause: error });
    }
    return this.#view(open);
  }

  /** Somebody with the same key comes to it. */
  join({ id, who, from, lifetimeSec, staysOpen }: JoinBreakglass): BreakglassSession {
    const open = this.#find(id);
    open.holders++;
    open.facts.staysOpen ||= staysOpen;
    if (monotonicMs() + lifetimeSec * 1000 > open.endsAt) this.#setLifetime(open, lifetimeSec);
    this.#watchIdleness(open);
    this.#say(`joined by ${who} from ${from}`);
    return this.#view(open);
  }

  /** Says whose connection comes next, and keeps its place. Throws when it would be one too many. */
  announce(id: string, from: string): void {
    const open = this.#findWithRoom(id);
    const number = ++this.#connectionCount;
    open.service?.tell(`connection ${number} from ${from}`);
    const timer = setTimeout(() => open.coming.delete(number), COMING_LIMIT_MS);
    timer.unref();
    open.coming.set(number, timer);
  }

  /** A shell at the other side of a terminal of web's, of that number. Resolves when it has started. */
  async startTerminal(id: string, from: string, terminal: number): Promise<void> {
    const open = this.#findWithRoom(id);
    const number = ++this.#connectionCount;
    open.service?.tell(`connection ${number} from ${from}, by the page`);
    await this.#run(open, number, { argv: [...SHELL_AT, String(terminal)], env: TERMINAL_ENVIRONMENT });
  }

  /** `isLeaving`: one of those who hold it has no use for it any more; it goes with the last of them. */
  async close(why: string, isLeaving: boolean): Promise<void> {
    const open = this.#open;
    if (open === undefined) return;
    if (isLeaving) {
      open.holders = Math.max(0, open.holders - 1);
      if (!isLeft(open)) return;
    }
    await this.#end(open, why);
  }

  /** Before what ends it anyway. Never rejects. */
  async end(why: string): Promise<void> {
    if (this.#open !== undefined) await this.#end(this.#open, why);
  }

  #findWithRoom(id: string): Open {
    const open = this.#find(id);
    if (open.phase !== 'open') throw ended();
    if (open.connections.size + open.coming.size >= MAX_CONNECTIONS)
      throw new ApiRefusal('busy', `The session has ${MAX_CONNECTIONS} connections, and takes no more`);
    return open;
  }

  #find(id: string): Open {
    if (this.#open?.facts.id !== id || this.#open.phase === 'ending') throw ended();
    return this.#open;
  }

  #view(open: Open): BreakglassSession {
    const session = this.session();
    if (session === null || this.#open !== open) throw ended();
    return session;
  }

  #setLifetime(open: Open, lifetimeSec: number): void {
    clearTimeout(open.lifetime);
    open.endsAt = monotonicMs() + lifetimeSec * 1000;
    open.lifetime = setTimeout(() => void this.#end(open, 'its time is over'), lifetimeSec * 1000);
    open.lifetime.unref();
  }

  #watchIdleness(open: Open): void {
    clearTimeout(open.idle);
    if (open.facts.staysOpen || open.connections.size > 0) return;
    const why = `nobody has used it for ${IDLE_LIMIT_SEC / 60} min`;
    open.idle = setTimeout(() => void this.#end(open, why), IDLE_LIMIT_SEC * 1000);
    open.idle.unref();
  }

  async #connect(open: Open, socket: Socket): Promise<void> {
    // They come in the order in which they were announced.
    const [[announced, timer] = []] = open.coming;
    clearTimeout(timer);
    if (announced !== undefined) open.coming.delete(announced);
    const number = announced ?? ++this.#connectionCount;
    if (open.connections.size < MAX_CONNECTIONS)
      await this.#run(open, number, { argv: SSHD, env: {}, connection: socket }).catch(() => {});
    // sshd has it from here on.
    socket.destroy();
  }

  /** A process of the session, which is a connection for as long as it runs. */
  async #run(
    open: Open,
    number: number,
    what: Pick<SpawnRequest, 'argv' | 'env' | 'connection'>,
  ): Promise<void> {
    const { sys } = this.#device;
    const { service } = open;
    const tree = service?.tree;
    if (service === undefined || tree === undefined) throw ended();
    open.connections.add(number);
    clearTimeout(open.idle);
    const output = new ServiceOutput(service.log);
    // sshd writes all that it has to say, good and bad, to its standard error.
    const onOutput: SpawnRequest['onOutput'] = (_stream, chunk, source) =>
      output.write('stdout', chunk, source);
    const over = (how: string): void => {
      open.connections.delete(number);
      service.tell(`connection ${number} ${how}`);
      if (open.phase !== 'open') return;
      if (isLeft(open)) void this.#end(open, 'its last user has left');
      else this.#watchIdleness(open);
    };
    const request = {
      ...what,
      cwd: '/',
      root: sys.path(BREAKGLASS_PATHS.root),
      onOutput,
      onExit: () => over('closed'),
      onClose: () => output.end(),
    };
    try {
      await tree.startInside(() => withOomScore(sys, service.spec, () => sys.spawn(request)));
    } catch (error) {
      over(`failed: ${describeError(error)}`);
      throw error;
    }
  }

  #end(open: Open, why: string): Promise<void> {
    open.ended ??= this.#takeDown(open, why).catch((error: unknown) => {
      this.#device.warn(`The break-glass session has left something behind: ${describeError(error)}`);
    });
    return open.ended;
  }

  async #takeDown(open: Open, why: string): Promise<void> {
    const { sys, supervisor } = this.#device;
    clearTimeout(open.lifetime);
    clearTimeout(open.idle);
    for (const timer of open.coming.values()) clearTimeout(timer);
    this.#say(`ends: ${why}`);
    const isInUse = open.phase === 'open' && open.connections.size > 0;
    open.phase = 'ending';
    open.socket?.close();
    try {
      if (isInUse) {
        await tellTerminals((path) => sys.path(path), `The break-glass session ends: ${why}`);
        await sleep(LAST_WORD_MS);
      }
      if (open.service !== undefined) {
        const gone = supervisor.dismiss(open.service);
        // Shells and what they have started are not asked: they have had the last word.
        await open.service.kill(`the session ends: ${why}`);
        await gone;
        if (!(await endGuests(sys)))
          throw new Error('a process in the sandbox of an app hangs in the kernel');
      }
    } finally {
      // Whatever hangs there: the next session is not to be mounted over this one.
      await removeSessionRoot(sys, open.isMounted).finally(() => {
        this.#open = undefined;
        this.#say('closed');
      });
      dropCoreDumps(sys);
      giveMemoryBackSoon();
    }
  }

  #serviceSpec({ listen }: OpenBreakglass): ServiceSpec {
    const apps = this.#device.supervisor
      .list()
      .flatMap(({ spec: { kind, name, user, dataDir } }) =>
        kind === 'system' ? [] : [`${name}:${user?.uid ?? 0}:${dataDir}`],
      );
    return {
      name: BREAKGLASS,
      kind: 'system',
      argv: ['/usr/lib/tskrazy/session', listen ? 'listen' : 'wait'],
      env: { [APPS_VARIABLE]: apps.join(' ') },
      dataDir: `/perm/${BREAKGLASS}`,
      restart: 'always',
      autostart: false,
      stopTimeoutSec: 1,
      diesFirst: true,
      limits: {
        maxProcesses: MAX_PROCESSES,
        memoryBytes: Math.floor(totalmem() / PROCESS_MEMORY_SHARE),
      },
    };
  }

  #say(text: string): void {
    this.#device.log.say(`break-glass: ${text}`);
  }
}

/** Whether all who have opened or joined it have left, and nobody is to come. */
function isLeft({ holders, facts, connections }: Open): boolean {
  return holders === 0 && !facts.staysOpen && connections.size === 0;
}

/** A session may be ended while it starts. */
function requireGoingOn({ ended: end }: Open): void {
  if (end !== undefined) throw ended();
}

function busy({ who, from }: OpenBreakglass): ApiRefusal {
  return new ApiRefusal('breakglass-busy', `${who} has opened a session from ${from}`);
}

function ended(): ApiRefusal {
  return new ApiRefusal('breakglass-ended', 'This break-glass session is over');
}

function describeTime(sec: number): string {
  return sec % 3600 === 0 ? `${sec / 3600} h` : sec % 60 === 0 ? `${sec / 60} min` : `${sec} s`;
}

/** The terminals of shells: those that sshd and web have made are the only ones, as sandboxes of apps have their own. */
async function tellTerminals(place: (path: string) => string, text: string): Promise<void> {
  const directory = place('/dev/pts');
  let names: string[] = [];
  try {
    names = readdirSync(directory).filter((name) => /^\d+$/.test(name));
  } catch {
    return;
  }
  const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
  await Promise.all(
    names.map(async (name) => {
      try {
        await using terminal = await open(`${directory}/${name}`, flags);
        await terminal.write(`\r\n*** ${text} ***\r\n`);
      } catch {
        // One that is not read from, or has gone meanwhile.
      }
    }),
  );
}
