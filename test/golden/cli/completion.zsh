#compdef quorate
# quorate completion for zsh. Load it with: source <(quorate completion zsh)
_quorate() {
  local line
  local -a described
  for line in "${(@f)$(quorate __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -z "$line" ]] && continue
    if [[ "$line" == ":files" ]]; then
      _files
      return
    fi
    described+=("${${line//:/\\:}//$'\t'/:}")
  done
  _describe 'quorate' described
}
compdef _quorate quorate
