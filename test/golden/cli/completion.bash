# quorate completion for bash. Load it with: source <(quorate completion bash)
_quorate() {
  local line words=()
  COMPREPLY=()
  while IFS= read -r line; do
    if [ "$line" = ":files" ]; then
      compopt -o default 2>/dev/null
      return
    fi
    words+=("${line%%$'\t'*}")
  done < <(quorate __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  COMPREPLY=("${words[@]}")
}
complete -F _quorate quorate
