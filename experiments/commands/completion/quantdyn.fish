# Completion of quantdyn in fish. Commands, options and names come from the program's own help.

function __quantdyn_commands # "run", "sweep list"
    quantdyn --help 2>/dev/null | string match -rg '^  quantdyn ([a-z]+(?: [a-z]+)?) '
end

function __quantdyn_words # the words before the one that is completed, after the program's name
    set -l words (commandline -opc)
    printf '%s\n' $words[2..]
end

function __quantdyn_options
    set -l words (__quantdyn_words)
    set -l command $words[1]
    test "$command" = sweep; and set command $words[1..2]
    quantdyn $command --help 2>/dev/null | string match -rga -- '(--[a-z][a-z-]*)' | sort -u
end

function __quantdyn_names # of sections, macros, plugins and their kinds
    quantdyn list 2>/dev/null | string match -rg '^(?:  )?([a-z_0-9.]+)(?:: .*)?$' | sed 'p;s/.*\.//' | sort -u
end

complete -c quantdyn -n 'test (count (commandline -opc)) -eq 1' -f -a '(__quantdyn_commands | string split -f1 " " | sort -u)'
complete -c quantdyn -n 'test "$(__quantdyn_words)" = sweep' -f -a '(__quantdyn_commands | string match -rg "^sweep (.*)")'
complete -c quantdyn -n 'test "$(__quantdyn_words)" = new; or test "$(__quantdyn_words)" = schema' -f -a 'experiment network'
complete -c quantdyn -n 'test "$(__quantdyn_words)" = list' -f -a '(__quantdyn_names)'
complete -c quantdyn -n 'string match -q -- "-*" (commandline -ct)' -f -a '(__quantdyn_options)'
