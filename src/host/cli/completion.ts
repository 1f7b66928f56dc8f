// tsk completion: prints the script that makes a shell complete tsk's command lines; and the hidden verb
// that the script calls at every TAB (protocol of cobra and @bomb.sh/tab: `value<TAB>description` lines,
// then `:directive`).

import { Argument } from 'commander';
import { LOG_OF_INIT, LOG_OF_KERNEL } from '../../shared/api/init-api.ts';
import { SYSTEM_SERVICES } from '../../shared/services/device-programs.ts';
import { examples, type VerbAdder } from './session.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

const DIRECTIVE_DEFAULT = 0;
const DIRECTIVE_NO_FILES = 4;

export const addCompletionVerb: VerbAdder = (program, action) => {
  program
    .command('completion')
    .summary('print a script for TAB completion')
    .description('Print a script that completes the verbs, options and values of tsk in your shell.')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText(
      'after',
      examples(
        ["echo 'source <(tsk completion bash)' >> ~/.bashrc", 'bash'],
        ["echo 'source <(tsk completion zsh)' >> ~/.zshrc", 'zsh, below the line with compinit'],
        ['tsk completion fish > ~/.config/fish/completions/tsk.fish', 'fish'],
      ),
    )
    .action(action((_session, shell: Shell) => printScript(shell)));
  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .action(
      action(async (_session, words: string[]) => {
        const { completeWords } = await import('./complete-words.ts');
        const { candidates, allowsFiles } = await completeWords(program, words, {
          'vm stop': listVmNames,
          logs: async () => [...(await listAppNames(words)), ...SYSTEM_LOGS],
          'secret set': () => listAppNames(words),
          'secret rm': () => listAppNames(words),
          start: () => listAppNames(words),
          stop: () => listAppNames(words),
          restart: () => listAppNames(words),
          inspect: () => listAppNames(words),
          repl: () => listAppNames(words),
          profile: () => listAppNames(words),
        });
        const lines = candidates.map(([value, description]) => `${value}\t${description.split('\n', 1)[0]}`);
        const directive = allowsFiles ? DIRECTIVE_DEFAULT : DIRECTIVE_NO_FILES;
        process.stdout.write(`${[...lines, `:${directive}`].join('\n')}\n`);
      }),
    );
};

async function listVmNames(): Promise<string[]> {
  const { listVms } = await import('../vm/vm-registry.ts');
  return (await listVms()).map((vm) => vm.name);
}

/** Programs of ours, then logs that belong to no service. */
const SYSTEM_LOGS = [...SYSTEM_SERVICES.map(({ name }) => name), LOG_OF_INIT, LOG_OF_KERNEL];

/** Those of tskrazy.json: a device is not asked at every TAB. */
async function listAppNames(words: readonly string[]): Promise<string[]> {
  const { openInstance } = await import('../config/instance.ts');
  const flag = words.findIndex((word) => word === '-i' || word === '--instance');
  const joined = words.find((word) => word.startsWith('--instance='))?.slice('--instance='.length);
  const directory = joined ?? (flag < 0 ? '.' : (words[flag + 1] ?? '.'));
  try {
    return (await openInstance(directory)).config.apps.map(({ name }) => name);
  } catch {
    // No instance, or one with a mistake: nothing to offer.
    return [];
  }
}

async function printScript(shell: Shell): Promise<void> {
  if (shell === 'bash') {
    process.stdout.write(BASH_SCRIPT);
    return;
  }
  const { script } = await import('@bomb.sh/tab');
  script(shell, 'tsk', 'tsk');
}

/**
 * Own script: that of @bomb.sh/tab 0.0.22 needs the package bash-completion, cannot be sourced twice, and
 * evaluates the words that are being typed. Runs on bash 3.2 (macOS). Bash cuts words at "=", hence the joining.
 */
const BASH_SCRIPT = `# bash completion for tsk
_tsk_complete() {
    local index=1 count=0 joins=0 word current line
    local -a words=()
    while [ "$index" -le "$COMP_CWORD" ]; do
        word=\${COMP_WORDS[index]}
        if [ "$count" -gt 0 ] && { [ "$word" = "=" ] || [ "$joins" = 1 ]; }; then
            words[count-1]="\${words[count-1]}$word"
            joins=0
            [ "$word" = "=" ] && joins=1
        else
            words[count]=$word
            count=$((count + 1))
        fi
        index=$((index + 1))
    done
    current=\${COMP_WORDS[COMP_CWORD]}
    [ "$current" = "=" ] && current=
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            :4) compopt +o default +o bashdefault 2>/dev/null ;;
            :*) ;;
            *)
                line=\${line%%$'\\t'*}
                [ "\${line#"$current"}" != "$line" ] || [ -z "$current" ] || continue
                COMPREPLY[\${#COMPREPLY[@]}]=$line
                ;;
        esac
    done < <(tsk complete -- "\${words[@]}" 2>/dev/null)
}
complete -o default -o bashdefault -F _tsk_complete tsk
`;
