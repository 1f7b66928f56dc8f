// Whether a page of a virtual machine answers, asked again and again while the machine boots.

import { http } from '../http.ts';

/**
 * QEMU takes a connection long before anybody listens in the guest and does not pass it on later, hence the limit.
 * Much shorter ones leave it with so many half-open connections that those to come are slow (seen: 90 s).
 */
export function answers(url: string | URL, limitMs = 5000): Promise<boolean> {
  return new Promise((resolve) => {
    // fetch would ask a proxy for what is on this computer, where NODE_USE_ENV_PROXY is set.
    const request = http.get(url, { agent: false, signal: AbortSignal.timeout(limitMs) });
    request.on('response', (answer) => {
      answer.on('error', () => resolve(false)).on('end', () => resolve(isSuccess(answer.statusCode)));
      answer.resume();
    });
    // Nothing answers yet.
    request.on('error', () => resolve(false)).on('close', () => resolve(false));
  });
}

function isSuccess(status = 0): boolean {
  return status >= 200 && status < 300;
}
