// The identity of an instance's devices, by which `tsk` knows them: a certificate authority of the instance's own, and
// a key with a certificate that it signs and that every image has. They are made once, like the update key: a build that
// made them anew would not be reproducible. Equal devices of an instance share them.
//
//   identity-ca.pem        key and certificate of the authority
//   identity.pem           key and certificate of the device
//   identity-previous.pem  certificates of authorities before, while devices may still be there that have nothing newer

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../user-error.ts';
import { readFileIfPresent, readOrCreatePrivateFile, replacePrivateFile } from '../../files/private-file.ts';
import type { CertifiedKey } from './certificate.ts';
import { type DeviceNames, deviceNames, type NamedDevice } from './device-names.ts';

export interface DeviceIdentity {
  authority: CertifiedKey;
  device: CertifiedKey;
  /** Certificates of authorities that were before, in PEM. */
  previous: readonly string[];
}

/** As much of an instance as says where its identity lies. */
interface State {
  stateDirectory: string;
}

/** As much of an instance as its identity is made from. */
interface Owner extends State {
  config: NamedDevice;
}

const DAY_MS = 86_400_000;
/** Who updates a device once a year never has one whose certificate is over. `tsk` itself looks at no dates. */
const RENEW_BEFORE_DAYS = 400;

/** Makes what is missing; renews the device's certificate when its names are others or its end is near. */
export async function ensureIdentity(
  instance: Owner,
  options: { notice: (text: string) => void; nowMs?: number },
): Promise<DeviceIdentity> {
  const { notice, nowMs = Date.now() } = options;
  const names = deviceNames(instance.config);
  const present = await readIdentity(instance);
  if (present !== undefined && isCurrent(present, names, nowMs)) return present;
  const { makeAuthority, maySign } = await import('./certificate.ts');
  const path = authorityPath(instance);
  const kept = await readOrCreatePrivateFile(path, () => formatIdentity(makeAuthority(names, nowMs)));
  if (maySign(parseIdentity(kept, path).certificate, names)) {
    // Of two first builds at once, both take what one of them has made.
    const keep = present === undefined ? readOrCreatePrivateFile : replaceDevice;
    return renewDevice(instance, names, { nowMs, keep });
  }
  notice(
    `The names of "${instance.config.hostname}" have changed, so that its certificates come from a new authority: import it\n` +
      'again where you have imported the one before ("tsk key ca").',
  );
  return replaceIdentity(instance, names, nowMs);
}

/** undefined: it was never made here, or not all of it. */
export async function readIdentity(state: State): Promise<DeviceIdentity | undefined> {
  const authority = await readFileIfPresent(authorityPath(state));
  const device = await readFileIfPresent(devicePath(state));
  if (authority === undefined || device === undefined) return undefined;
  return {
    authority: parseIdentity(authority, authorityPath(state)),
    device: parseIdentity(device, devicePath(state)),
    previous: await readPrevious(state),
  };
}

/** The authority becomes a previous one, and a new one is made. */
export async function rotateIdentity(instance: Owner, nowMs = Date.now()): Promise<DeviceIdentity> {
  return replaceIdentity(instance, deviceNames(instance.config), nowMs);
}

/** From now on `tsk` knows devices by the present authority only. */
export async function retireIdentity(state: State): Promise<void> {
  await rm(previousPath(state), { force: true });
}

/** Puts an identity in the place of the one that is there. */
export async function writeIdentity(state: State, identity: DeviceIdentity): Promise<void> {
  if (identity.previous.length === 0) await retireIdentity(state);
  else await replacePrivateFile(previousPath(state), identity.previous.join('\n'));
  await replacePrivateFile(authorityPath(state), formatIdentity(identity.authority));
  await replacePrivateFile(devicePath(state), formatIdentity(identity.device));
}

/** Key and certificate, as a file has them. */
export function formatIdentity({ privateKey, certificate }: CertifiedKey): string {
  return `${privateKey}\n${certificate}`;
}

