//! What takes several steps to happen: identities, roles and clusters that are replaced, with runs of
//! tether in between. Its steps are strewn into a plain history, in their order.

use crate::history::{
    Act, Ask, Fate, History, OnCluster, OnRegistry, PLACES, POOLS, Rights, STATES, Setting, Step,
    Switches, Tags, Whose,
};
use crate::roll::Roll;

/// A plain history with one or two such stories in it
pub(crate) fn with_stories(mut history: History) -> History {
    let mut dice = Roll::new(history.seed ^ 0x0051_0e5e);
    history.setting.switches = dice.switches();
    history.setting.dates_clusters = dice.one_in(5, 4);
    let is_first = |step: &Step| {
        matches!(step.act, Act::Cluster(_, OnCluster::Make { .. }))
            || matches!(step.act, Act::Registry(_, OnRegistry::Make { .. }))
    };
    let first = history.steps.iter().take_while(|step| is_first(step)).count();
    for _ in 0..=dice.below(2) {
        let mut at = first;
        // Most are told in one go: what happens in between often ends them.
        let is_strewn = dice.one_in(3, 1);
        at += dice.below(history.steps.len() - at + 1);
        for step in Story::new(&mut dice, history.setting).told() {
            history.steps.insert(at, step);
            at += 1;
            if is_strewn {
                at += dice.below(history.steps.len() - at + 1).min(2);
            }
        }
    }
    history
}

impl Roll {
    pub(crate) fn switches(&mut self) -> Switches {
        Switches { removes_identities: self.one_in(5, 2), removes_roles: self.one_in(5, 2) }
    }
}

/// A story about a cluster, another one, and a registry
struct Story<'a> {
    dice: &'a mut Roll,
    setting: Setting,
    cluster: usize,
    other: usize,
    registry: usize,
    steps: Vec<Step>,
}

const NOTHING: Tags = Tags { attach: 0, team: 0, stage: false, pin: false };

/// What the rule for teams asks for on both sides
const TEAM: Tags = Tags { attach: 1, team: 1, ..NOTHING };

const DISABLED: Tags = Tags { attach: 4, ..TEAM };

impl<'a> Story<'a> {
    fn new(dice: &'a mut Roll, setting: Setting) -> Self {
        let cluster = dice.below(PLACES);
        let other = (cluster + 1 + dice.below(PLACES - 1)) % PLACES;
        let registry = dice.below(PLACES);
        Self { dice, setting, cluster, other, registry, steps: Vec::new() }
    }

    fn told(mut self) -> Vec<Step> {
        match self.dice.below(20) {
            0..4 => self.replacement(),
            4..6 => self.service_principal(),
            6..10 => self.blue_and_green(),
            10..12 => self.mode(),
            12..14 => self.pin(),
            14 | 15 => self.detached(),
            16 => self.boots(),
            17 => self.namesake(),
            _ => self.made_again(),
        }
        self.steps
    }

    fn act(&mut self, act: Act) {
        let step = self.dice.step(act, true);
        // Hours go by between two steps of a migration, or nothing does.
        let pause = if self.dice.one_in(3, 1) { step.pause } else { 0 };
        self.steps.push(Step { pause, ..step });
    }

    fn cluster(&mut self, what: OnCluster) {
        self.act(Act::Cluster(self.cluster, what));
    }

    fn registry(&mut self, what: OnRegistry) {
        self.act(Act::Registry(self.registry, what));
    }

    /// The timer comes, most times after Resource Graph knows all.
    fn tick(&mut self) {
        let of = self.dice.below(2);
        let act = match self.dice.below(8) {
            0 => Act::Ask { of, what: Ask::Reconcile(1 + self.cluster) },
            1 => Act::Ask { of, what: Ask::Reconcile(1 + PLACES + self.registry) },
            _ => Act::Ask { of, what: Ask::Reconcile(0) },
        };
        let wait = self.dice.of(&[0, self.setting.graph_lag + 5, self.setting.graph_lag + 5]);
        self.steps.push(Step { pause: wait * 1000, act, fate: Fate::Prompt });
        if self.dice.one_in(2, 1) {
            self.act(Act::Wait(20));
        }
    }

