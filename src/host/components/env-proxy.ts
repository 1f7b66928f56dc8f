// The proxy for downloads, as the environment names it to npm, Go and curl alike.

import { http } from '../http.ts';
import { UserError } from '../user-error.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Go through no proxy either (Go's net/http, ProxyFromEnvironment). */
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

let isFollowed = false;

/**
 * From now on `fetch` asks the proxy of http_proxy, https_proxy and no_proxy. Other requests of this program are for
 * devices and virtual machines, and take no part in it. Throws UserError when a variable names no proxy.
 */
export function followProxyEnvironment(): void {
  if (isFollowed) return;
  const proxy = proxyOf(process.env);
  // The call is not there before Node 24.14.
  if (proxy !== undefined) http.setGlobalProxyFromEnv?.(proxy);
  isFollowed = true;
}

/** What to do when a download fails for want of the proxy. */
export function proxyHint(): string | undefined {
  const isUsed = 'setGlobalProxyFromEnv' in http || process.env['NODE_USE_ENV_PROXY'] === '1';
  if (isUsed || proxyOf(process.env) === undefined) return undefined;
  return `Node ${process.versions.node} does not use the proxy that the environment names: take Node 24.14 or later`;
}

/** undefined: there is none. */
export function proxyOf(environment: Environment): Record<string, string> | undefined {
  const proxies = ['http_proxy', 'https_proxy'].flatMap((name) => {
    const value = read(environment, name);
    return value === undefined ? [] : [[name, withScheme(name, value)] as const];
  });
  if (proxies.length === 0) return undefined;
  const exceptions = read(environment, 'no_proxy');
  const noProxy = exceptions === '*' ? exceptions : [exceptions ?? [], LOOPBACK].flat().join(',');
  return { ...Object.fromEntries(proxies), no_proxy: noProxy };
}

function read(environment: Environment, name: string): string | undefined {
  const value = environment[name] ?? environment[name.toUpperCase()];
  return value === undefined || value.trim() === '' ? undefined : value.trim();
}

/** `proxy.example:3128` is enough elsewhere. */
function withScheme(name: string, value: string): string {
  const url = value.includes('://') ? value : `http://${value}`;
  if (/^https?:\/\//i.test(url) && URL.canParse(url)) return url;
  throw new UserError(`Cannot download: the variable ${name} names no HTTP proxy`, {
    hint: 'Set it to an address such as http://proxy.example:3128, or unset it',
  });
}
