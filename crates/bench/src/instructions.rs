//! Instructions, counted by valgrind's callgrind: they repeat almost exactly, whatever else the machine does.
//!
//! The program runs itself under callgrind twice, for one side alone, doing its job some hundred times more the second time;
//! the difference is what the job costs.

use crate::orders::Order;
use std::env;
use std::process::Command;

const FEW: u64 = 100;
const MANY: u64 = 600;

/// The instructions of one side's job; `None` without valgrind.
pub(crate) fn count(group: usize, side: usize) -> Option<u64> {
    let (few, many) = (total(group, side, FEW)?, total(group, side, MANY)?);
    Some(many.saturating_sub(few).div_ceil(MANY - FEW))
}

fn total(group: usize, side: usize, times: u64) -> Option<u64> {
    let out = Order::Do { group, side, times }
        .give_to(Command::new("valgrind").args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]))
        .arg(env::current_exe().ok()?)
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    let (_, rest) = said.split_once("Collected :")?;
    rest.split_whitespace().next()?.parse().ok()
}