/** `path` is what the text came by, for messages. */
export function parseIdentity(text: string, path: string): CertifiedKey {
  const [privateKey] = /-----BEGIN PRIVATE KEY-----[\s\S]*?-----END PRIVATE KEY-----/.exec(text) ?? [];
  const [certificate] = certificatesIn(text);
  try {
    if (privateKey !== undefined && certificate !== undefined) {
      const isPair = new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey));
      if (isPair) return { privateKey, certificate };
    }
  } catch {
    // Cut off, or edited.
  }
  throw new UserError(`Cannot use the identity in "${path}": it is no key with its certificate in PEM`, {
    hint:
      'Put it back from a copy ("tsk key import FILE"). Without a copy, delete the file to have another made: devices that\n' +
      'are there then need "--insecure-http" or "tsk flash", as tsk does not know them any more.',
  });
}

export function certificatesIn(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
}

function isCurrent({ authority, device }: DeviceIdentity, names: DeviceNames, nowMs: number): boolean {
  const certificate = new X509Certificate(device.certificate);
  return (
    new Date(certificate.validTo).getTime() - nowMs > RENEW_BEFORE_DAYS * DAY_MS &&
    isNamed(certificate, names) &&
    certificate.verify(new X509Certificate(authority.certificate).publicKey)
  );
}

/** Whether it has these names and no others. */
function isNamed({ subjectAltName = '' }: X509Certificate, names: DeviceNames): boolean {
  const said = subjectAltName.split(', ').map((name) => name.replace(/^(?:DNS|IP Address):/, ''));
  const known = [...names.dns, ...names.addresses];
  const plain = new Set(known.map(withoutShortForm));
  return said.length === known.length && said.every((name) => plain.has(withoutShortForm(name)));
}

/** Node.js writes the zeros of IPv6 addresses, and people do not. */
function withoutShortForm(name: string): string {
  return name.includes(':') ? new URL(`http://[${name}]`).hostname : name;
}

async function renewDevice(
  state: State,
  names: DeviceNames,
  { nowMs, keep }: { nowMs: number; keep: typeof readOrCreatePrivateFile },
): Promise<DeviceIdentity> {
  const { makeDeviceCertificate } = await import('./certificate.ts');
  const path = authorityPath(state);
  const authority = parseIdentity((await readFileIfPresent(path)) ?? '', path);
  const signer = { ...authority, privateKey: createPrivateKey(authority.privateKey) };
  const text = await keep(devicePath(state), () =>
    formatIdentity(makeDeviceCertificate(names, signer, nowMs)),
  );
  return {
    authority,
    device: parseIdentity(text, devicePath(state)),
    previous: await readPrevious(state),
  };
}

async function replaceDevice(path: string, make: () => string): Promise<string> {
  const text = make();
  await replacePrivateFile(path, text);
  return text;
}

async function replaceIdentity(state: State, names: DeviceNames, nowMs: number): Promise<DeviceIdentity> {
  const { makeAuthority } = await import('./certificate.ts');
  const present = await readFileIfPresent(authorityPath(state));
  const previous = [...new Set([...certificatesIn(present ?? ''), ...(await readPrevious(state))])];
  // The old one has its second place before it loses the first: cut off in between, nothing is lost.
  if (previous.length > 0) await replacePrivateFile(previousPath(state), previous.join('\n'));
  await replacePrivateFile(authorityPath(state), formatIdentity(makeAuthority(names, nowMs)));
  return renewDevice(state, names, { nowMs, keep: replaceDevice });
}

async function readPrevious(state: State): Promise<string[]> {
  return certificatesIn((await readFileIfPresent(previousPath(state))) ?? '');
}

function authorityPath({ stateDirectory }: State): string {
  return join(stateDirectory, 'identity-ca.pem');
}

function devicePath({ stateDirectory }: State): string {
  return join(stateDirectory, 'identity.pem');
}

function previousPath({ stateDirectory }: State): string {
  return join(stateDirectory, 'identity-previous.pem');
}
