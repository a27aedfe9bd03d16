//! A history: what happens, in order, made up from a seed before anything happens. Each step carries
//! its own numbers, so that one can be left out and the rest stays what it is.

use tether::emulator::havoc::Dice;

/// How many clusters, and how many registries, there are places for
pub(crate) const PLACES: usize = 3;

/// What happens
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) seed: u64,
    pub(crate) setting: Setting,
    pub(crate) steps: Vec<Step>,
}

/// What stays as it is for the whole history
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) sync: bool,
    /// Whether a second installation, with another owner, looks after the same estate
    pub(crate) two: bool,
    pub(crate) graph_lag: u64,
    pub(crate) creation: u64,
    pub(crate) directory_lag: u64,
    pub(crate) hides_descriptions: bool,
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
    Ask { of: usize, what: Ask },
    Goes { wrong: Trouble, at: Where, after: u64, times: u64 },
    Wait(u64),
}

/// What happens to a cluster
#[derive(Clone, Copy, Debug)]
pub(crate) enum OnCluster {
    Make { whose: Whose, tags: Tags, ready: bool },
    Delete,
    Tag(Tags),
    Identity(Whose),
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
    /// Everything, a cluster, a registry or a subscription
    Reconcile(usize),
}

impl History {
    /// The history of this seed
    pub(crate) fn of(seed: u64) -> Self {
        let mut dice = Roll(Dice::new(seed));
        let setting = Setting {
            sync: dice.one_in(4, 3),
            two: dice.one_in(5, 1),
            graph_lag: dice.of(&[0, 0, 5, 40, 150]),
            creation: dice.of(&[0, 30, 240]),
            directory_lag: dice.of(&[0, 0, 20]),
            hides_descriptions: dice.one_in(8, 1),
        };
        let mut steps = Vec::new();
        for place in 0..PLACES {
            if place < 2 || dice.one_in(2, 1) {
                let act = dice.registry(place);
                steps.push(dice.step(act, false));
            }
            if place < 2 || dice.one_in(2, 1) {
                let act = dice.cluster(place);
                steps.push(dice.step(act, false));
            }
        }
        // Most worlds are as they should be before anything happens to them.
        for of in 0..2 {
            if dice.one_in(4, 3) {
                let act = Act::Ask { of, what: Ask::Reconcile(0) };
                steps.push(Step { pause: setting.graph_lag * 1000, ..dice.step(act, true) });
            }
        }
        for _ in 0..5 + dice.below(7) {
            let act = dice.act();
            steps.push(dice.step(act, true));
            // Trouble that nobody runs into is none.
            if matches!(act, Act::Goes { .. }) {
                let act = dice.stir();
                steps.push(Step { fate: Fate::Prompt, ..dice.step(act, true) });
            }
        }
        Self { seed, setting, steps }
    }
}

/// Dice, and what is made up with them
struct Roll(Dice);

impl Roll {
    fn below(&mut self, most: usize) -> usize {
        self.0.below(most)
    }

