//! Saved inventories with a policy, and the answer that `tether plan` or `tether explain` has to give for
//! each of them, with every value of `former_identities` and `former_roles`.
//!
//! A case of `tests/fixtures/planner-cases` lists the whole plan. A line names the clusters, the last
//! digits of the identity, the registry with its subscription, and the role; what follows it has to be
//! among the words of the reason.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tether::emulator::azure::{AssignmentSpec, ClusterSpec, RegistrySpec};
use tether::emulator::world::{PAYMENTS, PLATFORM, cloud_settings};
use uuid::{Uuid, uuid};

use super::cloud;
use super::program::{Ended, run, tether};

const NAMESPACE: Uuid = uuid!("5b0cf0a4-2f0e-5d1c-9d0c-6a1f3f1c7e11");
const ACR_PULL: Uuid = uuid!("7f951dda-4ed3-4680-a7ca-43fe172d538d");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    title: String,
    inventory: Value,
    policy: Value,
    command: String,
    #[serde(default)]
    args: Vec<String>,
    expected: Vec<Answer>,
}

/// What has to come out with these values of the switches: the whole plan, or words of an explanation
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Answer {
    with: BTreeMap<String, String>,
    attach: Vec<String>,
    detach: Vec<String>,
    mark: Vec<String>,
    held: Vec<String>,
    kept: Vec<String>,
    /// Beginnings of the warnings
    warnings: Vec<String>,
    /// Words of the explanation
    says: Vec<String>,
    /// Words that what comes next must not have
    not: Vec<String>,
}

/// A folder with an inventory and a policy
struct Saved(PathBuf);

impl Saved {
    fn new(inventory: &Value, policy: &Value) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(Uuid::new_v4().to_string());
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("seen.json"), inventory.to_string()).unwrap();
        fs::write(folder.join("policy.yaml"), policy.to_string()).unwrap();
        Self(folder)
    }

    async fn tether(&self, words: &[&str]) -> Ended {
        let saved = ["--inventory", "seen.json", "--policy", "policy.yaml"];
        let mut command = tether(&[words, &saved[..]].concat());
        command.current_dir(&self.0);
        let ended = run(command).await;
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{words:?}");
        ended
    }

    async fn plan(&self, more: &[&str]) -> Value {
        let ended = self.tether(&[&["plan", "--output", "json"], more].concat()).await;
        serde_json::from_str(&ended.stdout).unwrap()
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/planner-cases")
}

