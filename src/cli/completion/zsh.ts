import type { Completed, CompletedCommand, CompletedOption } from './completed-command.ts';

/** For a file `_ctxsync` in fpath, or to be evaluated after compinit. */
export function zshScript(commands: CompletedCommand[], own: CompletedOption[]): string {
  const list = commands.map(({ name, description }) => quoted(`${name}:${description}`));
  return `#compdef ctxsync
# zsh completion for ctxsync: eval "$(ctxsync completion zsh)"
_ctxsync() {
  local context state state_descr line dashes
  local -a commands
  typeset -A opt_args
  # The command after "--" is completed as if it stood alone.
  dashes=\${words[(i)--]}
  if [[ $words[2] == send ]] && (( dashes < CURRENT )); then
    shift $dashes words
    (( CURRENT -= dashes ))
    _normal
    return
  fi
  _arguments -C ${own.map(optionSpec).join(' ')} '1:command:->command' '*::argument:->argument'
  case $state in
    command)
      commands=(${list.join(' ')})
      _describe command commands ;;
    argument)
      case $words[1] in
${commands.map(commandCase).join('\n')}
      esac ;;
  esac
}
if [ "$funcstack[1]" = _ctxsync ]; then
  _ctxsync "$@"
else
  compdef _ctxsync ctxsync
fi
`;
}

function commandCase({ name, options, words }: CompletedCommand): string {
  const argument = quoted(`*:argument:${action(words)}`);
  return `        ${name})
          _arguments -S ${options.map(optionSpec).join(' ')} ${argument} ;;`;
}

function optionSpec({ flags, description, value, repeatable }: CompletedOption): string {
  const about = `[${description.replaceAll(/[[\]:\\]/g, '\\$&')}]`;
  const rest = value === undefined ? '' : `:${value.name}:${action(value.completed)}`;
  const others = repeatable ? '*' : flags.length > 1 ? `(${flags.join(' ')})` : '';
  const specs = flags.map((flag) => {
    const joined = value === undefined ? '' : flag.startsWith('--') ? '=' : '+';
    return quoted(`${others}${flag}${joined}${about}${rest}`);
  });
  return specs.join(' ');
}

function action(completed: Completed): string {
  if (completed === 'file') return '_files';
  if (completed === 'directory') return '_files -/';
  return completed === 'text' ? ' ' : `(${completed.join(' ')})`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
