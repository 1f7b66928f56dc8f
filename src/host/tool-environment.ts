// What the tools of this computer get of tsk's environment. Where to get things from, and through which proxy, is
// the user's; what a tool makes of an instance is not: it would differ with the shell, npm script or git hook that
// tsk happens to be called from.

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Settings of npm that say how packages are reached and which may be taken. `npm run` passes on all options of its own
 * command line besides, such as --silent, --json and --dry-run.
 */
const NPM_SETTING =
  /^(?:registry|@.+:registry|\/\/.+|_auth.*|cache|userconfig|globalconfig|prefix|proxy|https-proxy|noproxy|ca|cafile|cert|key|strict-ssl|local-address|maxsockets|fetch-.+|replace-registry-host|prefer-(?:offline|online)|before|min-release-age.*|legacy-peer-deps|git)$/;

/** Variables of an outer `npm run`: its package, its script, and where it was called. */
const NPM_SCRIPT = /^(?:npm_(?:package|lifecycle)_.*|npm_(?:command|execpath|node_execpath)|INIT_CWD)$/;

export function npmEnvironment(environment: Environment): Environment {
  const kept = Object.entries(environment).filter(([name]) => {
    const [, setting] = /^npm_config_(.+)$/i.exec(name) ?? [];
    return setting === undefined ? !NPM_SCRIPT.test(name) : NPM_SETTING.test(npmSettingName(setting));
  });
  return { ...Object.fromEntries(kept), NODE_OPTIONS: quietNodeOptions(environment['NODE_OPTIONS']) };
}

/** The name as npm reads it; the names of registries' addresses and of secrets keep their underscores. */
function npmSettingName(text: string): string {
  if (text.startsWith('//')) return text;
  return text.toLowerCase().replaceAll(/(?!^)_/g, '-');
}

/** npm would stop for a debugger that is meant for tsk, or write its profile into what is being installed. */
function quietNodeOptions(options: string | undefined): string | undefined {
  const words = options?.match(/(?:[^\s"]|"(?:\\.|[^"\\])*")+/g);
  const kept = words?.filter((word) => !/^--(?:inspect|cpu-prof|heap-prof|heapsnapshot)/.test(word));
  return kept === undefined || kept.length === 0 ? undefined : kept.join(' ');
}

/** Flags of Go that only say how it works on this computer. */
const GO_FLAG = /^--?(?:modcacherw|p=\d+)$/;

export interface GoEnvironment {
  environment: Environment;
  /** What GOFLAGS says and does not count. */
  ignoredFlags: string[];
}

/**
 * An environment for programs that are the same whoever builds them. Variables that are set beat those of "go env
 * -w".
 */
export function goEnvironment(environment: Environment): GoEnvironment {
  const flags = (environment['GOFLAGS'] ?? '').split(/\s+/).filter((flag) => flag !== '');
  const { GOEXPERIMENT: _experiment, GODEBUG: _debug, GOBIN: _bin, ...others } = environment;
  return {
    environment: {
      ...others,
      GO111MODULE: 'on',
      // All processors of the architecture; a newer level would end with an illegal instruction on older ones.
      GOAMD64: 'v1',
      GOARM64: 'v8.0',
      GOFIPS140: 'off',
      // An empty value would let that of "go env -w" count.
      GOFLAGS: ['-trimpath', ...flags.filter((flag) => GO_FLAG.test(flag))].join(' '),
    },
    ignoredFlags: flags.filter((flag) => !GO_FLAG.test(flag)),
  };
}

/** As "git rebase" and hooks of git set them: they name the repository that git works on in place of the current directory's. */
const REPOSITORY_VARIABLES: ReadonlySet<string> = new Set([
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_COMMON_DIR',
  'GIT_DIR',
  'GIT_GRAFT_FILE',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_NAMESPACE',
  'GIT_NO_REPLACE_OBJECTS',
  'GIT_OBJECT_DIRECTORY',
  'GIT_PREFIX',
  'GIT_QUARANTINE_PATH',
  'GIT_REPLACE_REF_BASE',
  'GIT_SHALLOW_FILE',
  'GIT_WORK_TREE',
]);

/** npm and Go run git, for packages and modules that come from there. */
export function withoutRepository(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !REPOSITORY_VARIABLES.has(name)));
}