    /// True so many times in that many
    fn one_in(&mut self, all: usize, times: usize) -> bool {
        self.below(all) < times
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn step(&mut self, act: Act, later: bool) -> Step {
        let pauses: &[u64] =
            if later { &[0, 0, 50, 300, 900, 2000, 9000, 70_000] } else { &[0, 20] };
        let fates: &[Fate] = if later {
            &[Fate::Lost, Fate::Lost, Fate::Prompt, Fate::Prompt, Fate::Late, Fate::Twice]
        } else {
            &[Fate::Lost, Fate::Lost, Fate::Lost, Fate::Prompt]
        };
        let fate = self.of(fates);
        Step { pause: self.of(pauses), act, fate }
    }

    fn tags(&mut self) -> Tags {
        Tags {
            attach: self.of(&[0, 1, 1, 1, 1, 2, 2, 3, 4, 5]),
            team: self.of(&[0, 1, 1, 1, 1, 2]),
            stage: self.one_in(8, 1),
            pin: self.one_in(3, 1),
        }
    }

    fn whose(&mut self) -> Whose {
        self.of(&[
            Whose::Own,
            Whose::Own,
            Whose::Own,
            Whose::Shared(0),
            Whose::Shared(0),
            Whose::Shared(1),
            Whose::ServicePrincipal,
        ])
    }

    fn cluster(&mut self, place: usize) -> Act {
        let ready = self.one_in(4, 3);
        let make = OnCluster::Make { whose: self.whose(), tags: self.tags(), ready };
        Act::Cluster(place, make)
    }

    fn registry(&mut self, place: usize) -> Act {
        Act::Registry(place, OnRegistry::Make { tags: self.tags(), abac: self.one_in(4, 1) })
    }

    fn tag(&mut self, place: usize, is_cluster: bool) -> Act {
        if is_cluster {
            Act::Cluster(place, OnCluster::Tag(self.tags()))
        } else {
            Act::Registry(place, OnRegistry::Tag(self.tags()))
        }
    }

    fn mode(&mut self, place: usize) -> Act {
        Act::Registry(place, OnRegistry::Mode { abac: self.one_in(2, 1) })
    }

    fn identity(&mut self, place: usize) -> Act {
        let whose = self.of(&[Whose::Own, Whose::Own, Whose::Shared(0), Whose::Shared(1)]);
        Act::Cluster(place, OnCluster::Identity(whose))
    }

    fn pair(&mut self) -> Act {
        let (cluster, registry) = (self.below(PLACES), self.below(PLACES));
        let (attach, by_name) = (self.one_in(5, 3), self.one_in(3, 1));
        Act::Ask { of: self.below(2), what: Ask::Pair { attach, cluster, registry, by_name } }
    }

    fn everything(&mut self) -> Act {
        Act::Ask { of: self.below(2), what: Ask::Reconcile(0) }
    }

    fn by_hand(&mut self) -> Act {
        Act::ByHand(match self.below(5) {
            0..2 => ByHand::Assign {
                cluster: self.below(PLACES),
                registry: self.below(PLACES),
                abac: self.one_in(3, 1),
                conditional: self.one_in(4, 1),
                copy: self.one_in(3, 1),
            },
            2..4 => ByHand::Unassign(self.below(12)),
            _ => ByHand::Redescribe(self.below(12)),
        })
    }

    fn act(&mut self) -> Act {
        let place = self.below(PLACES);
        match self.below(52) {
            0..3 => self.cluster(place),
            3..5 => self.registry(place),
            5..7 => Act::Cluster(place, OnCluster::Delete),
            7 => Act::Registry(place, OnRegistry::Delete),
            8 => Act::Registry(place, OnRegistry::Move),
            9..14 => self.tag(place, true),
            14..17 => self.tag(place, false),
            17..19 => self.mode(place),
            19..22 => self.identity(place),
            22..27 => self.by_hand(),
            27..33 => self.pair(),
            33..36 => Act::Ask { of: self.below(2), what: Ask::Reconcile(self.below(SCOPES)) },
            36..38 => self.everything(),
            38..48 => self.trouble(),
            48 => Act::Rights(Rights::Unreadable(self.below(2))),
            49 => Act::Rights(Rights::Unwritable(self.below(2))),
            50 => Act::Rights(Rights::Restored),
            _ => Act::Wait(self.of(&[60, 130, 310])),
        }
    }

    /// Something that has the workers write
    fn stir(&mut self) -> Act {
        let place = self.below(PLACES);
        match self.below(8) {
            0..2 => self.tag(place, true),
            2 => self.tag(place, false),
            3 => self.mode(place),
            4 => self.identity(place),
            5 => self.everything(),
            _ => self.pair(),
        }
    }

    fn trouble(&mut self) -> Act {
        let (wrong, at) = match self.below(12) {
            0..2 => {
                (Trouble::CrashBefore, self.of(&[Where::Anywhere, Where::Writes, Where::Queue]))
            }
            2..4 => (Trouble::CrashAfter, self.of(&[Where::Anywhere, Where::Writes, Where::Queue])),
            4 => (Trouble::AnswerLost, self.of(&[Where::Writes, Where::Writes, Where::Queue])),
            5 => (Trouble::RequestLost, self.of(&[Where::Anywhere, Where::Writes, Where::Queue])),
            6 => (
                Trouble::Throttled(self.of(&[1, 5, 70])),
                self.of(&[Where::Reads, Where::Writes, Where::Graph]),
            ),
            7 => (
                Trouble::OutOfOrder,
                self.of(&[Where::Reads, Where::Writes, Where::Graph, Where::Queue]),
            ),
            8 => (Trouble::CutShort, Where::Graph),
            _ => (
                Trouble::Slow(self.of(&[1, 3, 20])),
                self.of(&[Where::Reads, Where::Writes, Where::Anywhere]),
            ),
        };
        let after = self.of(&[0, 0, 1, 2, 3, 5, 8, 13]);
        Act::Goes { wrong, at, after, times: self.of(&[1, 1, 1, 2, 4]) }
    }
}

/// How many scopes there are to reconcile: everything, each cluster, each registry, each subscription
pub(crate) const SCOPES: usize = 1 + PLACES + PLACES + 2;

/// The value of `acr-attach` on a cluster
pub(crate) const ASKS: [&str; 6] =
    ["", "auto", "acr0", "acr1, ACR2.azurecr.io", "disabled", "acr0,acr1"];

/// The value of `acr-attach` on a registry
pub(crate) const OFFERS: [&str; 6] = ["", "auto", "yes", "auto", "Disabled", "auto"];

/// The value of `team`
pub(crate) const TEAMS: [&str; 3] = ["", "a", "b"];
