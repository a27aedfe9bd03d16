//! Azure Resource Graph: the whole estate in a few queries, seconds to minutes behind the truth.
//!
//! Good for finding what to look at. What is not in an answer may still exist, so nothing is
//! removed on its word; that rule is kept by those who ask.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use azure_core::http::headers::Headers;
use moka::future::Cache;
use serde_json::value::RawValue;

use super::refusal::header;
use super::request::Ask;
use super::wire::{GraphPage, Row, Unreadable, assignment_count, grant, subscription};
use super::{Arm, ArmError, Estate, query};
use crate::model::{Cluster, Grant, PrincipalId, Registry, SubscriptionId};

/// How many answers are kept
const KEPT: u64 = 16;

/// The most pages of one query that are read: more is a server that goes in circles
const PAGES: usize = 1000;

/// How many problems of one answer are logged one by one
const TOLD: usize = 10;

/// Which resources of the estate are wanted
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wanted {
    /// All registries
    Registries,
    /// All registries, the clusters with this kubelet identity, and those with none
    RegistriesAndHolders(PrincipalId),
    /// All registries and all clusters
    Everything,
}

/// What was seen
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Clusters, in the order of their ids as Azure sees it
    pub clusters: Vec<Cluster>,
    /// Registries, likewise
    pub registries: Vec<Registry>,
    /// Whether this is all there is, as far as Resource Graph knows
    pub complete: bool,
    /// A line on everything that is missing
    pub problems: Vec<String>,
}

/// Azure Resource Graph
#[derive(Clone)]
pub struct Graph {
    arm: Arm,
    seen: Cache<(Estate, Wanted), Arc<Seen>>,
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graph").field("arm", &self.arm).finish_non_exhaustive()
    }
}

impl Graph {
    /// Resource Graph, asked in the same way as Resource Manager; an answer serves everyone who asks
    /// for the same until it is `shared_for` old
    pub fn new(arm: Arm, shared_for: Duration) -> Self {
        let seen = Cache::builder().max_capacity(KEPT).time_to_live(shared_for).build();
        Self { arm, seen }
    }

    /// Clusters and registries of the estate
    ///
    /// # Guarantees
    /// All who ask for the same at the same time share one query, and its answer serves for as long as
    /// was stated. An error is shared only by those who waited for it.
    pub async fn seen(&self, estate: &Estate, wanted: Wanted) -> Result<Arc<Seen>, ArmError> {
        let look = async {
            let rows = self.rows(estate, &query::resources(wanted), Row::read).await?;
            rows.tell("clusters and registries");
            Ok(Arc::new(seen(estate, rows)))
        };
        let shared = self.seen.try_get_with((estate.clone(), wanted), look).await;
        shared.map_err(|error: Arc<ArmError>| ArmError::clone(&error))
    }

    /// The pull grants at the estate's registries themselves
    pub async fn pull_grants(&self, estate: &Estate) -> Result<Vec<Grant>, ArmError> {
        let rows = self.rows(estate, &query::pull_grants(), grant).await?;
        rows.tell("role assignments");
        if rows.is_cut_short {
            return Err(Unreadable::Truncated.into());
        }
        Ok(rows.items.into_iter().flatten().collect())
    }

    /// The subscriptions of the estate that can be read at all
    pub async fn subscriptions_answering(
        &self,
        estate: &Estate,
    ) -> Result<BTreeSet<SubscriptionId>, ArmError> {
        let rows = self.rows(estate, &query::subscriptions(), subscription).await?;
        rows.tell("subscriptions");
        Ok(rows.items.into_iter().collect())
    }

    /// How many role assignments, of whatever role, each subscription holds as far as is seen
    pub async fn assignment_counts(
        &self,
        estate: &Estate,
    ) -> Result<BTreeMap<SubscriptionId, usize>, ArmError> {
        let rows = self.rows(estate, &query::assignment_counts(), assignment_count).await?;
        rows.tell("counts of role assignments");
        Ok(rows.items.into_iter().collect())
    }

    /// All pages of a query
    async fn rows<T>(
        &self,
        estate: &Estate,
        query: &str,
        understand: fn(&RawValue) -> Result<T, Unreadable>,
    ) -> Result<Rows<T>, ArmError> {
        let mut rows = Rows::default();
        let mut skip_token: Option<String> = None;
        for _ in 0..PAGES {
            let body = query::body(estate, query, skip_token.as_deref());
            let client = self.arm.client();
            let answer = client.send(&Ask::graph(client.base(), body)).await?;
            let page = GraphPage::read(&answer.body)?;
            rows.add(&page, &answer.headers, understand);
            skip_token = page.skip_token;
            if skip_token.is_none() {
                return Ok(rows.counted());
            }
        }
        Err(Unreadable::Endless.into())
    }
}

/// The rows of all pages
struct Rows<T> {
    items: Vec<T>,
    problems: Vec<String>,
    is_cut_short: bool,
    found: u64,
    promised: u64,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        let (items, problems) = (Vec::new(), Vec::new());
        Self { items, problems, is_cut_short: false, found: 0, promised: 0 }
    }
}

impl<T> Rows<T> {
    fn add(
        &mut self,
        page: &GraphPage<'_>,
        headers: &Headers,
        understand: fn(&RawValue) -> Result<T, Unreadable>,
    ) {
        let (items, problems) = page.items.read(understand);
        self.items.extend(items);
        self.problems.extend(problems);
        self.found = self.found.saturating_add(page.items.len());
        self.promised = page.total.unwrap_or_default();
        if page.is_cut_short() {
            self.miss("Resource Graph cut its answer short");
        }
        let limit = header(headers, "x-ms-tenant-subscription-limit-hit");
        if limit.is_some_and(|hit| hit.eq_ignore_ascii_case("true")) {
            self.miss("Resource Graph did not look at all subscriptions");
        }
    }

    /// The rows, after the last page: pages are read one after the other, and rows may move
    /// between them.
    fn counted(mut self) -> Self {
        if self.found < self.promised {
            self.miss("Resource Graph gave fewer rows than it counted");
        }
        self
    }

    /// Logs what is missing: once for all who share the answer.
    fn tell(&self, what: &str) {
        for problem in self.problems.iter().take(TOLD) {
            tracing::warn!(problem, "not all {what} are seen in Resource Graph");
        }
        let more = self.problems.len().saturating_sub(TOLD);
        if more > 0 {
            tracing::warn!(more, "not all {what} are seen in Resource Graph");
        }
    }

    fn miss(&mut self, problem: &str) {
        self.is_cut_short = true;
        self.problems.push(problem.to_owned());
    }
}

/// What stands on one page, whatever tenant it is of
pub(super) fn seen_on(page: &GraphPage<'_>) -> Seen {
    let mut rows = Rows::default();
    rows.add(page, &Headers::new(), Row::read);
    seen(&Estate::default(), rows)
}

fn seen(estate: &Estate, rows: Rows<Row>) -> Seen {
    let mut seen = Seen {
        clusters: Vec::new(),
        registries: Vec::new(),
        complete: !rows.is_cut_short && rows.problems.is_empty(),
        problems: rows.problems,
    };
    for row in rows.items {
        match row {
            Row::Cluster(cluster) if estate.holds(cluster.tenant) => seen.clusters.push(cluster),
            Row::Registry(registry) if estate.holds(registry.tenant) => {
                seen.registries.push(registry);
            }
            Row::Cluster(_) | Row::Registry(_) => {}
        }
    }
    seen
}
