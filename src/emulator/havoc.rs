//! Havoc from a seed: what goes wrong in a world next, the same for the same seed.
//!
//! It says what; the world it is done to and whatever must still hold are the caller's.

use std::time::Duration;

use super::azure::Fault;
use super::host::Host;
use super::world::{World, WorldError};

/// A source of numbers that look random and are the same for the same seed (the generator is
/// `SplitMix64`, as published by Steele, Lea and Flood)
#[derive(Clone, Debug)]
pub struct Dice(u64);

/// Something that goes wrong
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mischief {
    /// The handler is killed, and started again by its host
    KillHandler,
    /// The host is killed with its handler; its messages stay locked until the locks expire
    KillHost,
    /// A write to Azure is done, and its answer gets lost
    LoseAnswer,
    /// Azure is out of order for a request
    OutOfOrder,
    /// Azure asks to slow down for a second
    SlowDown,
    /// Service Bus takes no message for a moment
    QueueRefuses,
    /// Every lock expires while the work on its message goes on, so that others start on it too
    LocksExpire,
}

impl Mischief {
    /// Every kind, kills first
    pub const ALL: [Self; 7] = [
        Self::KillHandler,
        Self::KillHost,
        Self::LoseAnswer,
        Self::OutOfOrder,
        Self::SlowDown,
        Self::QueueRefuses,
        Self::LocksExpire,
    ];
}

impl Dice {
    /// Dice that always fall the same way for the same seed
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below this one, or 0 if that is 0
    pub fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mixed = usize::try_from(mixed ^ (mixed >> 31)).unwrap_or(usize::MAX);
        mixed.checked_rem(most).unwrap_or_default()
    }

    /// The same things in another order
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            things.swap(last, self.below(last + 1));
        }
    }

    /// What goes wrong next
    pub fn mischief(&mut self) -> Mischief {
        let at = self.below(Mischief::ALL.len());
        Mischief::ALL.get(at).copied().unwrap_or(Mischief::KillHandler)
    }
}

impl World {
    /// Lets something go wrong. Of hosts, the one at this place is meant.
    ///
    /// Locks are good for minutes, so virtual time is moved on where they have to expire.
    pub async fn suffer(&mut self, mischief: Mischief, host: usize) -> Result<(), WorldError> {
        let faults = self.azure.faults();
        match mischief {
            Mischief::KillHandler => self.kill_handler(host).await,
            Mischief::KillHost => self.replace_host(host).await?,
            Mischief::LoseAnswer => {
                faults.inject(Fault::on("", "/roleAssignments/").bare(503).after_doing_it());
            }
            Mischief::OutOfOrder => faults.inject(Fault::on("", "").bare(503)),
            Mischief::SlowDown => {
                let fault = Fault::on("", "/providers/").html(429, "<html>slow down</html>");
                faults.inject(fault.header("Retry-After", "1"));
            }
            Mischief::QueueRefuses => self.namespace.fail_sends(3, 503),
            Mischief::LocksExpire => self.clock.advance(LOCKED),
        }
        Ok(())
    }

    async fn kill_handler(&self, host: usize) {
        let pid = self.hosts().nth(host).and_then(Host::handler_pid);
        if let Some(pid) = pid {
            // Not a signal that could be handled: nobody gets to say a last word.
            let kill = tokio::process::Command::new("kill").args(["-9", &pid.to_string()]).output();
            let _ = kill.await;
        }
    }
}

/// Longer than any lock
const LOCKED: Duration = Duration::from_secs(13 * 60);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_havoc() {
        let throw = |seed| {
            let mut dice = Dice::new(seed);
            (0..100).map(|_| format!("{:?}", dice.mischief())).collect::<Vec<_>>()
        };
        assert_eq!(throw(7), throw(7));
        assert_ne!(throw(7), throw(8));
        let kinds: BTreeSet<_> = throw(7).into_iter().collect();
        assert_eq!(kinds.len(), Mischief::ALL.len());
    }

    #[test]
    fn shuffling_keeps_everything() {
        let mut things: Vec<u32> = (0..50).collect();
        Dice::new(1).shuffle(&mut things);
        assert_ne!(things, (0..50).collect::<Vec<_>>());
        things.sort_unstable();
        assert_eq!(things, (0..50).collect::<Vec<_>>());
        assert_eq!(Dice::new(1).below(0), 0);
    }
}
