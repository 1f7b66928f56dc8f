// Finds the handler of a request in a table. Paths are compared segment by segment as they were sent:
// nothing is normalized and nothing ever becomes the path of a file, so `..` is just a name that no
// route has (gokrazy: W-7).

import { HttpError } from './http-error.ts';

/** `open`: anybody; `read`: a person who logged in; `change`: and not from another site's page. */
export type Access = 'open' | 'read' | 'change';

export interface Route<Handler> {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Segments that begin with `:` match anything and are given to the handler by that name. */
  path: string;
  access: Access;
  handler: Handler;
  /** Size of the body as it is sent. Absent: MAX_BODY_BYTES. */
  maxBodyBytes?: number;
}

export interface Match<Handler> {
  route: Route<Handler>;
  params: Readonly<Record<string, string>>;
}

function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    const value = given[index] ?? '';
    if (!segment.startsWith(':')) {
      if (segment !== value) return undefined;
      continue;
    }
    try {
      params[segment.slice(1)] = decodeURIComponent(value);
    } catch {
      // A percent sign that encodes nothing: no name has it.
      return undefined;
    }
  }
  return params;
}

/** Throws HttpError 404 or 405. A HEAD request finds the GET route; node:http drops the body. */
export function findRoute<Handler>(
  routes: readonly Route<Handler>[],
  method: string,
  path: string,
): Match<Handler> {
  const allowed: string[] = [];
  for (const route of routes) {
    const params = matchPath(route.path, path);
    if (!params) continue;
    if (method === route.method || (method === 'HEAD' && route.method === 'GET')) return { route, params };
    allowed.push(...(route.method === 'GET' ? ['GET', 'HEAD'] : [route.method]));
  }
  if (allowed.length === 0) throw new HttpError('no-such-address', 'There is nothing at this address');
  throw new HttpError('wrong-method', `This address does not answer to ${method}`, {
    headers: { Allow: allowed.join(', ') },
  });
}
