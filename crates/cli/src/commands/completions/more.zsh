
# The names of profiles, which are not known before.
_evergrant_profiles() {
    local -a config names
    if [[ -n ${opt_args[--config]} ]]; then
        config=(--config ${~${(Q)opt_args[--config]}})
    fi
    names=(${(f)"$(evergrant config list $config 2> /dev/null)"})
    compadd -a names
}
