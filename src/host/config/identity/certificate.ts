// Writes the two X.509 certificates of an instance (RFC 5280): its certificate authority, and the device's, which that
// signs. ECDSA with P-256, because browsers take no ed25519. Keys and signatures are node:crypto's.

import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { BlockList } from 'node:net';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import * as x509 from '@peculiar/asn1-x509';
import type { DeviceNames } from './device-names.ts';

export interface CertifiedKey {
  /** PEM. */
  certificate: string;
  /** PKCS#8 in PEM. */
  privateKey: string;
}

const DAY_MS = 86_400_000;
/** Twenty years: who imports it into a browser does it once. */
const AUTHORITY_DAYS = 20 * 365;
/** Apple's systems refuse more than 825 days, also of certificates whose authority somebody has imported. */
const DEVICE_DAYS = 820;
/** Of these 820: for computers whose clock is behind. */
const EARLY_DAYS = 14;

const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const COMMON_NAME = '2.5.4.3';

/** What no name server of the internet leads to, so that an authority that may vouch for it endangers nobody else. */
const PRIVATE_NETWORKS = [
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
];

/**
 * Its certificate says for which names it may vouch: whoever imports it into a browser trusts it with this device and
 * with no other site, whoever may get hold of its key.
 */
export function makeAuthority(names: DeviceNames, nowMs: number): CertifiedKey {
  const key = drawKey();
  const networks = names.addresses.map((address) => `${address}/${address.includes(':') ? 128 : 32}`);
  const permitted = [
    ...names.dns.map((dNSName) => ({ dNSName })),
    ...[...PRIVATE_NETWORKS, ...networks].map((iPAddress) => ({ iPAddress })),
  ];
  const id = createHash('sha256').update(publicKeyOf(key)).digest('hex').slice(0, 8);
  // A common name has 64 characters at most, and a hostname alone may have as many.
  const subject = nameOf(`${names.hostname.slice(0, 40)} device CA ${id}`);
  const certificate = encodeCertificate({
    subject,
    issuer: subject,
    validity: { notBefore: nowMs - EARLY_DAYS * DAY_MS, notAfter: nowMs + AUTHORITY_DAYS * DAY_MS },
    publicKey: publicKeyOf(key),
    signingKey: key,
    extensions: [
      extension(x509.id_ce_basicConstraints, new x509.BasicConstraints({ cA: true, pathLenConstraint: 0 })),
      extension(x509.id_ce_keyUsage, new x509.KeyUsage(x509.KeyUsageFlags.keyCertSign)),
      extension(
        x509.id_ce_nameConstraints,
        new x509.NameConstraints({
          permittedSubtrees: new x509.GeneralSubtrees(
            permitted.map((name) => new x509.GeneralSubtree({ base: new x509.GeneralName(name) })),
          ),
        }),
      ),
      extension(x509.id_ce_subjectKeyIdentifier, keyIdentifierOf(key), false),
    ],
  });
  return { certificate, privateKey: formatKey(key) };
}

export function makeDeviceCertificate(
  names: DeviceNames,
  authority: { certificate: string; privateKey: KeyObject },
  nowMs: number,
): CertifiedKey {
  const key = drawKey();
  const issuer = AsnConvert.parse(derOf(authority.certificate), x509.Certificate).tbsCertificate.subject;
  const alternatives = [
    ...names.dns.map((dNSName) => ({ dNSName })),
    ...names.addresses.map((iPAddress) => ({ iPAddress })),
  ];
  const certificate = encodeCertificate({
    subject: nameOf(names.hostname),
    issuer,
    validity: {
      notBefore: nowMs - EARLY_DAYS * DAY_MS,
      notAfter: nowMs + (DEVICE_DAYS - EARLY_DAYS) * DAY_MS,
    },
    publicKey: publicKeyOf(key),
    signingKey: authority.privateKey,
    extensions: [
      extension(x509.id_ce_basicConstraints, new x509.BasicConstraints({ cA: false })),
      extension(x509.id_ce_keyUsage, new x509.KeyUsage(x509.KeyUsageFlags.digitalSignature)),
      extension(x509.id_ce_extKeyUsage, new x509.ExtendedKeyUsage([x509.id_kp_serverAuth]), false),
      extension(
        x509.id_ce_subjectAltName,
        new x509.SubjectAlternativeName(alternatives.map((name) => new x509.GeneralName(name))),
        false,
      ),
      extension(
        x509.id_ce_authorityKeyIdentifier,
        new x509.AuthorityKeyIdentifier({ keyIdentifier: keyIdentifierOf(authority.privateKey) }),
        false,
      ),
      extension(x509.id_ce_subjectKeyIdentifier, keyIdentifierOf(key), false),
    ],
  });
  return { certificate, privateKey: formatKey(key) };
}

