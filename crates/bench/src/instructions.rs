//! Instructions, counted by valgrind's callgrind: they repeat almost exactly, whatever else the machine does.
//!
//! The program runs itself under callgrind twice, for one side alone, doing its job some hundred times more the second time;
//! the difference is what the job costs.

use crate::measure::Group;
use std::env;
use std::process::Command;

/// `GROUP,SIDE,TIMES`: what a program under callgrind is to do instead of measuring.
const ORDER: &str = "EVERGRANT_BENCH_ORDER";

const FEW: u64 = 100;
const MANY: u64 = 600;

/// Does what callgrind is to count, if that is what this process is for.
pub(crate) fn obey(groups: &[Group]) -> bool {
    let Ok(order) = env::var(ORDER) else { return false };
    let mut numbers = order.split(',').filter_map(|number| number.parse::<usize>().ok());
    if let (Some(group), Some(side), Some(times)) = (numbers.next(), numbers.next(), numbers.next())
        && let Some(side) = groups.get(group).and_then(|group| group.sides.get(side))
    {
        side.job()(times as u64);
    }
    true
}

/// The instructions of one side's job; `None` without valgrind.
pub(crate) fn count(group: usize, side: usize) -> Option<u64> {
    let (few, many) = (total(group, side, FEW)?, total(group, side, MANY)?);
    Some(many.saturating_sub(few).div_ceil(MANY - FEW))
}

fn total(group: usize, side: usize, times: u64) -> Option<u64> {
    let out = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().ok()?)
        .env(ORDER, format!("{group},{side},{times}"))
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    let (_, rest) = said.split_once("Collected :")?;
    rest.split_whitespace().next()?.parse().ok()
}
