// What init knows of a break-glass session, without mounts and processes.

import {
  type BreakglassSession,
  type JoinBreakglass,
  type OpenBreakglass,
  SSH_PORT,
} from '../../../src/shared/breakglass/breakglass-api.ts';

export class FakeBreakglass {
  session: BreakglassSession | null = null;
  /** What was asked of it, by name: `start`. */
  readonly acts: [name: string, body: unknown][] = [];

  /** The answer's body; undefined: there is no such session. */
  act(name: string, body: unknown): unknown {
    this.acts.push([name, body]);
    if (name === 'open') {
      const { lifetimeSec, listen, ...facts } = body as OpenBreakglass;
      const openedAtMs = Date.now();
      this.session = {
        ...facts,
        phase: 'receiving',
        openedAtMs,
        endsAtMs: openedAtMs + lifetimeSec * 1000,
        listensOn: listen ? SSH_PORT : null,
        connections: 0,
      };
    } else if (name === 'close') {
      this.session = null;
      return {};
    } else if (this.session?.id !== (body as JoinBreakglass).id) return undefined;
    if (name === 'start' && this.session) this.session.phase = 'open';
    return name === 'announce' || name === 'terminal' ? {} : this.session;
  }
}
