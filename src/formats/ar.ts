// Lists the members of an `ar` archive, the outer shell of a Debian package (.deb).
// Leaves out the long-name conventions of GNU and BSD: a .deb has none (deb(5)). Layout: ar(5), "common format".

import { type ByteSource } from './byte-source.ts';

const MAGIC = '!<arch>\n';
const HEADER_BYTES = 60;

export interface ArMember {
  name: string;
  offsetBytes: number;
  sizeBytes: number;
}

/** Throws a SyntaxError for what is no well-formed archive. */
export async function readAr(source: ByteSource): Promise<ArMember[]> {
  if (source.sizeBytes < MAGIC.length || text(await source.read(0, MAGIC.length)) !== MAGIC) {
    throw new SyntaxError('Cannot read ar archive: it does not start with "!<arch>"');
  }
  const members: ArMember[] = [];
  let at = MAGIC.length;
  while (at < source.sizeBytes) {
    if (at + HEADER_BYTES > source.sizeBytes) {
      throw new SyntaxError(`Cannot read ar archive: it ends inside the member header at byte ${at}`);
    }
    const header = text(await source.read(at, HEADER_BYTES));
    // name @0 16, mtime @16 12, uid @28 6, gid @34 6, mode @40 8, size @48 10 (decimal), end @58 2 ("`\n")
    const name = header.slice(0, 16).trimEnd().replace(/\/$/, '');
    const size = header.slice(48, 58).trimEnd();
    if (header.slice(58) !== '`\n' || !/^\d+$/.test(size)) {
      throw new SyntaxError(`Cannot read ar archive: no member header at byte ${at}`);
    }
    const member = { name, offsetBytes: at + HEADER_BYTES, sizeBytes: Number(size) };
    if (member.offsetBytes + member.sizeBytes > source.sizeBytes) {
      throw new SyntaxError(
        `Cannot read ar archive: member "${name}" ends at byte ${member.offsetBytes + member.sizeBytes}, but the archive at ${source.sizeBytes}`,
      );
    }
    members.push(member);
    // Members start at even offsets; the padding byte is not counted in the size.
    at = member.offsetBytes + member.sizeBytes + (member.sizeBytes % 2);
  }
  return members;
}

function text(bytes: Uint8Array): string {
  return new TextDecoder('latin1').decode(bytes);
}
