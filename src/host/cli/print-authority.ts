// What tsk key ca does.

import { X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { readAuthorities } from '../config/known-authorities.ts';
import { openInstance } from '../config/instance.ts';
import { openSecrets } from '../config/instance-secrets.ts';
import { writeProblem } from '../files/write-problem.ts';
import { UserError } from '../user-error.ts';
import type { Session } from './session.ts';

export async function printAuthority(
  { instanceDirectory, output }: Session,
  file: string | undefined,
): Promise<void> {
  const instance = await openInstance(instanceDirectory);
  const known = await readAuthorities(instance);
  const notice = (text: string): void => output.notice(text);
  const pem =
    known[0]?.toString() ??
    (await openSecrets(instance, { for: 'device', notice })).identity.authority.certificate;
  const certificate = pem.trim();
  const { fingerprint256 } = new X509Certificate(certificate);
  const value = { certificate, fingerprint: fingerprint256, file: file ?? null };
  if (file === undefined) {
    output.result(value, certificate);
    output.notice(`\n${howToImport('FILE', 'Write it to a file ("tsk key ca FILE"), and import that')}`);
    return;
  }
  await write(file, certificate);
  const title = `Wrote the certificate (SHA-256 ${fingerprint256}). Import it once`;
  output.result(value, howToImport(file, title));
}

/** No web page explains it for all of them. */
function howToImport(file: string, title: string): string {
  const crt = file.includes(' ') ? `"${file}"` : file;
  return `${title}:
  Firefox          Settings, Privacy & Security, View Certificates, Authorities, Import; tick "identify websites"
  Chrome on Linux  chrome://certificate-manager, Local certificates, Custom, Trusted Certificates, Import
  Windows          certutil -user -addstore Root ${crt}
  macOS            security add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db ${crt}
  Debian, Ubuntu   sudo install -m 644 ${crt} /usr/local/share/ca-certificates/ && sudo update-ca-certificates
The last three count for all programs of the system that go by its certificates, curl among them.`;
}

async function write(file: string, certificate: string): Promise<void> {
  try {
    await writeFile(file, `${certificate}\n`);
  } catch (cause) {
    const problem = writeProblem(cause);
    if (problem === undefined) throw cause;
    throw new UserError(`Cannot write the certificate to "${file}": ${problem}`, {
      cause,
      hint: 'Name another file.',
    });
  }
}
