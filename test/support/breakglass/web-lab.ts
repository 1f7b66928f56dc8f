// The web server of a device whose init is played, and who has or lacks a key for break-glass sessions on it.

import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { tarEnd, type TarEntry, tarHeader, tarPadding } from '../../../src/formats/ustar.ts';
import {
  BREAKGLASS_API,
  BREAKGLASS_PATHS,
  type OpenedSession,
} from '../../../src/shared/breakglass/breakglass-api.ts';
import type { BreakglassRequest } from '../../../src/shared/breakglass/breakglass-request.ts';
import { keyIdOf, type TrustedKey } from '../../../src/shared/manifest/manifest-signature.ts';
import { type PermitChallenge, PERMITS_PATH } from '../../../src/shared/permit/permit-api.ts';
import { type Permit, permitText, type PermitTerms } from '../../../src/shared/permit/permit.ts';
import { type Answer, ask, basic } from '../web/http-ask.ts';
import { startWebDevice, TEST_PASSWORD, type WebDevice, type WebDeviceOptions } from '../web/web-device.ts';

export const MAX_ENTRIES = 100;
export const SSH_KEY = `ssh-ed25519 ${'A'.repeat(68)}`;
export const OWN = drawKey();
export const OTHER = drawKey();

export function drawKey(): { privateKey: KeyObject; trusted: TrustedKey } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const bytes = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  return { privateKey, trusted: { id: keyIdOf(bytes), publicKey: bytes.toString('base64') } };
}

export function tarOf(...entries: (Partial<TarEntry> & { path: string; content?: string })[]): Buffer {
  const parts = entries.flatMap(({ content = '', ...entry }) => {
    const whole = { kind: 'file', mode: 0o644, sizeBytes: content.length, target: '', ...entry } as const;
    return [tarHeader(whole), Buffer.from(content), tarPadding(whole.sizeBytes)];
  });
  return Buffer.concat([...parts, tarEnd()]);
}

export const TOOLBOX = zstdCompressSync(tarOf({ path: 'usr/sbin/sshd', mode: 0o4755, content: 'sshd' }));

export class Lab {
  readonly device: WebDevice;
  readonly directory: string;
  /** What the challenges take for the present. */
  readonly now: { ms: number };

  private constructor(device: WebDevice, directory: string, now: { ms: number }) {
    this.device = device;
    this.directory = directory;
    this.now = now;
  }

  static async start(
    t: TestContext,
    trustedKeys: readonly TrustedKey[] = [OWN.trusted],
    options: WebDeviceOptions = {},
  ): Promise<Lab> {
    const directory = mkdtempSync(join(tmpdir(), 'tsk-glass-'));
    const place = (path: string): string => join(directory, path);
    mkdirSync(place(join(BREAKGLASS_PATHS.memory, 'lower')), { recursive: true });
    const { config, ...rest } = options;
    const now = { ms: 0 };
    const device = await startWebDevice({
      ...rest,
      config: { update: { trustedKeys }, ...config },
      permits: { now: () => now.ms },
      breakglass: { place, maxEntries: MAX_ENTRIES },
    });
    const lab = new Lab(device, directory, now);
    t.after(async () => {
      await device.close();
      rmSync(directory, { recursive: true });
    });
    return lab;
  }

  get unpacked(): string {
    return join(this.directory, BREAKGLASS_PATHS.memory, 'lower');
  }

  get(path: string): Promise<Answer> {
    return ask(this.device.url, path, { headers: basic(TEST_PASSWORD) });
  }

  sendToolbox(id: string): Promise<Answer> {
    return this.send(id, TOOLBOX);
  }

  async post(path: string, body?: unknown, origin?: string): Promise<Answer> {
    return ask(this.device.url, path, {
      method: 'POST',
      headers: {
        ...basic(TEST_PASSWORD),
        'Content-Type': 'application/json',
        ...(origin !== undefined && { Origin: origin }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }

  /** What is to be signed. `request`: changes of what is asked for. */
  async terms(
    request: Partial<BreakglassRequest> = {},
    change: Partial<PermitTerms> = {},
  ): Promise<PermitTerms> {
    const answer = await this.post(PERMITS_PATH);
    assert.equal(answer.status, 201, answer.body);
    const { challenge, hostname, bootId } = answer.json() as PermitChallenge;
    const wanted: BreakglassRequest = {
      toolboxSha256: createHash('sha256').update(TOOLBOX).digest('hex'),
      lifetimeSec: 3600,
      staysOpen: false,
      listen: false,
      sshKeys: [SSH_KEY],
      client: 'me@laptop',
      ...request,
    };
    return {
      purpose: 'breakglass',
      challenge,
      hostname,
      bootId,
      request: JSON.stringify(wanted),
      ...change,
    };
  }

  async open(terms: PermitTerms, by = OWN): Promise<Answer> {
    return this.post(BREAKGLASS_API.session, permitOf(terms, by));
  }

  async openRightly(change: Partial<BreakglassRequest> = {}): Promise<OpenedSession> {
    const answer = await this.open(await this.terms(change));
    assert.equal(answer.status, 201, answer.body);
    return answer.json() as OpenedSession;
  }

  async send(id: string, body: Uint8Array): Promise<Answer> {
    return ask(this.device.url, BREAKGLASS_API.toolbox(id), {
      method: 'PUT',
      headers: { ...basic(TEST_PASSWORD), 'Content-Encoding': 'zstd', 'Content-Length': body.length },
      body,
    });
  }
}

export function permitOf(terms: PermitTerms, { privateKey, trusted }: typeof OWN): Permit {
  const { purpose, challenge, request } = terms;
  const signature = sign(null, permitText(terms), privateKey).toString('base64');
  return { purpose, challenge, request, signatures: [{ keyId: trusted.id, signature }] };
}

export function codeOf(answer: Answer): string {
  return (answer.json() as { error: { code: string } }).error.code;
}
