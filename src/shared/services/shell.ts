// The shell that an app may ask for (`shell`): busybox, in the image once for all apps that do, and only where one does. Sandboxes
// hide SHELL_ROOT; in those of apps with a shell SHELL_DIRECTORY lies over /bin, with the image's Node.js in it.

export const SHELL_ROOT = '/tsk/shell';
/** busybox, links to busybox by the names of its commands, and an empty file in the place of `node`. */
export const SHELL_DIRECTORY = `${SHELL_ROOT}/bin`;

/** What Debian's has of the commands that scripts call; `busybox --list` has them all. */
export const SHELL_COMMANDS = `
  [ [[ ar arch arp ash awk base64 basename bunzip2 bzcat bzip2 cal cat chgrp chmod chown clear cmp cp cpio crc32 cut
  date dc dd df diff dirname dnsdomainname dos2unix du echo ed egrep env expand expr factor fallocate false fgrep find
  fold free ftpget ftpput getopt grep groups gunzip gzip head hexdump hostid hostname i2cdetect i2cdump i2cget i2cset
  i2ctransfer id ifconfig ionice ip ipcalc kill killall last less link ln logger logname ls lsscsi lzcat lzma lzop
  md5sum microcom mkdir mkfifo mknod mktemp more mv nc netstat nl nproc nslookup od paste patch pidof ping ping6
  printf ps pwd readlink realpath renice reset rev rm rmdir route rpm2cpio run-parts sed seq setsid sh sha1sum
  sha256sum sha3sum sha512sum shred shuf sleep sort stat strings stty sync tac tail tar taskset tee telnet test tftp
  time timeout top touch tr traceroute true truncate ts tty uname uncompress unexpand uniq unix2dos unlink unlzma unxz
  unzip uptime usleep uudecode uuencode vi watch wc wget which who whoami xargs xxd xz xzcat yes zcat
`
  .trim()
  .split(/\s+/);
