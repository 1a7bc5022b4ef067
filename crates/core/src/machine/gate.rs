//! The rejection gates: what one site's refusals may cost.

use super::Site;
use crate::policy::Policy;
use crate::time::Mono;
use alloc::vec::Vec;
#[cfg(test)]
use core::time::Duration;

/// One gate per site, made when its site first has a token set aside.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Gates(Vec<Gate>);

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Gate {
    site: u16,
    /// Tokens set aside because of this site; falls by one per `gate_decay` without another.
    dropped: u32,
    last_dropped: Mono,
    /// A token was set aside and its successor has not come yet: its arrival closes the gate.
    armed: bool,
    closed_until: Mono,
}

impl Gates {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Whether the tokens refused at this site are kept for now.
    pub(super) fn is_closed(&self, site: Site, now: Mono) -> bool {
        now < self.closed_until(site)
    }

    /// Until when they are kept.
    pub(super) fn closed_until(&self, site: Site) -> Mono {
        let site = site.place();
        self.0.iter().find(|gate| gate.site == site).map_or(Mono::ZERO, |gate| gate.closed_until)
    }

    /// A token was set aside because of this site.
    pub(super) fn dropped(&mut self, policy: &Policy, site: Site, now: Mono) {
        let site = site.place();
        let at = self.0.iter().position(|gate| gate.site == site).unwrap_or_else(|| {
            self.0.push(Gate { site, dropped: 0, last_dropped: now, armed: false, closed_until: Mono::ZERO });
            self.0.len() - 1
        });
        let gate = &mut self.0[at];
        gate.dropped = gate.level(policy, now).saturating_add(1).min(policy.gate_levels());
        gate.last_dropped = now;
        gate.armed = true;
    }

    /// The next token is here: the gates of the sites that brought this about close.
    pub(super) fn installed(&mut self, policy: &Policy, now: Mono) {
        for gate in self.0.iter_mut().filter(|gate| gate.armed) {
            gate.armed = false;
            gate.closed_until = now.after(policy.gate(gate.level(policy, now).max(1)));
        }
    }
}

#[cfg(test)]
impl Gates {
    /// With all times shifted, in the order of the sites; a gate that is as good as new is forgotten.
    pub(super) fn relative(&mut self, policy: &Policy, now: Mono, shift: impl Fn(Mono) -> Mono) {
        self.0.retain(|gate| gate.armed || now < gate.closed_until || gate.level(policy, now) > 0);
        self.0.sort_unstable_by_key(|gate| gate.site);
        for gate in &mut self.0 {
            gate.closed_until = shift(gate.closed_until.max(now));
            // Steps that were forgiven are gone; what counts is the time within the step of this moment.
            let level = gate.level(policy, now);
            let step = policy.gate_decay();
            let within = now.since(gate.last_dropped).as_nanos() % step.as_nanos();
            let within = Duration::from_nanos(u64::try_from(within).unwrap_or(u64::MAX));
            gate.last_dropped = if level == 0 { now } else { gate.last_dropped.max(back(now, within)) };
            gate.dropped = level;
            gate.last_dropped = shift(gate.last_dropped);
        }
    }
}

#[cfg(test)]
fn back(from: Mono, by: Duration) -> Mono {
    Mono::from_origin(from.since_origin().saturating_sub(by))
}

impl Gate {
    fn level(&self, policy: &Policy, now: Mono) -> u32 {
        let forgiven = now.since(self.last_dropped).as_nanos() / policy.gate_decay().as_nanos();
        self.dropped.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX))
    }
}