    fn sometimes(&mut self, what: impl FnOnce(&mut Self)) {
        if self.dice.one_in(2, 1) {
            what(self);
        }
    }

    /// The cluster is entitled to the registry, and most times attached.
    fn entitled(&mut self) {
        self.registry(OnRegistry::Tag(Tags { pin: self.registry == 0, ..TEAM }));
        self.cluster(OnCluster::Tag(TEAM));
        self.tick();
    }

    fn replacement(&mut self) {
        self.entitled();
        let whose = self.dice.of(&[Whose::Own, Whose::Own, Whose::Shared(0)]);
        self.cluster(OnCluster::Identity(whose));
        self.sometimes(Self::tick);
        self.sometimes(|story| {
            story.cluster(OnCluster::Identity(Whose::Own));
            story.tick();
        });
        self.nodes_follow();
    }

    fn service_principal(&mut self) {
        self.cluster(OnCluster::MakeAgain { whose: Whose::ServicePrincipal, tags: TEAM });
        self.entitled();
        let whose = self.dice.of(&[Whose::Own, Whose::Own, Whose::Shared(1)]);
        self.cluster(OnCluster::Migrate(whose));
        self.tick();
        self.nodes_follow();
    }

    /// Pool after pool is reimaged, and tags and switches change in between.
    fn nodes_follow(&mut self) {
        for pool in 0..POOLS {
            self.sometimes(|story| {
                let state = story.dice.below(STATES.len());
                story.cluster(OnCluster::Pool { pool, state });
            });
            self.sometimes(Self::tick);
            self.sometimes(Self::vetoed_for_a_while);
            self.sometimes(|story| {
                let switches = story.dice.switches();
                story.act(Act::Policy(switches));
            });
            self.sometimes(|story| story.cluster(OnCluster::Reimage(pool)));
            self.tick();
        }
        self.sometimes(|story| {
            story.cluster(OnCluster::Pool { pool: 0, state: 0 });
            story.tick();
        });
        self.sometimes(Self::former_identities);
    }

    /// A veto or the end of the wish, and mostly the tag back
    fn vetoed_for_a_while(&mut self) {
        let tags = self.dice.of(&[DISABLED, DISABLED, NOTHING, Tags { stage: true, ..TEAM }]);
        let is_cluster = self.dice.one_in(3, 2);
        if is_cluster {
            self.cluster(OnCluster::Tag(tags));
        } else {
            self.registry(OnRegistry::Tag(tags));
        }
        self.tick();
        if self.dice.one_in(4, 3) {
            self.cluster(OnCluster::Tag(TEAM));
            self.registry(OnRegistry::Tag(TEAM));
            self.sometimes(Self::tick);
        }
    }

    fn former_identities(&mut self) {
        let (cluster, registry) = (self.cluster, self.registry);
        let of = self.dice.below(2);
        self.act(Act::Ask { of, what: Ask::FormerIdentities { cluster, registry } });
        self.sometimes(Self::tick);
    }

    /// Two clusters share an identity. They leave it one after the other, or one is deleted.
    fn blue_and_green(&mut self) {
        let whose = Whose::Shared(0);
        self.cluster(OnCluster::MakeAgain { whose, tags: TEAM });
        self.sometimes(|story| {
            story.registry(OnRegistry::Tag(TEAM));
            story.tick();
        });
        self.act(Act::Cluster(self.other, OnCluster::MakeAgain { whose, tags: TEAM }));
        self.registry(OnRegistry::Tag(TEAM));
        self.tick();
        self.sometimes(Self::tick);
        for _ in 0..2 {
            let what = self.dice.of(&[
                OnCluster::Identity(Whose::Own),
                OnCluster::Identity(Whose::Own),
                OnCluster::Identity(Whose::Own),
                OnCluster::Delete,
                OnCluster::Tag(NOTHING),
                OnCluster::Tag(DISABLED),
            ]);
            let which = if self.dice.one_in(4, 3) { self.cluster } else { self.other };
            self.act(Act::Cluster(which, what));
            self.sometimes(Self::tick);
            (self.cluster, self.other) = (self.other, self.cluster);
        }
        self.tick();
        self.sometimes(Self::nodes_follow);
    }

