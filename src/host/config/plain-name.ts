// Names for the device out of names that people gave to files and directories.

/** Lower case without accents; every run of characters that `allowed` does not have becomes one hyphen. */
export function plainName(name: string, allowed: string): string {
  return name
    .normalize('NFD')
    .replaceAll(/\p{Mark}/gu, '')
    .toLowerCase()
    .replaceAll(new RegExp(`[^${allowed}]+`, 'g'), '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 63)
    .replace(/[^a-z0-9]+$/, '');
}
