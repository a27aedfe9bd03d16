//! Makes plain histories up.

use tether::emulator::havoc::Dice;

use crate::history::{
    Act, Ask, ByHand, Fate, History, OnCluster, OnRegistry, PLACES, Rights, SCOPES, Setting, Step,
    Switches, Tags, Trouble, Where, Whose,
};

/// Dice, and what is made up with them
pub(crate) struct Roll(Dice);

impl Roll {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Dice::new(seed))
    }

    /// A plain history
    pub(crate) fn history(&mut self, seed: u64) -> History {
        let setting = Setting {
            sync: self.one_in(4, 3),
            two: self.one_in(5, 1),
            graph_lag: self.of(&[0, 0, 5, 40, 150]),
            creation: self.of(&[0, 30, 240]),
            directory_lag: self.of(&[0, 0, 20]),
            hides_descriptions: self.one_in(8, 1),
            dates_clusters: true,
            switches: Switches::default(),
        };
        let mut steps = Vec::new();
        for place in 0..PLACES {
            if place < 2 || self.one_in(2, 1) {
                let act = self.registry(place);
                steps.push(self.step(act, false));
            }
            if place < 2 || self.one_in(2, 1) {
                let act = self.cluster(place);
                steps.push(self.step(act, false));
            }
        }
        // Most worlds are as they should be before anything happens to them.
        for of in 0..2 {
            if self.one_in(4, 3) {
                let act = Act::Ask { of, what: Ask::Reconcile(0) };
                steps.push(Step { pause: setting.graph_lag * 1000, ..self.step(act, true) });
            }
        }
        for _ in 0..5 + self.below(7) {
            let act = self.act();
            steps.push(self.step(act, true));
            // Trouble that nobody runs into is none.
            if matches!(act, Act::Goes { .. }) {
                let act = self.stir();
                steps.push(Step { fate: Fate::Prompt, ..self.step(act, true) });
            }
        }
        History { seed, setting, steps }
    }

    pub(crate) fn below(&mut self, most: usize) -> usize {
        self.0.below(most)
    }

    /// True so many times in that many
    pub(crate) fn one_in(&mut self, all: usize, times: usize) -> bool {
        self.below(all) < times
    }

    pub(crate) fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    pub(crate) fn step(&mut self, act: Act, later: bool) -> Step {
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

    pub(crate) fn everything(&mut self) -> Act {
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
