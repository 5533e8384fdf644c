import type { CompletedCommand, CompletedOption } from './completed-command.ts';

/**
 * Where nothing is suggested, readline completes paths (`-o default`), and quotes them. Works with the
 * bash 3.2 of macOS, which has no compopt.
 */
export function bashScript(commands: CompletedCommand[], own: CompletedOption[]): string {
  return `# bash completion for ctxsync: eval "$(ctxsync completion bash)"
_ctxsync() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command= dashes= word
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $command$word in
      -*) ;;
      send--) dashes=1 ;;
      *) [ -n "$command" ] || command=$word ;;
    esac
  done
  # The command after "--".
  if [ -n "$dashes" ]; then
    [ "$prev" != -- ] || COMPREPLY=($(compgen -c -- "$cur"))
    return
  fi
  # readline splits --option=value.
  [ "$prev" != = ] || prev=\${COMP_WORDS[COMP_CWORD-2]}
  [ "$cur" != = ] || { prev=\${COMP_WORDS[COMP_CWORD-1]}; [ "$prev" != = ] || prev=\${COMP_WORDS[COMP_CWORD-2]}; cur=; }
  case "$command $prev" in
${commands.flatMap(valueCases).join('\n')}
  esac
  case $command in
${commands.map(commandCase).join('\n')}
    *) COMPREPLY=($(compgen -W '${[...names(commands), ...flagsOf(own)].join(' ')}' -- "$cur")) ;;
  esac
}
complete -o default -F _ctxsync ctxsync
`;
}

function valueCases({ name, options }: CompletedCommand): string[] {
  return options.flatMap(({ flags, value }) => {
    if (value === undefined) return [];
    const patterns = flags.map((flag) => `'${name} ${flag}'`).join(' | ');
    if (value.completed === 'file') return [`    ${patterns}) return ;;`];
    if (value.completed === 'text') {
      return [`    ${patterns}) compopt +o default 2> /dev/null; return ;;`];
    }
    return [`    ${patterns}) ${suggest(value.completed)}; return ;;`];
  });
}

function commandCase({ name, options, words }: CompletedCommand): string {
  const flags = suggest(flagsOf(options));
  const others = Array.isArray(words) ? suggest(words as string[]) : 'return';
  return `    ${name}) case $cur in -*) ${flags} ;; *) ${others} ;; esac ;;`;
}

function suggest(words: readonly string[] | string): string {
  return `COMPREPLY=($(compgen -W '${[words].flat().join(' ')}' -- "$cur"))`;
}

function flagsOf(options: CompletedOption[]): string[] {
  return options.flatMap(({ flags }) => flags);
}

function names(commands: CompletedCommand[]): string[] {
  return commands.map(({ name }) => name);
}
