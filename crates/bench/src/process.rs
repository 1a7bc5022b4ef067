//! What the system says of this process.

use std::fs;
use std::io;

/// What it has in memory (RSS), in MiB. Linux only.
///
/// # Errors
/// The system does not say.
pub fn resident() -> io::Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim_end_matches("kB").trim().parse::<f64>().ok());
    Ok(kib.ok_or(io::ErrorKind::Unsupported)? / 1024.0)
}