    /// The registry's mode changes, and mostly back.
    fn mode(&mut self) {
        self.entitled();
        let abac = self.dice.one_in(2, 1);
        for abac in [abac, !abac, abac] {
            self.registry(OnRegistry::Mode { abac });
            self.sometimes(Self::tick);
            self.sometimes(|story| {
                let switches = story.dice.switches();
                story.act(Act::Policy(switches));
            });
            self.tick();
        }
        self.sometimes(Self::vetoed_for_a_while);
    }

    fn ask(&mut self, attach: bool) {
        let (cluster, registry) = (self.cluster, self.registry);
        let (of, by_name) = (self.dice.below(2), self.dice.one_in(3, 1));
        self.act(Act::Ask { of, what: Ask::Pair { attach, cluster, registry, by_name } });
        self.act(Act::Wait(20));
    }

    /// A pin, and another identity
    fn pin(&mut self) {
        self.registry(OnRegistry::Tag(Tags { pin: true, ..NOTHING }));
        self.cluster(OnCluster::Tag(NOTHING));
        self.ask(true);
        self.sometimes(|story| story.registry(OnRegistry::Mode { abac: true }));
        self.sometimes(Self::tick);
        self.cluster(OnCluster::Identity(Whose::Own));
        self.tick();
        self.sometimes(|story| story.cluster(OnCluster::Reimage(0)));
        self.sometimes(|story| {
            story.act(Act::Policy(Switches { removes_identities: true, removes_roles: true }));
        });
        self.tick();
        self.sometimes(|story| story.registry(OnRegistry::Tag(DISABLED)));
        self.sometimes(|story| story.ask(false));
        self.tick();
    }

    /// A migration that a person ends with a command
    fn detached(&mut self) {
        self.registry(OnRegistry::Tag(Tags { pin: true, ..TEAM }));
        self.cluster(OnCluster::Tag(TEAM));
        self.sometimes(Self::tick);
        self.sometimes(|story| story.ask(true));
        self.tick();
        self.cluster(OnCluster::Identity(Whose::Own));
        self.tick();
        self.sometimes(Self::former_identities);
        self.cluster(OnCluster::Tag(NOTHING));
        self.ask(false);
        self.tick();
        self.sometimes(|story| story.cluster(OnCluster::Identity(Whose::Own)));
        self.tick();
    }

    fn boots(&mut self) {
        self.cluster(OnCluster::Boot(Some(self.registry)));
        self.entitled();
        self.sometimes(|story| story.cluster(OnCluster::Identity(Whose::Own)));
        self.sometimes(Self::tick);
        self.vetoed_for_a_while();
        self.sometimes(|story| story.ask(false));
        self.sometimes(|story| story.cluster(OnCluster::Boot(None)));
        self.tick();
    }

    /// A subscription does not answer, and has a registry of the name that a tag has.
    fn namesake(&mut self) {
        self.registry(OnRegistry::Tag(TEAM));
        let silent = (self.registry + 1) % 2;
        self.registry(OnRegistry::Namesake { is_there: true });
        let attach = [2, 3, 3][self.registry];
        self.act(Act::Rights(Rights::Unreadable(silent)));
        self.cluster(OnCluster::Tag(Tags { attach, ..NOTHING }));
        self.tick();
        self.sometimes(|story| story.act(Act::Rights(Rights::Restored)));
        self.tick();
        self.sometimes(|story| story.registry(OnRegistry::Namesake { is_there: false }));
        self.tick();
    }

    /// A cluster is deleted, and another one gets its id.
    fn made_again(&mut self) {
        self.entitled();
        self.sometimes(|story| {
            story.cluster(OnCluster::Identity(Whose::Own));
            story.tick();
        });
        let whose = self.dice.of(&[Whose::Own, Whose::Shared(0), Whose::ServicePrincipal]);
        let tags = self.dice.of(&[TEAM, NOTHING, DISABLED]);
        self.cluster(OnCluster::MakeAgain { whose, tags });
        self.tick();
        self.sometimes(Self::tick);
        self.cluster(OnCluster::Tag(TEAM));
        self.tick();
    }
}
