// Small shell scripts that ask quorate itself what can come next, so they never go out of date.

/** Shells that completion can be made for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
/** A word of SHELLS, as `quorate completion` takes it. */
export type Shell = (typeof SHELLS)[number];

/** Printed instead of a word where the shell should complete file names. */
export const FILES_MARK = ':files';

const BASH = `# quorate completion for bash. Load it with: source <(quorate completion bash)
_quorate() {
  local line words=()
  COMPREPLY=()
  while IFS= read -r line; do
    if [ "$line" = "${FILES_MARK}" ]; then
      compopt -o default 2>/dev/null
      return
    fi
    words+=("\${line%%$'\\t'*}")
  done < <(quorate __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  COMPREPLY=("\${words[@]}")
}
complete -F _quorate quorate
`;

const ZSH = `#compdef quorate
# quorate completion for zsh. Load it with: source <(quorate completion zsh)
_quorate() {
  local line
  local -a described
  for line in "\${(@f)$(quorate __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -z "$line" ]] && continue
    if [[ "$line" == "${FILES_MARK}" ]]; then
      _files
      return
    fi
    described+=("\${\${line//:/\\\\:}//$'\\t'/:}")
  done
  _describe 'quorate' described
}
compdef _quorate quorate
`;

const FISH = `# quorate completion for fish. Load it with: quorate completion fish | source
function __quorate_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l answer (quorate __complete -- $words[2..-1] 2>/dev/null)
  if test "$answer" = "${FILES_MARK}"
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $answer
  end
end
complete -c quorate -f -a '(__quorate_complete)'
`;

/** The script to load in each shell. */
export const COMPLETION_SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
