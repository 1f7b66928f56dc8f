// Starts processes through libuv and knows which are ours: libuv waits for those, and nobody else may.
// Outputs are real pipes: libuv's own "pipes" are sockets, and `echo > /dev/stderr` fails on a socket.

import { spawn as spawnChild, type ChildProcess } from 'node:child_process';
import { closeSync, fchownSync, openSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { bindLibc } from './libc.ts';
import type { OutputSource, ProgramResult, SpawnedProcess, SpawnRequest } from './sys.ts';

const O_CLOEXEC = 0o2000000;
const OUTPUT_OF_RUN_BYTES = 16 * 1024;

const pipe2 = bindLibc('pipe2', ['buffer', 'int32']);
const chroot = bindLibc('chroot', ['string']);
const fchdir = bindLibc('fchdir', ['int32']);

/**
 * One for all outputs: each is used up before the next is read. A buffer for every read, as Node does it by
 * itself, let a service that floods its output grow init by 70 MB.
 */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

const ownChildren = new Set<number>();

export function isOwnChild(pid: number): boolean {
  return ownChildren.has(pid);
}

/** The process exists before the first await: a caller may change what it inherits around the call. */
export async function spawnProcess(request: SpawnRequest): Promise<SpawnedProcess> {
  using readEnds = new DisposableStack();
  const { child, stdout, stderr } = startChild(request, readEnds);
  const { pid } = child;
  if (pid === undefined) throw await spawnError(child, request);
  // The sockets close them from here on.
  readEnds.move();
  trackExit(child, pid, request.onExit);
  const outputs = [
    readOutput(stdout, (chunk, source) => request.onOutput('stdout', chunk, source)),
    readOutput(stderr, (chunk, source) => request.onOutput('stderr', chunk, source)),
  ];
  void Promise.all([exited(child), ...outputs.map(closed)]).then(request.onClose);
  return {
    pid,
    closeOutput: () => outputs.forEach((output) => output.destroy()),
  };
}

/** Some failures are thrown (an environment that is too large), others are an event of the child. */
function startChild(
  request: SpawnRequest,
  readEnds: DisposableStack,
): { child: ChildProcess; stdout: number; stderr: number } {
  const [program, ...args] = request.argv;
  if (program === undefined) throw new TypeError('Cannot start a process: argv is empty');
  using writeEnds = new DisposableStack();
  const [stdout, stderr] = [openPipe(readEnds, writeEnds), openPipe(readEnds, writeEnds)];
  const { outputOwner, connection, inherit = [] } = request;
  if (outputOwner !== undefined) {
    for (const { writeEnd } of [stdout, stderr]) fchownSync(writeEnd, outputOwner, outputOwner);
  }
  const extraInputs = (request.extraInputs ?? []).map((content) => openFilledPipe(content, writeEnds));
  const child = insideRoot(request.root, () => {
    try {
      return spawnChild(program, args, {
        cwd: request.cwd,
        env: request.env,
        detached: true,
        stdio: [
          connection ?? 'ignore',
          connection ?? stdout.writeEnd,
          stderr.writeEnd,
          ...inherit,
          ...extraInputs,
        ],
      });
    } catch (cause) {
      throw describeStart(request, cause as NodeJS.ErrnoException);
    }
  });
  return { child, stdout: stdout.readEnd, stderr: stderr.readEnd };
}

/**
 * libuv has no option for it, so this process goes in, forks, and goes out again before anything else happens in its
 * thread. To what other threads open meanwhile it makes no difference: they have to do with /perm, /run and the
 * kernel's file systems, which are the same in there.
 */
function insideRoot<T>(root: string | undefined, start: () => T): T {
  if (root === undefined) return start();
  const [ownRoot, ownDirectory] = ['/', '.'].map((path) => openSync(path, 'r')) as [number, number];
  try {
    chroot(root);
    try {
      return start();
    } finally {
      fchdir(ownRoot);
      chroot('.');
      fchdir(ownDirectory);
    }
  } finally {
    closeSync(ownRoot);
    closeSync(ownDirectory);
  }
}

/** Never rejects: what went wrong is in the result. */
export async function runProgram(argv: readonly string[], timeLimitMs: number): Promise<ProgramResult> {
  const result: ProgramResult = { exitCode: null, output: '' };
  const done = Promise.withResolvers<void>();
  const request: SpawnRequest = {
    argv,
    env: { PATH: '/tsk/bin:/bin' },
    cwd: '/',
    onOutput: (_stream, chunk) => {
      result.output = (result.output + chunk.toString()).slice(-OUTPUT_OF_RUN_BYTES);
    },
    onExit: (exit) => {
      result.exitCode = exit.code;
    },
    onClose: () => done.resolve(),
  };
  try {
    const child = await spawnProcess(request);
    const timer = setTimeout(() => {
      result.output += `\nkilled: not done after ${timeLimitMs / 1000} s`;
      process.kill(-child.pid, 'SIGKILL');
    }, timeLimitMs);
    await done.promise;
    clearTimeout(timer);
  } catch (error) {
    result.output += error instanceof Error ? error.message : String(error);
  }
  return result;
}

function trackExit(child: ChildProcess, pid: number, onExit: SpawnRequest['onExit']): void {
  ownChildren.add(pid);
  child.once('exit', (code, signal) => {
    ownChildren.delete(pid);
    onExit({ code, signal });
  });
  // Errors after the start come from kill() through ChildProcess, which nobody uses.
  child.on('error', () => {});
}

/** Node says by an event why a start failed, and blames the program when the directory is missing. */
function spawnError(child: ChildProcess, request: SpawnRequest): Promise<Error> {
  return new Promise((resolve) => {
    child.once('error', (cause: NodeJS.ErrnoException) => resolve(describeStart(request, cause)));
  });
}

function describeStart({ argv, cwd }: SpawnRequest, cause: NodeJS.ErrnoException): Error {
  const reason =
    cause.code === 'E2BIG' ? 'its arguments or environment are too large' : (cause.code ?? cause.message);
  return new Error(`Cannot execute "${argv[0] ?? ''}" in "${cwd}": ${reason}`, { cause });
}

function openPipe(
  readEnds: DisposableStack,
  writeEnds: DisposableStack,
): { readEnd: number; writeEnd: number } {
  const ends = new Int32Array(2);
  pipe2(new Uint8Array(ends.buffer), O_CLOEXEC);
  const [readEnd, writeEnd] = ends as Iterable<number> as [number, number];
  readEnds.defer(() => closeSync(readEnd));
  writeEnds.defer(() => closeSync(writeEnd));
  return { readEnd, writeEnd };
}

/** Returns the read end, which is closed with `ends`; the write end is closed already, so that whoever reads finds an end. */
function openFilledPipe(content: Uint8Array, ends: DisposableStack): number {
  using writeEnd = new DisposableStack();
  const pipe = openPipe(ends, writeEnd);
  writeSync(pipe.writeEnd, content);
  return pipe.readEnd;
}

function readOutput(fd: number, onChunk: (chunk: Buffer, source: OutputSource) => void): Socket {
  const socket = new Socket({
    fd,
    readable: true,
    writable: false,
    onread: {
      buffer: readBuffer,
      callback(length) {
        onChunk(readBuffer.subarray(0, length), source);
        return true;
      },
    },
  });
  const source: OutputSource = {
    rest(forMs) {
      socket.pause();
      setTimeout(() => socket.resume(), forMs);
    },
  };
  // A read error ends the stream like a hang-up; 'close' follows.
  socket.on('error', () => {});
  socket.resume();
  return socket;
}

function exited(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}
