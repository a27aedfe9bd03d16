//! What a file of cases consists of. All problems are found in one go, as in a policy.

use std::collections::BTreeSet;

use miette::SourceSpan;
use uuid::Uuid;

use super::super::reader::{Fields, Reader, shown};
use super::super::yaml::{self, Node, at};
use super::super::{Problem, suggest};
use super::{Case, Cases};
use crate::model::{
    BootRegistry, Cluster, ClusterId, ClusterState, Identity, Registry, RegistryId, RegistryMode,
    ResourceIdError, SubscriptionId, Tags,
};

const CASE_KEYS: [&str; 4] = ["name", "cluster", "registries", "attached"];
const CLUSTER_KEYS: [&str; 5] = ["name", "subscription", "resource_group", "location", "tags"];
const REGISTRY_KEYS: [&str; 7] =
    ["name", "subscription", "resource_group", "location", "tags", "login_server", "mode"];

const FILE_LIKE: &str = "`cases:`, and a list below";
const CASES_LIKE: &str = "`- name: a team's cluster gets the team's registry`, and more keys below";
const RESOURCE_LIKE: &str = "`{name: aks-shop, tags: {team: shop}}`";
const REGISTRIES_LIKE: &str = "`- {name: acrshop, tags: {team: shop}}`";
const TAGS_LIKE: &str = "`{team: shop}`";
const ATTACHED_LIKE: &str = "`[acrshop]`, or `[]` for none";

/// Where a resource is, unless the case says so
const SUBSCRIPTION: SubscriptionId = SubscriptionId(Uuid::nil());
const GROUP: &str = "rg";

pub(super) fn cases(text: &str) -> Result<Cases, Vec<Problem>> {
    let root = yaml::parse(text).map_err(|problem| vec![problem])?;
    let mut reader = Reader::default();
    let cases = reader.cases(&root);
    let mut problems = reader.problems;
    problems.sort_by_key(|problem| problem.at().offset());
    cases.filter(|_| problems.is_empty()).ok_or(problems)
}

/// What a cluster and a registry have in common
struct Resource<'n> {
    id: String,
    tags: Tags,
    location: String,
    fields: Fields<'n>,
}

impl Reader {
    fn cases(&mut self, root: &Node) -> Option<Cases> {
        let fields = self.fields(root, "a file of cases", &["cases"], FILE_LIKE)?;
        let node = self.required(&fields, "cases", "`cases:` and a list of cases")?;
        let items = self.list(node, "`cases`", CASES_LIKE)?;
        let cases: Vec<_> = items.iter().map(|item| self.case(item)).collect();
        cases.into_iter().collect::<Option<_>>().map(|cases| Cases { cases })
    }

    fn case(&mut self, node: &Node) -> Option<Case> {
        let fields = self.fields(node, "a case", &CASE_KEYS, CASES_LIKE)?;
        let name = self.required(&fields, "name", "`name:` and what the case shows");
        let name = name.and_then(|node| self.text(node, "a case's name"));
        let cluster = self.required(&fields, "cluster", "`cluster:` and its tags");
        let cluster = cluster.and_then(|node| self.case_cluster(node));
        let registries = self.required(&fields, "registries", "`registries:` and a list of them");
        let registries = registries.and_then(|node| self.case_registries(node));
        let help = "`attached:` and the names of those that should be attached; `[]` if none";
        let attached = self.required(&fields, "attached", help);
        let (name, cluster, registries, attached) = (name?, cluster?, registries?, attached?);
        let attached = self.attached(attached, &registries)?;
        Some(Case { name: name.to_owned(), cluster, registries, attached })
    }

    fn case_cluster(&mut self, node: &Node) -> Option<Cluster> {
        let kind = "Microsoft.ContainerService/managedClusters";
        let known = "`cluster`";
        let resource = self.resource(node, known, &CLUSTER_KEYS, kind, Some("cluster"))?;
        let id: ClusterId = self.id(&resource)?;
        let Resource { tags, location, .. } = resource;
        let (state, identity) = (ClusterState::Settled, Identity::Missing);
        Some(Cluster {
            id,
            tags,
            location,
            tenant: None,
            state,
            identity,
            service_account_pull: false,
            created_at: None,
            is_succeeded: true,
            boot_registry: BootRegistry::None,
        })
    }

