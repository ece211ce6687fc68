# Completion of quantdyn in bash. Commands, options and names come from the program's own help.

# The program's commands, a line each: "run", "sweep list".
_quantdyn_commands() {
  "$1" --help 2>/dev/null | sed -nE 's/^  quantdyn ([a-z]+( [a-z]+)?) .*/\1/p'
}

_quantdyn() {
  local program=${COMP_WORDS[0]} command=${COMP_WORDS[1]} word=${COMP_WORDS[COMP_CWORD]} words=
  local place=$COMP_CWORD
  if [ "$command" = sweep ]; then  # a command of two words
    command="sweep ${COMP_WORDS[2]}"
    place=$((place - 1))
  fi
  if [ "$COMP_CWORD" -eq 1 ]; then
    words=$(_quantdyn_commands "$program" | cut -d' ' -f1 | sort -u)
  elif [ "${COMP_WORDS[1]}" = sweep ] && [ "$COMP_CWORD" -eq 2 ]; then
    words=$(_quantdyn_commands "$program" | sed -n 's/^sweep //p')
  elif [[ $word == -* ]]; then
    # shellcheck disable=SC2086 # a command may be two words
    words=$("$program" $command --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*' | sort -u)
  elif [ "$place" -eq 2 ]; then
    case $command in
      new | schema) words='experiment network' ;;
      list) words=$("$program" list 2>/dev/null | sed -nE 's/^(  )?([a-z_0-9.]+)(: .*)?$/\2/p' | sed 'p;s/.*\.//' | sort -u) ;;
    esac
  fi
  # shellcheck disable=SC2207 # none of these words has a space
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _quantdyn quantdyn
