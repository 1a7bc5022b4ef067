//! What `--help` says at its end.

/// How a command ends, for all of them.
macro_rules! exit_status {
    () => {
        "Exit status: 0 done, 1 the demonstration found a fault or a token has expired (inspect --check), 2 configuration or usage, 3 refused (the client or \
         the request must change), 4 transient (try again)"
    };
}

/// Examples, one a line, which a test runs as they are; then how the command ends.
macro_rules! examples {
    ($($line:literal),+ $(,)?) => {
        concat!("Examples:\n", $("  ", $line, "\n",)+ "\n", exit_status!())
    };
}