/** Whether an authority may vouch for all these names; its certificate says for which. */
export function maySign(authority: string, names: DeviceNames): boolean {
  const { extensions = [] } = AsnConvert.parse(derOf(authority), x509.Certificate).tbsCertificate;
  const constraints = [...extensions].find(({ extnID }) => extnID === x509.id_ce_nameConstraints);
  if (constraints === undefined) return true;
  const { permittedSubtrees = [] } = AsnConvert.parse(constraints.extnValue, x509.NameConstraints);
  const permitted = [...permittedSubtrees].map(({ base }) => base);
  const isPermittedName = (name: string): boolean =>
    permitted.some(({ dNSName }) => dNSName === name || (dNSName && name.endsWith(`.${dNSName}`)));
  const networks = new BlockList();
  for (const { iPAddress = '' } of permitted) {
    const [network = '', prefix = ''] = iPAddress.split('/');
    if (network !== '') networks.addSubnet(network, Number(prefix), familyOf(network));
  }
  return (
    names.dns.every(isPermittedName) &&
    names.addresses.every((address) => networks.check(address, familyOf(address)))
  );
}

interface CertificatePlan {
  subject: x509.Name;
  issuer: x509.Name;
  validity: { notBefore: number; notAfter: number };
  publicKey: Uint8Array;
  signingKey: KeyObject;
  extensions: readonly x509.Extension[];
}

function encodeCertificate(plan: CertificatePlan): string {
  const algorithm = new x509.AlgorithmIdentifier({ algorithm: ECDSA_WITH_SHA256 });
  const { notBefore, notAfter } = plan.validity;
  const content = new x509.TBSCertificate({
    version: x509.Version.v3,
    serialNumber: positiveNumber(),
    signature: algorithm,
    issuer: plan.issuer,
    subject: plan.subject,
    validity: new x509.Validity({ notBefore: new Date(notBefore), notAfter: new Date(notAfter) }),
    subjectPublicKeyInfo: AsnConvert.parse(plan.publicKey, x509.SubjectPublicKeyInfo),
    extensions: new x509.Extensions([...plan.extensions]),
  });
  const signature = sign('sha256', Buffer.from(AsnConvert.serialize(content)), plan.signingKey);
  const certificate = new x509.Certificate({
    tbsCertificate: content,
    signatureAlgorithm: algorithm,
    signatureValue: bufferOf(signature),
  });
  return pemOf(Buffer.from(AsnConvert.serialize(certificate)));
}

/** Section 4.1.2.2: positive, at most 20 bytes, and not to be guessed. */
function positiveNumber(): ArrayBuffer {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bufferOf(bytes);
}

function nameOf(commonName: string): x509.Name {
  const value = new x509.AttributeValue({ utf8String: commonName });
  return new x509.Name([
    new x509.RelativeDistinguishedName([new x509.AttributeTypeAndValue({ type: COMMON_NAME, value })]),
  ]);
}

function extension(extnID: string, value: object, critical = true): x509.Extension {
  const extnValue = new OctetString(AsnConvert.serialize(value));
  return new x509.Extension({ extnID, critical, extnValue });
}

/** Section 4.2.1.2, method 1: SHA-1 of the key's own bits, which are the last 65 bytes of P-256's. */
function keyIdentifierOf(key: KeyObject): x509.SubjectKeyIdentifier {
  const bits = publicKeyOf(key).subarray(-65);
  return new x509.SubjectKeyIdentifier(bufferOf(createHash('sha1').update(bits).digest()));
}

function drawKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

function publicKeyOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ format: 'der', type: 'spki' });
}

function formatKey(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' }).trim();
}

function pemOf(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----'].join('\n');
}

function derOf(certificate: string): Buffer {
  return new X509Certificate(certificate).raw;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return address.includes(':') ? 'ipv6' : 'ipv4';
}

/** The library wants the bytes in a buffer of their own. */
function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
