//! `evergrant gateway key`: a key for a program that may use the gateway.

use crate::client::profile::gateway::SHA256;
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::stdout;
use clap::Args;
use evergrant_gateway::{Key, Keys};
use std::fmt::Write as _;
use zeroize::Zeroizing;

#[derive(Clone, Debug, Args)]
#[command(after_long_help = examples!(
    "evergrant gateway key erp",
    "evergrant gateway key erp --json";
    usage, transient
))]
pub(crate) struct KeyArgs {
    /// Name of the program that is to have the key
    ///
    /// 1 to 64 of a-z, 0-9, dot, underscore and hyphen; it begins with a letter or digit. It stands in the log, and in
    /// callers of a route.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

pub(super) fn run(args: &KeyArgs, manner: Manner) -> Result<(), Failure> {
    let name = &args.name;
    let cannot = |error: &dyn std::fmt::Display| Failure::system("a key cannot be made", error);
    let key = Key::generate().map_err(|error| cannot(&error))?;
    if Keys::new([(name.clone(), key.digest())]).is_err() {
        return Err(Failure::usage(
            "the name of a key has 1 to 64 of a-z, 0-9, dot, underscore and hyphen, and begins with a letter or digit",
            "write another name",
        ));
    }
    let digest = hexadecimal(&key.digest());
    let mut line = Zeroizing::new(String::with_capacity(512));
    // A String takes all that is written.
    let _ = if manner.json {
        // Neither has a character that JSON escapes.
        let key = key.expose();
        writeln!(line, "{{\"name\":\"{name}\",\"key\":\"{key}\",\"digest\":\"{SHA256}{digest}\"}}")
    } else {
        writeln!(
            line,
            "key, for the program, shown only now:  {}\nline for the file, in a listener:      keys = {{ {} = \"{SHA256}{digest}\" }}",
            key.expose(),
            quoted(name),
        )
    };
    stdout::print(line.as_bytes()).map(drop)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A dot would make two keys of it.
fn quoted(name: &str) -> String {
    if name.contains('.') { format!("\"{name}\"") } else { name.to_owned() }
}
