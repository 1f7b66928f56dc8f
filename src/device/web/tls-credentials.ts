// The certificates that the page shows: the device's own, and that of the user's where there is one. They are read when
// somebody first connects, as loading node:tls takes memory and time; the user's again when its files change.

import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';

import { type DeviceTls, IDENTITY_PATH, IDENTITY_SERVER_NAME } from '../../shared/services/device-tls.ts';
import type { PageCertificate } from '../../shared/api/web-api.ts';
import { logError, logLine } from './log.ts';

/** How long a browser may come back with a ticket. Nothing is kept here for it. */
const TICKET_SEC = 3600;

export class TlsCredentials {
  readonly #config: DeviceTls;
  readonly #identityPath: string;
  #identity: SecureContext | undefined;
  #own: { context: SecureContext; fingerprint: string } | undefined;
  /** What the user's files were like when they were last read. */
  #ownVersion: string | undefined;

  constructor(config: DeviceTls, identityPath = IDENTITY_PATH) {
    this.#config = config;
    this.#identityPath = identityPath;
  }

  /** For a client that asks for `serverName`. */
  contextFor(serverName: string): SecureContext {
    const own = serverName === IDENTITY_SERVER_NAME ? undefined : this.#readOwn();
    return own?.context ?? this.#readIdentity();
  }

  /** What browsers are shown. */
  describe(): PageCertificate {
    const { port, fingerprint } = this.#config;
    const own = this.#readOwn();
    return { port, fingerprint: own?.fingerprint ?? fingerprint, isOwn: own !== undefined };
  }

  #readIdentity(): SecureContext {
    const read = (): SecureContext => {
      const pem = readFileSync(this.#identityPath);
      return makeContext(pem, pem);
    };
    this.#identity ??= read();
    return this.#identity;
  }

  /** undefined: there is none, or none that could be used so far. */
  #readOwn(): { context: SecureContext; fingerprint: string } | undefined {
    const paths = this.#config.own;
    if (paths === undefined) return undefined;
    const { certificatePath, keyPath } = paths;
    const version = `${versionOf(certificatePath)} ${versionOf(keyPath)}`;
    if (version === this.#ownVersion) return this.#own;
    this.#ownVersion = version;
    try {
      const certificate = readFileSync(certificatePath);
      const context = makeContext(certificate, readFileSync(keyPath));
      this.#own = { context, fingerprint: new X509Certificate(certificate).fingerprint256 };
      logLine(`Browsers are shown the certificate in ${certificatePath}`);
    } catch (error) {
      // Between two writes of whoever renews them, they do not belong together.
      const instead = this.#own === undefined ? "the device's own" : 'the one before';
      logError(`Cannot use ${certificatePath} with ${keyPath}; browsers are shown ${instead}`, error);
    }
    return this.#own;
  }
}

function makeContext(cert: Buffer, key: Buffer): SecureContext {
  return createSecureContext({ cert, key, minVersion: 'TLSv1.3', sessionTimeout: TICKET_SEC });
}

/** Changes with the file, also when it is replaced by one of the same size. */
function versionOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
  return stat === undefined ? 'none' : `${stat.ino}:${stat.size}:${stat.mtimeNs}`;
}
