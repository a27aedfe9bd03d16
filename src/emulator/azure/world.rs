//! Everything that exists in the pretend Azure, and the passing of time in it.
//!
//! It knows no HTTP. What a request does to it is in the files named after what is asked for.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;
use uuid::Uuid;

use super::clusters;
use super::denials::DenialSpec;
use super::events::Subscribers;
use super::index::Index;
use super::limits::Used;
use super::locks::Lock;
use super::log::RequestRecord;
use super::options::{CreationEvent, Options, Subscription};
use super::register::Register;
use super::resources::Resource;
use super::rights::Right;
use super::tokens::Tokens;

/// The state of one Azure
pub(super) struct World {
    pub(super) options: Options,
    /// Where it listens: links to next pages need it
    pub(super) endpoint: String,
    /// The time of the request that is being answered
    pub(super) now: OffsetDateTime,
    /// By id in lower case
    pub(super) subscriptions: BTreeMap<String, Subscription>,
    /// By id in lower case; changed by [`keep`](Self::keep) and [`take`](Self::take) alone
    pub(super) resources: BTreeMap<String, Resource>,
    /// What is still being created, by the time at which it is finished
    unfinished: BTreeSet<(OffsetDateTime, String)>,
    pub(super) assignments: Register,
    pub(super) principals: BTreeMap<Uuid, Principal>,
    /// Members of groups
    pub(super) groups: BTreeMap<Uuid, BTreeSet<Uuid>>,
    pub(super) locks: Vec<Lock>,
    pub(super) denials: Vec<DenialSpec>,
    pub(super) rights: BTreeSet<(String, Right)>,
    pub(super) tokens: Tokens,
    pub(super) used: Used,
    pub(super) log: Vec<RequestRecord>,
    pub(super) subscribers: Subscribers,
    pub(super) index: Index,
    serial: u64,
}

/// Someone in the directory
#[derive(Clone, Debug)]
pub(super) struct Principal {
    /// `ServicePrincipal`, `User` or `Group`
    pub(super) kind: String,
    /// When role assignments can see them
    pub(super) known_from: OffsetDateTime,
}

impl World {
    pub(super) fn new(options: Options, endpoint: String) -> Self {
        let now = options.clock.now();
        let subscriptions: BTreeMap<_, _> =
            options.subscriptions.iter().map(|one| (one.id.to_string(), one.clone())).collect();
        let rights = subscriptions
            .keys()
            .flat_map(|id| [Right::Read, Right::Assign].map(|right| (id.clone(), right)))
            .collect();
        let mut world = Self {
            options,
            endpoint,
            now,
            subscriptions,
            resources: BTreeMap::new(),
            unfinished: BTreeSet::new(),
            assignments: Register::default(),
            principals: BTreeMap::new(),
            groups: BTreeMap::new(),
            locks: Vec::new(),
            denials: Vec::new(),
            rights,
            tokens: Tokens::default(),
            used: Used::default(),
            log: Vec::new(),
            subscribers: Subscribers::default(),
            index: Index::default(),
            serial: 0,
        };
        world.index_subscriptions();
        world.index.catch_up(now + world.options.graph_lag);
        world
    }

    /// Lets everything happen that was due by now
    pub(super) fn settle(&mut self) {
        self.now = self.options.clock.now();
        let due = self.unfinished.iter().take_while(|(at, _)| *at <= self.now);
        // In the order of their keys, whichever was due first: serial numbers are given meanwhile.
        let due: BTreeSet<String> = due.map(|(_, key)| key.clone()).collect();
        for key in due {
            self.finish(&key);
        }
        self.index.catch_up(self.now);
    }

    /// When the next thing happens by itself
    pub(super) fn next_due(&self) -> Option<OffsetDateTime> {
        self.unfinished.first().map(|(at, _)| *at)
    }

    /// Ends the creation of a cluster, if it has not ended
    pub(super) fn finish(&mut self, key: &str) {
        let serial = self.next_serial();
        let Some(mut resource) = self.resources.get(key).cloned() else { return };
        let Some(ready_at) = resource.ready_at.take() else { return };
        let at = ready_at.min(self.now);
        if let Some(principal) = clusters::finish(&mut resource, serial) {
            self.meet(principal, "ServicePrincipal", at + self.options.directory_lag);
        }
        let creation = resource.creation.take();
        self.keep(key.to_owned(), resource);
        self.index_resource(key, at);
        if let Some(happened) = creation
            && self.options.creation_event == CreationEvent::Finished
        {
            self.emit(&happened);
        }
    }

    /// Puts a resource in its place
    pub(super) fn keep(&mut self, key: String, resource: Resource) {
        self.take(&key);
        if let Some(ready_at) = resource.ready_at {
            self.unfinished.insert((ready_at, key.clone()));
        }
        self.resources.insert(key, resource);
    }

    /// Takes a resource away
    pub(super) fn take(&mut self, key: &str) -> Option<Resource> {
        let taken = self.resources.remove(key)?;
        if let Some(ready_at) = taken.ready_at {
            self.unfinished.remove(&(ready_at, key.to_owned()));
        }
        Some(taken)
    }

    /// Adds someone to the directory, unless they are in it
    pub(super) fn meet(&mut self, who: Uuid, kind: &str, known_from: OffsetDateTime) {
        self.principals.entry(who).or_insert(Principal { kind: kind.to_owned(), known_from });
    }

    /// A number that was never given before
    pub(super) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// An id that is the same in every run
    pub(super) fn made_up(&self, name: &str) -> Uuid {
        Uuid::new_v5(&self.options.tenant, name.as_bytes())
    }
}
