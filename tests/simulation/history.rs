//! A history: what happens, in order, made up from a seed before anything happens. Each step carries
//! its own numbers, so that one can be left out and the rest stays what it is.

use crate::roll::Roll;
use crate::stories::with_stories;
use crate::told::told;

/// How many clusters, and how many registries, there are places for
pub(crate) const PLACES: usize = 3;

/// How many pools of nodes a cluster has
pub(crate) const POOLS: usize = 2;

/// What happens
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) seed: u64,
    pub(crate) setting: Setting,
    pub(crate) steps: Vec<Step>,
}

/// What stays as it is for the whole history
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub(crate) struct Setting {
    pub(crate) sync: bool,
    /// Whether a second installation, with another owner, looks after the same estate
    pub(crate) two: bool,
    pub(crate) graph_lag: u64,
    pub(crate) creation: u64,
    pub(crate) directory_lag: u64,
    pub(crate) hides_descriptions: bool,
    /// Whether clusters say when they were created
    pub(crate) dates_clusters: bool,
    /// What the policy says of what was replaced, in the beginning
    pub(crate) switches: Switches,
}

/// What the policy says of what was replaced
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Switches {
    /// `former_identities: remove`
    pub(crate) removes_identities: bool,
    /// `former_roles: remove`
    pub(crate) removes_roles: bool,
}

/// Something that happens, after a pause
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) pause: u64,
    pub(crate) act: Act,
    pub(crate) fate: Fate,
}

/// What becomes of the events that a step causes
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Lost,
    Prompt,
    Late,
    Twice,
}

/// Tags, each by its place among the values that there are
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tags {
    pub(crate) attach: usize,
    pub(crate) team: usize,
    pub(crate) stage: bool,
    pub(crate) pin: bool,
}

/// Which identity a cluster has
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whose {
    Own,
    Shared(usize),
    ServicePrincipal,
}

/// Where a request for trouble strikes
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Where {
    Reads,
    Writes,
    Graph,
    Queue,
    Anywhere,
}

/// What goes wrong with a request
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The worker is gone before the request is carried out
    CrashBefore,
    /// The worker is gone after it was
    CrashAfter,
    /// It is carried out, and nobody hears of it
    AnswerLost,
    /// It gets lost
    RequestLost,
    Throttled(u64),
    OutOfOrder,
    /// Resource Graph leaves out the end of its answer, and says so
    CutShort,
    /// It takes so many seconds
    Slow(u64),
}

/// What happens in a step
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    Cluster(usize, OnCluster),
    Registry(usize, OnRegistry),
    ByHand(ByHand),
    Rights(Rights),
    /// The policy is deployed with these switches
    Policy(Switches),
    Ask {
        of: usize,
        what: Ask,
    },
    Goes {
        wrong: Trouble,
        at: Where,
        after: u64,
        times: u64,
    },
    Wait(u64),
}

/// What happens to a cluster
#[derive(Clone, Copy, Debug)]
pub(crate) enum OnCluster {
    Make {
        whose: Whose,
        tags: Tags,
        ready: bool,
    },
    Delete,
    Tag(Tags),
    Identity(Whose),
    /// Deleted, and made with the same id
    MakeAgain {
        whose: Whose,
        tags: Tags,
    },
    /// An identity instead of the service principal
    Migrate(Whose),
    /// The nodes of a pool get what the cluster has now
    Reimage(usize),
    /// The `provisioningState` of a pool, by its place among [`STATES`]
    Pool {
        pool: usize,
        state: usize,
    },
    /// Its nodes boot from this registry, or from none
    Boot(Option<usize>),
}

/// What happens to a registry
#[derive(Clone, Copy, Debug)]
pub(crate) enum OnRegistry {
    Make {
        tags: Tags,
        abac: bool,
    },
    Delete,
    /// To another group in another subscription
    Move,
    Tag(Tags),
    Mode {
        abac: bool,
    },
    /// Another registry with its name comes, or goes
    Namesake {
        is_there: bool,
    },
}

/// What a person does to role assignments; those that are there already are counted off
#[derive(Clone, Copy, Debug)]
pub(crate) enum ByHand {
    Assign { cluster: usize, registry: usize, abac: bool, conditional: bool, copy: bool },
    Unassign(usize),
    Redescribe(usize),
}

/// What becomes of the installations' rights in a subscription
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rights {
    Unreadable(usize),
    Unwritable(usize),
    Restored,
}

/// What is asked of an installation
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ask {
    Pair {
        attach: bool,
        cluster: usize,
        registry: usize,
        by_name: bool,
    },
    /// A registry detached from identities that a cluster does not have any more
    FormerIdentities {
        cluster: usize,
        registry: usize,
    },
    /// Everything, a cluster, a registry or a subscription
    Reconcile(usize),
}

impl History {
    /// The history of this seed. `TETHER_SIM_PLAIN` leaves out what is played of identities, roles and
    /// clusters that are replaced: a plain history.
    pub(crate) fn of(seed: u64) -> Self {
        let plain = Self::plain(seed);
        if told::<u8>("TETHER_SIM_PLAIN").is_some() { plain } else { with_stories(plain) }
    }

    /// The plain history of this seed
    pub(crate) fn plain(seed: u64) -> Self {
        Roll::new(seed).history(seed)
    }
}

/// The `provisioningState` of a pool
pub(crate) const STATES: [&str; 4] = ["Succeeded", "Succeeded", "Scaling", "Failed"];

/// How many scopes there are to reconcile: everything, each cluster, each registry, each subscription
pub(crate) const SCOPES: usize = 1 + PLACES + PLACES + 2;

/// The value of `acr-attach` on a cluster
pub(crate) const ASKS: [&str; 6] =
    ["", "auto", "acr0", "acr1, ACR2.azurecr.io", "disabled", "acr0,acr1"];

/// The value of `acr-attach` on a registry
pub(crate) const OFFERS: [&str; 6] = ["", "auto", "yes", "auto", "Disabled", "auto"];

/// The value of `team`
pub(crate) const TEAMS: [&str; 3] = ["", "a", "b"];
