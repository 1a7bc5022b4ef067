
# What is not known before: the names of profiles, and a program after --.
function __evergrant_profiles
    set -l words (commandline -opc)
    set -l config (string replace -f -- --config= '' $words)
    if set -l at (contains -i -- --config $words)
        set config $words[(math $at + 1)]
    end
    test -n "$config"; and set config --config (string replace -r '^~/' $HOME/ -- $config[-1])
    for name in (evergrant config list $config 2> /dev/null)
        printf '%s\tprofile\n' $name
    end
end

function __evergrant_runs_a_program
    contains -- -- (commandline -opc)
end

function __evergrant_program
    set -l words (commandline -opc)
    set -e words[1..(contains -i -- -- $words)]
    complete -C (string join ' ' -- (string escape -- $words) (commandline -ct))
end

complete -c evergrant -n __evergrant_runs_a_program -f -a '(__evergrant_program)'
