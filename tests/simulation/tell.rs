//! A history in words, for whoever has to find out what went wrong in it.

use std::fmt;

use crate::history::{
    ASKS, Act, Ask, ByHand, Fate, History, OFFERS, OnCluster, OnRegistry, PLACES, Rights, STATES,
    TEAMS, Tags, Whose,
};

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {:?}", self.seed, self.setting)?;
        for (number, step) in self.steps.iter().enumerate() {
            let events = match step.fate {
                Fate::Prompt => "",
                Fate::Lost => "; its events get lost",
                Fate::Late => "; its events come late",
                Fate::Twice => "; its events come twice",
            };
            writeln!(f, "{number:>3}. after {} ms {}{events}", step.pause, step.act)?;
        }
        Ok(())
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster(place, what) => write!(f, "aks{place} {what}"),
            Self::Registry(place, what) => write!(f, "acr{place} {what}"),
            Self::ByHand(what) => write!(f, "by hand {what:?}"),
            Self::Rights(Rights::Restored) => f.write_str("every right is there again"),
            Self::Rights(what) => write!(f, "a subscription becomes {what:?}"),
            Self::Policy(switches) => write!(f, "the policy is deployed with {switches:?}"),
            Self::Ask { of, what } => write!(f, "installation {of} is asked to {what}"),
            Self::Goes { wrong, at, after, times } => {
                write!(f, "{wrong:?} is ahead for {at:?}, after {after}, {times} times")
            }
            Self::Wait(seconds) => write!(f, "{seconds} s go by"),
        }
    }
}

impl fmt::Display for OnCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Make { whose, tags, ready } => {
                let slowly = if *ready { "" } else { " slowly" };
                write!(
                    f,
                    "is made{slowly} with {}, tagged{}",
                    Name(*whose),
                    tags.told(&ASKS, "sandbox")
                )
            }
            Self::Delete => f.write_str("is deleted"),
            Self::Tag(tags) => write!(f, "is tagged{}", tags.told(&ASKS, "sandbox")),
            Self::Identity(whose) => write!(f, "gets {}", Name(*whose)),
            Self::MakeAgain { whose, tags } => write!(
                f,
                "is deleted and made again with {}, tagged{}",
                Name(*whose),
                tags.told(&ASKS, "sandbox")
            ),
            Self::Migrate(whose) => write!(f, "gets {} for the service principal", Name(*whose)),
            Self::Reimage(pool) => write!(f, "has pool {pool} reimaged"),
            Self::Pool { pool, state } => write!(f, "has pool {pool} {}", STATES[*state]),
            Self::Boot(None) => f.write_str("boots from no registry"),
            Self::Boot(Some(place)) => write!(f, "boots from acr{place}"),
        }
    }
}

impl fmt::Display for OnRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = |abac| if abac { "ABAC mode" } else { "legacy mode" };
        match self {
            Self::Make { tags, abac } => {
                write!(f, "is made in {}, tagged{}", mode(*abac), tags.told(&OFFERS, "production"))
            }
            Self::Delete => f.write_str("is deleted"),
            Self::Move => f.write_str("is moved"),
            Self::Tag(tags) => write!(f, "is tagged{}", tags.told(&OFFERS, "production")),
            Self::Mode { abac } => write!(f, "is switched to {}", mode(*abac)),
            Self::Namesake { is_there: true } => f.write_str("gets a namesake"),
            Self::Namesake { is_there: false } => f.write_str("has its namesake deleted"),
        }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Pair { attach, cluster, registry, by_name } => {
                let what = if attach { "attach" } else { "detach" };
                let how = if by_name { "name" } else { "id" };
                write!(f, "{what} acr{registry} and aks{cluster}, by {how}")
            }
            Self::FormerIdentities { cluster, registry } => {
                write!(f, "detach acr{registry} from former identities of aks{cluster}")
            }
            Self::Reconcile(0) => f.write_str("reconcile everything"),
            Self::Reconcile(scope) if scope <= PLACES => write!(f, "reconcile aks{}", scope - 1),
            Self::Reconcile(scope) if scope <= 2 * PLACES => {
                write!(f, "reconcile acr{}", scope - 1 - PLACES)
            }
            Self::Reconcile(scope) => {
                write!(f, "reconcile subscription {}", scope - 1 - 2 * PLACES)
            }
        }
    }
}

struct Name(Whose);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Whose::Own => f.write_str("an identity of its own"),
            Whose::Shared(number) => write!(f, "the shared identity {number}"),
            Whose::ServicePrincipal => f.write_str("the service principal"),
        }
    }
}

impl Tags {
    fn told(self, attach: &[&str], stage: &str) -> String {
        let Self { attach: which, team, stage: is_staged, pin } = self;
        let all = [
            ("acr-attach", attach[which]),
            ("team", TEAMS[team]),
            ("stage", if is_staged { stage } else { "" }),
            ("pin", if pin { "yes" } else { "" }),
        ];
        let given = all.iter().filter(|(_, value)| !value.is_empty());
        let given: Vec<_> = given.map(|(name, value)| format!("{name}={value:?}")).collect();
        if given.is_empty() { " with nothing".to_owned() } else { format!(" {}", given.join(" ")) }
    }
}

impl fmt::Display for ByHand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
