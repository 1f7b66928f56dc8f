// What a build leaves out of an app's packages, as the build says it.

/** `build tool`: packages as a whole. Of all others files. */
export type LeftOutReason =
  | 'foreign binary'
  | 'native source'
  | 'declaration'
  | 'source map'
  | 'link'
  | 'build tool';

export interface LeftOutFile {
  reason: LeftOutReason;
  path: string;
  sizeBytes: number;
  /** `e_machine` of a binary for Linux. */
  machine?: number;
}

/** Of a package that goes to the device without it. */
export interface LeftOutOfPackage extends LeftOutFile {
  packageName: string;
}

export interface LeftOut {
  reason: LeftOutReason;
  /** Of build tools packages. */
  files: number;
  bytes: number;
}

/** One row a reason, the largest first. */
export function sumLeftOut(files: readonly Pick<LeftOutFile, 'reason' | 'sizeBytes'>[]): LeftOut[] {
  const sums = new Map<LeftOutReason, LeftOut>();
  for (const { reason, sizeBytes } of files) {
    const { files: count, bytes } = sums.get(reason) ?? { files: 0, bytes: 0 };
    sums.set(reason, { reason, files: count + 1, bytes: bytes + sizeBytes });
  }
  return [...sums.values()].toSorted((a, b) => b.bytes - a.bytes);
}

/** Who brings the files of a package, for messages and sums. */
export function packageOrigin(appName: string, packageName: string): string {
  return `app ${appName}, package ${packageName}`;
}
