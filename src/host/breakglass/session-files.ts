// The files of a session that are ours: how sshd is set up, and what the device, sshd and the kernel start. They go with the
// toolbox, and so under its hash; none of them is in an image.

import {
  APPS_VARIABLE,
  BREAKGLASS_PATHS,
  KEEP_CORE,
  loginOfApp,
  SSH_PORT,
} from '../../shared/breakglass/breakglass-api.ts';
import { ENTER, ENTER_SCRIPT } from './enter-script.ts';
import { KEEP_CORE_PROGRAM } from './keep-core.ts';

export interface SessionFile {
  path: string;
  mode: number;
  text: string;
}

const APPLETS = '/usr/lib/tskrazy/applets';
/** Tools of Debian first, then busybox's, then those of the image. */
const PATH = `/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:${APPLETS}:/tsk/bin`;
const SHELL = '/usr/lib/tskrazy/shell';
const SFTP = '/usr/lib/openssh/sftp-server';
/** Its standard output is the log of the session. */
const LOG = BREAKGLASS_PATHS.log;

const SSHD_CONFIG = `# Made by tsk, anew for each session.
Port ${SSH_PORT}
HostKey ${BREAKGLASS_PATHS.hostKey}
AuthorizedKeysFile none
AuthorizedKeysCommand /bin/busybox cat ${BREAKGLASS_PATHS.authorizedKeys}
AuthorizedKeysCommandUser root
AllowUsers root ${loginOfApp('*')}
PermitRootLogin prohibit-password
AuthenticationMethods publickey
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PermitUserEnvironment no
PermitUserRC no
AllowAgentForwarding no
X11Forwarding no
PermitTunnel no
GatewayPorts no
PrintLastLog no
PrintMotd no
UseDNS no
PidFile none
LogLevel INFO
LoginGraceTime 30
MaxStartups 10:30:30
ClientAliveInterval 15
ClientAliveCountMax 4
AcceptEnv LANG LC_*
SetEnv PATH=${PATH}
Subsystem sftp ${SFTP}
`;

/** The first process of a session. What is run in shells and by them is written to its output. */
const SESSION = `#!/bin/busybox sh
export PATH=${PATH}
umask 022
/bin/busybox mkdir -p ${APPLETS} /root /var/log
/bin/busybox --install -s ${APPLETS}
chmod 700 /root
# A lock of before sftp-server was taken along has no package of sftp-server.
[ -x ${SFTP} ] || sed -i 's,^Subsystem sftp .*,Subsystem sftp internal-sftp,' /etc/ssh/sshd_config
# sshd tells its user about one that is missing.
touch /var/log/lastlog
ln -sf /proc/$$/fd/1 ${LOG}
grep -sv -e ^root: -e ^sshd: /etc/passwd >/etc/passwd.new
printf '%s\\n' root:x:0:0:root:/root:${SHELL} sshd:x:74:74:sshd:/run/sshd:/bin/false >>/etc/passwd.new
for app in $${APPS_VARIABLE}; do
  IFS=: read -r name uid directory <<END
$app
END
  echo "${loginOfApp('$name')}:x:$uid:$uid::$directory:${SHELL}" >>/etc/passwd.new
done
mv /etc/passwd.new /etc/passwd
unset ${APPS_VARIABLE}
[ "$1" = listen ] && exec /usr/sbin/sshd -D -e -f /etc/ssh/sshd_config 2>&1
exec sleep 2147483647
`;

const SHELL_SCRIPT = `#!/bin/busybox sh
export SHELL=/bin/sh
# An app's user reaches no log; what sshd says of it has to do.
log() {
  [ "$(id -u)" != 0 ] || printf '%s\\n' "$1" >>${LOG}
}
if [ "$*" = '-c ${SFTP}' ] && [ "$(id -u)" = 0 ]; then
  # sftp-server says which files it reads and writes.
  exec ${SFTP} -e -l INFO 2>>${LOG}
fi
if [ "$1" = -c ]; then
  log "command: $2"
  exec /bin/sh "$@"
fi
log shell
exec /bin/sh -l "$@"
`;

const PROFILE = `export PATH=${PATH}
PS1='$(hostname):\\w# '
`;

export const SESSION_FILES: readonly SessionFile[] = [
  { path: 'etc/ssh/sshd_config', mode: 0o600, text: SSHD_CONFIG },
  { path: 'etc/profile', mode: 0o644, text: PROFILE },
  { path: ENTER.slice(1), mode: 0o755, text: ENTER_SCRIPT },
  { path: SHELL.slice(1), mode: 0o755, text: SHELL_SCRIPT },
  { path: KEEP_CORE.slice(1), mode: 0o644, text: KEEP_CORE_PROGRAM },
  { path: 'usr/lib/tskrazy/session', mode: 0o755, text: SESSION },
];
