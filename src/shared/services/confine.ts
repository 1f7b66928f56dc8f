// Where the program lies that host/build/confine-program.ts makes and init starts each app in a sandbox with.

export const CONFINE_PATH = '/tsk/bin/confine';
