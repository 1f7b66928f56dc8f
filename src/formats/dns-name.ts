// DNS names as text: labels with dots between, where a dot or backslash within a label has a backslash before it (RFC 1035
// section 5.1). How they compare, and the labels that they consist of.

export const MAX_DNS_NAME_BYTES = 255;

/** Names are equal whatever the case of their ASCII letters (RFC 6762 section 16). */
export function sameDnsName(a: string, b: string): boolean {
  return dnsNameKey(a) === dnsNameKey(b);
}

export function dnsNameKey(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** One label as it stands in a name: `Attic. East` is `Attic\. East`. */
export function escapeDnsLabel(label: string): string {
  return label.replaceAll(/[.\\]/g, String.raw`\$&`);
}

/** The labels, as they are without backslashes. */
export function splitDnsName(name: string): string[] {
  if (name === '') return [];
  const labels = name.match(/(?:\\.|[^.\\])+/gs) ?? [];
  if (labels.join('.') !== name)
    throw new RangeError(`Cannot encode the name "${name}": it has an empty label`);
  const plain = labels.map((label) => label.replaceAll(/\\(.)/gs, '$1'));
  const length = plain.reduce((sum, label) => sum + 1 + new TextEncoder().encode(label).length, 1);
  if (length > MAX_DNS_NAME_BYTES) throw new RangeError(`Cannot encode the name "${name}": it is too long`);
  return plain;
}
