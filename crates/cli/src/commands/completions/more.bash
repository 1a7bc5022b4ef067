
# What is not known before: the names of profiles, and a program after --.
_evergrant_profiles() {
    local i value name config=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i]} == --config ]]; then
            value=${COMP_WORDS[i + 1]}
            # Bash makes three words of --config=PATH.
            [[ $value == = ]] && value=${COMP_WORDS[i + 2]}
            config=(--config "${value/#\~\//$HOME/}")
        fi
    done
    COMPREPLY=()
    while IFS= read -r name; do
        [[ $name == "$1"* ]] && COMPREPLY+=("$(printf %q "$name")")
    done < <(evergrant config list ${config[@]+"${config[@]}"} 2> /dev/null)
}

_evergrant_program() {
    if declare -F _comp_command_offset > /dev/null; then
        _comp_command_offset "$1"
    elif declare -F _command_offset > /dev/null; then
        _command_offset "$1"
    elif ((COMP_CWORD == $1)); then
        COMPREPLY=($(compgen -c -- "$2"))
    else
        # Files.
        COMPREPLY=()
    fi
}

_evergrant_or_more() {
    local i word=$2 before=$3
    for ((i = 2; i < COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i]} == -- ]]; then
            _evergrant_program "$((i + 1))" "$word"
            return
        fi
    done
    # Bash makes three words of --flag=VALUE, or two before there is a value.
    if [[ ${COMP_WORDS[COMP_CWORD]} == = ]]; then
        word=
    elif [[ $before == = ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    elif [[ $before == --cache ]]; then
        # Its value is in the same word or nowhere.
        before=
    fi
    if [[ $before == --profile ]]; then
        _evergrant_profiles "$word"
    else
        _evergrant "$1" "$word" "$before"
    fi
}

complete -F _evergrant_or_more -o bashdefault -o default evergrant
