# quorate completion for fish. Load it with: quorate completion fish | source
function __quorate_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l answer (quorate __complete -- $words[2..-1] 2>/dev/null)
  if test "$answer" = ":files"
    __fish_complete_path (commandline -ct)
  else
    printf '%s\n' $answer
  end
end
complete -c quorate -f -a '(__quorate_complete)'
