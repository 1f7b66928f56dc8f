// Why a file system does not take a file or a directory, in words that go behind "Cannot ... X: ".

const WRITE_PROBLEMS: Readonly<Record<string, string>> = {
  ENOSPC: 'the file system is full',
  EDQUOT: 'the disk quota is used up',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENAMETOOLONG: 'the name is too long',
  EFBIG: 'the file system does not take files of this size',
};

/** Undefined for what the user cannot mend: that is a mistake of ours. */
export function writeProblem(cause: unknown): string | undefined {
  return WRITE_PROBLEMS[(cause as NodeJS.ErrnoException).code ?? ''];
}