fn read(name: &str) -> Case {
    let text = fs::read_to_string(folder().join(name)).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every value of both switches
fn switches() -> Vec<BTreeMap<String, String>> {
    let values = ["keep", "remove"];
    let pairs = values.iter().flat_map(|one| values.iter().map(move |other| (one, other)));
    let named = |(identities, roles): (&&str, &&str)| {
        [("former_identities", identities), ("former_roles", roles)]
            .map(|(name, value)| (name.to_owned(), (*value).to_owned()))
            .into()
    };
    pairs.map(named).collect()
}

impl Case {
    /// The answer with these values, of which there has to be one
    fn answer(&self, switches: &BTreeMap<String, String>) -> &Answer {
        let is_meant = |answer: &&Answer| {
            answer.with.iter().all(|(name, value)| switches.get(name) == Some(value))
        };
        let mut answers = self.expected.iter().filter(is_meant);
        let (first, second) = (answers.next(), answers.next());
        assert!(second.is_none(), "{}: two answers with {switches:?}", self.title);
        first.unwrap_or_else(|| panic!("{}: no answer with {switches:?}", self.title))
    }

    async fn differences(&self, switches: &BTreeMap<String, String>) -> Vec<String> {
        let mut policy = self.policy.clone();
        for (name, value) in switches {
            policy[name] = json!(value);
        }
        let saved = Saved::new(&self.inventory, &policy);
        let answer = self.answer(switches);
        let args: Vec<_> = self.args.iter().map(String::as_str).collect();
        match self.command.as_str() {
            "plan" => answer.against(&saved.plan(&args).await),
            "explain" => {
                let told = saved.tether(&[&["explain"], &args[..]].concat()).await.stdout;
                answer.against_words(&told)
            }
            other => panic!("`{other}` is no command of a case"),
        }
    }
}

impl Answer {
    fn against(&self, plan: &Value) -> Vec<String> {
        let lists = [
            ("attach", &self.attach),
            ("detach", &self.detach),
            ("mark", &self.mark),
            ("held", &self.held),
            ("kept", &self.kept),
        ];
        let mut differences: Vec<_> = lists
            .iter()
            .filter_map(|(name, expected)| compare(name, expected, &plan[*name]))
            .collect();
        let told = plan["warnings"].as_array().unwrap();
        let begins =
            |(told, start): (&Value, &String)| told.as_str().unwrap().starts_with(start.as_str());
        if told.len() != self.warnings.len() || !told.iter().zip(&self.warnings).all(begins) {
            differences.push(format!("warnings: {told:?}, not {:?}", self.warnings));
        }
        differences
    }

    fn against_words(&self, told: &str) -> Vec<String> {
        let next = told.split("The next reconcile:").nth(1).unwrap();
        let missing = self.says.iter().filter(|words| !told.contains(words.as_str()));
        let wrong = self.not.iter().filter(|words| next.contains(words.as_str()));
        let missing = missing.map(|words| format!("lacks `{words}`: {next}"));
        missing.chain(wrong.map(|words| format!("has `{words}`: {next}"))).collect()
    }
}

/// One list of a plan against what is expected of it, whatever their order
fn compare(name: &str, expected: &[String], list: &Value) -> Option<String> {
    let items = list.as_array().unwrap().iter();
    let mut told: Vec<_> = items.map(|item| (shown(name, item), reason(item))).collect();
    let parts = if matches!(name, "held" | "kept") { 2 } else { 1 };
    let mut expected: Vec<_> = expected.iter().map(|line| halves(line, parts)).collect();
    told.sort();
    expected.sort_unstable();
    let same = |(told, expected): (&(String, String), &(&str, &str))| {
        told.0 == expected.0 && told.1.contains(expected.1)
    };
    let is_same = told.len() == expected.len() && told.iter().zip(&expected).all(same);
    (!is_same).then(|| format!("{name}: {told:#?}, not {expected:#?}"))
}

/// A line without the words of its reason, and these
fn halves(line: &str, parts: usize) -> (&str, &str) {
    let Some((end, colon)) = line.match_indices(": ").nth(parts - 1) else { return (line, "") };
    let (change, words) = line.split_at(end);
    (change, words.trim_start_matches(colon))
}

fn reason(item: &Value) -> String {
    let reason = item["reason"].as_str().or(item["why"].as_str());
    reason.unwrap().to_owned()
}

/// An item of a plan in the words of a case
fn shown(name: &str, item: &Value) -> String {
    let text = |field: &str| item[field].as_str().unwrap();
    let last = |id: &str| id.rsplit('/').next().unwrap().to_owned();
    let clusters = item["clusters"].as_array().unwrap().iter();
    let clusters: Vec<_> = clusters.map(|id| last(id.as_str().unwrap())).collect();
    let clusters = if clusters.is_empty() { "no cluster".to_owned() } else { clusters.join(", ") };
    let principal = item["principal"].as_str().map_or("-", |id| id.split_at(33).1);
    let registry = text("registry");
    let subscription = registry.split('/').nth(2).unwrap();
    let pair =
        format!("{clusters} ({principal}) → {}@{}", last(registry), subscription.split_at(4).0);
    match name {
        "held" => format!("{} {pair}: {}", text("action"), text("code")),
        "kept" => {
            let former =
                item["former"].as_str().map_or(String::new(), |what| format!(", former {what}"));
            format!("{pair} as {}: {}{former}", text("role"), text("holder"))
        }
        "detach" if item["after"].is_string() => {
            format!("{pair} as {}, after an attachment", text("role"))
        }
        _ => format!("{pair} as {}", text("role")),
    }
}

#[tokio::test]
async fn each_world_gets_its_answer() {
    let mut names: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.len() >= 190, "{} cases", names.len());
    let mut wrong = Vec::new();
    for name in &names {
        let case = read(name);
        for switches in switches() {
            for difference in case.differences(&switches).await {
                let with: Vec<_> =
                    switches.iter().map(|(key, value)| format!("{key}: {value}")).collect();
                wrong.push(format!("{name} ({}), {}\n{difference}", case.title, with.join(", ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[tokio::test]
async fn a_cluster_is_named_once() {
    for name in ["D8.json", "D8b.json"] {
        let case = read(name);
        let saved = Saved::new(&case.inventory, &case.policy);
        let told = saved.tether(&["plan"]).await.stdout;
        let lines: Vec<_> = told.lines().filter(|line| line.contains('→')).collect();
        assert!(!lines.is_empty(), "{name}");
        for line in lines {
            let who = line.split(" → ").next().unwrap();
            assert_eq!(who.matches("aks-").count(), 1, "{name}: {line}");
        }
    }
}

#[tokio::test]
async fn a_plan_once_applied_is_the_world_of_the_next() {
    let (before, after) = (read("D9.json"), read("D9-after.json"));
    let plan = Saved::new(&before.inventory, &before.policy).plan(&[]).await;
    let names = |grants: &Value| -> Vec<String> {
        let ids = grants.as_array().unwrap().iter().map(|grant| grant["id"].as_str().unwrap());
        ids.map(|id| id.rsplit('/').next().unwrap().to_owned()).collect()
    };
    let made = plan["attach"].as_array().unwrap().iter();
    let made = made.map(|item| item["assignment"].as_str().unwrap().to_owned());
    let mut there = names(&before.inventory["grants"]);
    there.extend(made);
    let mut expected = names(&after.inventory["grants"]);
    there.sort();
    expected.sort();
    assert_eq!(there, expected);
    assert_eq!(before.policy, after.policy);
    assert_eq!(before.inventory["clusters"], after.inventory["clusters"]);
}

/// The name of an assignment of `AcrPull` that is ours
fn name_of(registry: &str, principal: &str) -> Uuid {
    let registry = registry.to_lowercase();
    let text = format!("tether/1\ncontoso\n{registry}\n{principal}\n{ACR_PULL}");
    Uuid::new_v5(&NAMESPACE, text.as_bytes())
}

/// The description of an assignment that was made for a rule
fn rule_mark(cluster: &str) -> String {
    let hash = Uuid::new_v5(&NAMESPACE, cluster.to_lowercase().as_bytes()).simple();
    let subscription = cluster.split('/').nth(2).unwrap().replace('-', "");
    format!("tether/1 rule {hash}@{subscription}: lets cluster pull")
}

/// A registry that was switched to ABAC mode, and 600 clusters that a rule wants to pull from it
fn switched(is_attached: bool) -> Value {
    let mut inventory = read("role-exchange.json").inventory;
    let (cluster, registry) = (&inventory["clusters"][0], inventory["registries"][0]["id"].clone());
    let registry = registry.as_str().unwrap();
    let (mut clusters, mut grants) = (Vec::new(), Vec::new());
    for number in 0..600 {
        let principal = format!("a0000000-0000-4000-8000-{number:012}");
        let mut one = cluster.clone();
        let id = format!("{}-{number}", cluster["id"].as_str().unwrap());
        let name = name_of(registry, &principal);
        grants.push(json!({
            "id": format!("{registry}/providers/Microsoft.Authorization/roleAssignments/{name}"),
            "registry": registry,
            "principal": principal,
            "role": ACR_PULL,
            "description": rule_mark(&id),
        }));
        one["id"] = json!(id);
        one["identity"] = json!({"kubelet": {"objectId": principal, "broughtAlong": false}});
        clusters.push(one);
    }
    inventory["clusters"] = json!(clusters);
    inventory["grants"] = if is_attached { json!(grants) } else { json!([]) };
    inventory
}

#[tokio::test]
async fn no_limit_holds_the_exchange_of_a_role() {
    let counts = async |inventory: &Value, former_roles: &str| {
        let policy = json!({
            "owner": "contoso",
            "mode": "sync",
            "max_attach": 1,
            "max_detach": 1,
            "max_detach_percent": 1,
            "former_roles": former_roles,
            "rules": [{"name": "w", "join": [{"same_tag": "k"}]}],
        });
        let plan = Saved::new(inventory, &policy).plan(&[]).await;
        ["attach", "detach", "held", "kept"].map(|list| plan["counts"][list].as_u64().unwrap())
    };
    let inventory = switched(true);
    assert_eq!(counts(&inventory, "keep").await, [600, 0, 0, 600]);
    assert_eq!(counts(&inventory, "remove").await, [600, 600, 0, 0]);
    // Without the assignments that the registry honoured before, the limit is in force.
    assert_eq!(counts(&switched(false), "keep").await, [0, 0, 600, 0]);
}

/// A cluster that no rule wants at a registry where it is attached; what a run for that cluster would do,
/// of Azure and of a saved inventory. In the same subscription there may be a registry that is wanted.
async fn planned_for_a_cluster(has_wish: bool) -> [Value; 2] {
    let (azure, clock) = cloud::start().await;
    let registry = |name, team| RegistrySpec::new(PLATFORM, "images", name).tag("k", team);
    let alpha = azure.create_registry(&registry("acralpha", "v")).unwrap();
    if has_wish {
        azure.create_registry(&registry("acrbeta", "no")).unwrap();
    }
    let cluster = ClusterSpec::new(PAYMENTS, "shop", "aks-a").tag("k", "no");
    let cluster = azure.create_cluster(&cluster).unwrap();
    clock.advance(Duration::from_secs(300));
    let principal = azure.kubelet_principal(&cluster).unwrap();
    let name = name_of(&alpha, &principal.to_string());
    let description = Some(rule_mark(&cluster));
    let spec = AssignmentSpec::new(name, &alpha, ACR_PULL, principal);
    azure.assign(&AssignmentSpec { description, ..spec }).unwrap();
    azure.catch_up_graph();
    let saved = Saved::new(&json!({}), &read("D9.json").policy);
    let live = async |words: &[&str]| {
        let mut command = tether(words);
        command.envs(cloud_settings(&azure)).current_dir(&saved.0);
        let ended = run(command).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout
    };
    live(&["inventory", "save", "seen.json"]).await;
    assert_eq!(saved.plan(&[]).await["counts"]["detach"], 1);
    let planned = live(&["plan", "--output", "json", "--scope", &cluster]).await;
    [serde_json::from_str(&planned).unwrap(), saved.plan(&["--scope", &cluster]).await]
}

/// What both plans have to say alike
fn check_alike([live, replayed]: [Value; 2]) {
    for plan in [&live, &replayed] {
        assert_eq!(plan["counts"]["held"], 1, "{plan:#}");
        assert_eq!(plan["held"][0]["code"], "LeftToTheTimer", "{plan:#}");
        assert_eq!(plan["counts"]["detach"], 0, "{plan:#}");
    }
    for list in ["attach", "held", "kept"] {
        assert_eq!(live[list], replayed[list]);
    }
}

#[tokio::test]
async fn a_run_for_a_cluster_plans_the_same_of_azure_and_of_a_saved_inventory() {
    let plans = planned_for_a_cluster(true).await;
    assert_eq!(plans[0]["counts"]["attach"], 1);
    check_alike(plans);
}

#[tokio::test]
async fn so_it_does_where_no_registry_of_the_subscription_is_wanted() {
    check_alike(planned_for_a_cluster(false).await);
}
