// Listening sockets that a service is handed at its start. init opens them before any app exists and keeps them
// until the device goes down: nobody else can ever have such a port, and who connects while the service restarts
// waits in the kernel for its next process. Pure.
//
// The process has them as its descriptors from 3 on. Their names, in that order, are in TSK_LISTEN, with colons
// between ("http:https"). This is systemd's LISTEN_FDS and LISTEN_FDNAMES in one variable, under another name: who reads
// those wants LISTEN_PID too, the process's own number, which nobody knows before the process is there.

export const LISTEN_VARIABLE = 'TSK_LISTEN';

/** A TCP port, on all addresses of both families. */
export interface ListenSpec {
  /** What the service knows the socket by: letters, digits and "-". */
  name: string;
  port: number;
}

const FIRST_FD = 3;

/** Sockets of the page, as tskrazy.json or its defaults have it; no app can have these ports. */
export function pageSockets({
  port = 80,
  tls = 'on',
  tlsPort = 443,
}: { port?: number; tls?: string; tlsPort?: number } = {}): ListenSpec[] {
  const plain = { name: 'http', port };
  return tls === 'off' ? [plain] : [plain, { name: 'https', port: tlsPort }];
}

export function listenEnvironment(names: readonly string[]): Record<string, string> {
  return names.length === 0 ? {} : { [LISTEN_VARIABLE]: names.join(':') };
}

/** Descriptor of the socket by that name; undefined when this process was not given it. */
export function inheritedSocket(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
): number | undefined {
  const index = (env[LISTEN_VARIABLE] ?? '').split(':').indexOf(name);
  return index < 0 ? undefined : FIRST_FD + index;
}
