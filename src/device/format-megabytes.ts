/** `712 MB`: millions of bytes, as on the page and in `tsk`. */
export function formatMegabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