    fn case_registries(&mut self, node: &Node) -> Option<Vec<Registry>> {
        let items = self.list(node, "`registries`", REGISTRIES_LIKE)?;
        let registries: Vec<_> = items.iter().map(|item| self.case_registry(item)).collect();
        registries.into_iter().collect()
    }

    fn case_registry(&mut self, node: &Node) -> Option<Registry> {
        let kind = "Microsoft.ContainerRegistry/registries";
        let resource = self.resource(node, "a registry", &REGISTRY_KEYS, kind, None)?;
        let id: RegistryId = self.id(&resource)?;
        let known = [("legacy", RegistryMode::Legacy), ("abac", RegistryMode::Abac)];
        let known = known.each_ref().map(|(word, mode)| (*word, mode));
        let mode = match resource.fields.get("mode") {
            Some(node) => self.word(node, "mode", &known)?.clone(),
            None => RegistryMode::Legacy,
        };
        let login_server = match resource.fields.get("login_server") {
            Some(node) => self.text(node, "the login server")?.to_owned(),
            None => format!("{}.azurecr.io", id.name().to_lowercase()),
        };
        let Resource { tags, location, .. } = resource;
        Some(Registry { id, login_server, tags, location, tenant: None, mode })
    }

    fn resource<'n>(
        &mut self,
        node: &'n Node,
        place: &'static str,
        keys: &[&'static str],
        kind: &str,
        usual: Option<&str>,
    ) -> Option<Resource<'n>> {
        let fields = self.fields(node, place, keys, RESOURCE_LIKE)?;
        let name = if let Some(usual) = usual {
            self.text_or(&fields, "name", usual)
        } else {
            let name = self.required(&fields, "name", "`name:` and the registry's name");
            name.and_then(|node| self.text(node, "the name")).map(str::to_owned)
        };
        let subscription = self.text_or(&fields, "subscription", &SUBSCRIPTION.to_string());
        let group = self.text_or(&fields, "resource_group", GROUP);
        let location = self.text_or(&fields, "location", "");
        let tags = fields.get("tags").map_or(Some(Tags::default()), |node| self.case_tags(node));
        let (name, subscription, group) = (name?, subscription?, group?);
        let id =
            format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/{kind}/{name}");
        Some(Resource { id, tags: tags?, location: location?, fields })
    }

    fn text_or(&mut self, fields: &Fields<'_>, key: &str, usual: &str) -> Option<String> {
        let Some(node) = fields.get(key) else { return Some(usual.to_owned()) };
        self.text(node, &format!("`{key}`")).map(str::to_owned)
    }

    fn id<I: std::str::FromStr<Err = ResourceIdError>>(
        &mut self,
        resource: &Resource<'_>,
    ) -> Option<I> {
        let at = resource.fields.at;
        resource.id.parse().map_or_else(|reason| self.refuse(Problem::CaseId { at, reason }), Some)
    }

    fn case_tags(&mut self, node: &Node) -> Option<Tags> {
        let mut tags: Vec<(String, String)> = Vec::new();
        for (key, value) in self.entries(node, "`tags`", TAGS_LIKE)? {
            let value = self.text(value, "a tag's value")?;
            tags.push((key.value.clone(), value.to_owned()));
        }
        Some(tags.into_iter().collect())
    }

    fn attached(&mut self, node: &Node, registries: &[Registry]) -> Option<BTreeSet<RegistryId>> {
        let items = self.list(node, "`attached`", ATTACHED_LIKE)?;
        let found: Vec<_> = items
            .iter()
            .map(|item| {
                let name = self.text(item, "the name of a registry")?;
                self.one_registry(name, at(item), registries)
            })
            .collect();
        found.into_iter().collect()
    }

    fn one_registry(
        &mut self,
        name: &str,
        at: SourceSpan,
        registries: &[Registry],
    ) -> Option<RegistryId> {
        let is_called = |registry: &&Registry| {
            registry.id.name().eq_ignore_ascii_case(name)
                || registry.login_server.eq_ignore_ascii_case(name)
        };
        let found: Vec<_> = registries.iter().filter(is_called).collect();
        if let [one] = found[..] {
            return Some(one.id.clone());
        }
        let names: Vec<&str> = registries.iter().map(|registry| registry.id.name()).collect();
        let help = match found.len() {
            0 => suggest::instead_of(name, &names),
            _ => "give the login server of the one that is meant".to_owned(),
        };
        self.refuse(Problem::NotOneRegistry { found: shown(name), count: found.len(), help, at })
    }
}
