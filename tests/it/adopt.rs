//! `tether adopt`: the real program takes over what a handler with another owner has made, and the
//! handler with the new owner goes on from there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use tether::emulator::azure::{Assignment, AssignmentSpec, Fault, LockKind, Right};
use tether::emulator::world::{Door, PLATFORM, World, WorldOptions, settings};
use tokio::process::Command;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::corridor::commands::{ask, pinning};
use super::corridor::input::line;
use super::corridor::{ACR_PULL, cluster, options, registry, settle, start};
use super::program::{Ended, LIMIT, check_in_readme, run, tether};

const TEAM: [(&str, &str); 2] = [("acr-attach", "auto"), ("team", "a")];

/// A world in which `contoso` has attached a cluster by a rule and by a pin, somebody else has
/// attached it to a third registry, and the policy's owner is now `fabrikam`
struct Place {
    world: World,
    folder: PathBuf,
    aks: String,
    ruled: String,
    pinned: String,
    before: Vec<Assignment>,
}

impl Place {
    async fn new() -> Self {
        let options = WorldOptions { policy: pinning(), door: Door::Queue, ..options() };
        let folder = options.app_root.clone();
        let world = start(options).await;
        let azure = &world.azure;
        let of_team = registry("acrshop").tag(TEAM[0].0, TEAM[0].1).tag(TEAM[1].0, TEAM[1].1);
        let ruled = azure.create_registry(&of_team).unwrap();
        let pinned = azure.create_registry(&registry("acrbase").tag("pin", "yes")).unwrap();
        let foreign = azure.create_registry(&registry("foreign")).unwrap();
        let aks = cluster("aks1").tag(TEAM[0].0, TEAM[0].1).tag(TEAM[1].0, TEAM[1].1);
        let aks = azure.create_cluster(&aks).unwrap();
        settle(&world).await;
        let principal = azure.kubelet_principal(&aks).unwrap();
        let spec = AssignmentSpec::new(Uuid::from_u128(1), &foreign, ACR_PULL, principal);
        azure.assign(&spec).unwrap();
        ask(&world, "m-1", &json!({ "command": "attach", "cluster": aks, "registry": pinned }));
        settle(&world).await;
        world.events.pause();
        let before = azure.assignments();
        assert_eq!(before.len(), 3);
        let policy = pinning()
            .replace("contoso", "fabrikam")
            .replace("mode: attach-only", "mode: sync")
            .replace("max_detach_percent: 20", "max_detach_percent: 100");
        fs::write(folder.join("policy.yaml"), policy).unwrap();
        azure.clear_log();
        Self { world, folder, aks, ruled, pinned, before }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = tether(&["adopt"]);
        command.args(words).current_dir(&self.folder);
        command.envs(settings(&self.world.azure, &self.world.namespace));
        command.env_remove("TETHER_SERVICE_BUS_ENDPOINT");
        command
    }

    async fn adopt(&self, words: &[&str]) -> Ended {
        run(self.command(words)).await
    }

    /// The one assignment at a registry
    fn at(&self, registry: &str) -> Option<Assignment> {
        let mut all = self.world.azure.assignments();
        all.retain(|one| one.scope.eq_ignore_ascii_case(registry));
        assert!(all.len() < 2, "{all:?}");
        all.pop()
    }

    fn had(&self, registry: &str) -> &Assignment {
        self.before.iter().find(|one| one.scope.eq_ignore_ascii_case(registry)).unwrap()
    }

    /// It is the same but for its name, as is what a stranger has.
    #[track_caller]
    fn check_adopted(&self, registries: &[&str]) {
        for registry in registries {
            let (old, new) = (self.had(registry), self.at(registry).unwrap());
            assert_ne!(new.name, old.name);
            assert_eq!(
                (&new.scope, new.role, new.principal, &new.description, &new.condition),
                (&old.scope, old.role, old.principal, &old.description, &old.condition),
            );
        }
        self.check_same(&[]);
    }

    /// These assignments are untouched, as is the stranger's.
    #[track_caller]
    fn check_same(&self, registries: &[&str]) {
        let foreign = self.before.iter().find(|one| one.name == Uuid::from_u128(1)).unwrap();
        for registry in registries.iter().copied().chain([foreign.scope.as_str()]) {
            assert_eq!(self.at(registry).as_ref(), Some(self.had(registry)));
        }
    }

    fn writes(&self) -> Vec<String> {
        let log = self.world.azure.log().into_iter();
        log.filter(|request| ["PUT", "DELETE"].contains(&request.method.as_str()))
            .map(|request| request.method)
            .collect()
    }

    fn record(&self) -> PathBuf {
        self.folder.join("tether-adopt.jsonl")
    }

    async fn tick(&self) {
        self.world.azure.clear_log();
        self.world.host.fire_timer("reconcile-tick").await.unwrap();
        settle(&self.world).await;
    }
}

#[track_caller]
fn check_says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{word}` is not in:\n{text}");
    }
}

const YES: [&str; 3] = ["--from", "contoso", "--yes"];

#[tokio::test]
async fn a_new_owner_sees_the_plan_then_takes_over_and_goes_on_from_there() {
    let mut place = Place::new().await;
    let plan = place.adopt(&["--from", "contoso"]).await;
    assert_eq!(plan.code, Some(0), "{}", plan.stderr);
    let principal = place.had(&place.ruled).principal;
    assert_eq!(
        plan.stdout,
        format!(
            "adopt   identity {principal} → acrbase as AcrPull, pinned\n\
             adopt   identity {principal} → acrshop as AcrPull\n\
             2 to adopt, 1 of them pinned; 0 held; 0 of `fabrikam` already; 1 of others\n"
        )
    );
    check_says(&plan.stderr, &["Nothing was changed.", "With --yes each of them is removed"]);
    let shown = (plan.stdout.clone() + &plan.stderr).replace(&principal.to_string(), "<object id>");
    check_in_readme("tether adopt --from contoso", &shown);
    let quiet = place.adopt(&["--from", "contoso", "--quiet"]).await;
    assert_eq!((quiet.code, quiet.stdout, quiet.stderr.as_str()), (Some(0), plan.stdout, ""));
    assert_eq!(place.world.azure.assignments(), place.before);

    let done = place.adopt(&YES).await;
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    check_says(&done.stdout, &["2 adopted, 0 done already or without need, 0 held, 0 left"]);
    assert_eq!(place.writes(), ["DELETE", "PUT", "DELETE", "PUT"], "never more than one away");
    place.check_adopted(&[&place.ruled, &place.pinned]);
    assert!(!place.record().exists());
    let again = place.adopt(&YES).await;
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    check_says(&again.stderr, &["Nothing of `contoso` was found in 2 subscription(s)."]);

    // The handler with the new owner knows them: nothing to do, then one detached and the pin kept.
    place.world.replace_host(0).await.unwrap();
    place.world.azure.clear_log();
    place.tick().await;
    assert_eq!(place.writes(), Vec::<String>::new());
    place.world.azure.set_tags(&place.aks, &BTreeMap::new()).unwrap();
    place.tick().await;
    assert_eq!(place.at(&place.ruled), None);
    place.check_adopted(&[&place.pinned]);
}

#[tokio::test]
async fn without_adoption_the_new_owner_keeps_its_hands_off() {
    let mut place = Place::new().await;
    place.world.replace_host(0).await.unwrap();
    place.world.azure.set_tags(&place.aks, &BTreeMap::new()).unwrap();
    place.tick().await;
    assert_eq!(place.world.azure.assignments(), place.before);
    let words = ["WARN", "2 role assignments carry the mark", "see `tether adopt`"];
    line(&place.world, &words).await;
}

#[tokio::test]
async fn killed_between_removing_and_making_it_is_finished_by_the_next_run() {
    let place = Place::new().await;
    let never = Fault::on("PUT", "/roleAssignments/").delayed(LIMIT).bare(503).always();
    place.world.azure.faults().inject(never);
    let mut child = place.command(&YES).spawn().unwrap();
    let is_removed = async {
        while place.at(&place.pinned).is_some() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(LIMIT, is_removed).await.unwrap();
    child.kill().await.unwrap();
    place.world.azure.faults().clear();
    place.check_same(&[&place.ruled]);

    let plan = place.adopt(&["--from", "contoso"]).await;
    assert_eq!(plan.code, Some(0), "{}", plan.stderr);
    check_says(&plan.stdout, &["finish  identity ", "→ acrbase as AcrPull, pinned\nadopt "]);
    check_says(&plan.stderr, &["1 of them were begun and not finished"]);
    assert_eq!(place.at(&place.pinned), None);

    let done = place.adopt(&YES).await;
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    check_says(&done.stdout, &["2 adopted, 0 done already"]);
    place.check_adopted(&[&place.ruled, &place.pinned]);
    assert!(!place.record().exists());
}

#[tokio::test]
async fn what_cannot_be_made_again_is_cried_out_stops_the_rest_and_is_finished_later() {
    let place = Place::new().await;
    let odd = Fault::on("PUT", "/roleAssignments/").refusing(400, "Odd", "no");
    place.world.azure.faults().inject(odd.always());
    let ended = place.adopt(&YES).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    check_says(&ended.stdout, &["MISSING identity", "Odd", "not begun", "0 adopted", "2 left"]);
    let line = format!("--scope {} --description 'tether/1 pin ", place.pinned);
    let words = ["MISSING: the assignment was removed", "az role assignment create --name ", &line];
    check_says(&ended.stderr, &words);
    place.check_same(&[&place.ruled]);

    // Another owner's policy must not finish it in its own name.
    let policy = fs::read_to_string(place.folder.join("policy.yaml")).unwrap();
    fs::write(place.folder.join("other.yaml"), policy.replace("fabrikam", "third")).unwrap();
    let other = place.adopt(&["--from", "contoso", "--policy", "other.yaml"]).await;
    assert_eq!(other.code, Some(1));
    check_says(&other.stderr, &["is of an adoption by `fabrikam` that is not finished"]);

    place.world.azure.faults().clear();
    let done = place.adopt(&YES).await;
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    place.check_adopted(&[&place.ruled, &place.pinned]);
}

#[tokio::test]
async fn lost_answers_lose_nothing() {
    let place = Place::new().await;
    for method in ["DELETE", "PUT"] {
        let lost = Fault::on(method, "/roleAssignments/").bare(503).after_doing_it().times(3);
        place.world.azure.faults().inject(lost);
    }
    let done = place.adopt(&YES).await;
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    check_says(&done.stdout, &["2 adopted"]);
    place.check_adopted(&[&place.ruled, &place.pinned]);
}

/// Has a program adopt, and lets something happen while the pinned assignment is away.
async fn meddled(place: &Place, meddle: impl FnOnce(&Assignment)) -> Ended {
    let slow = Fault::on("PUT", "/roleAssignments/").delayed(Duration::from_secs(1));
    place.world.azure.faults().inject(slow);
    let meddling = async {
        while place.at(&place.pinned).is_some() {
            sleep(Duration::from_millis(10)).await;
        }
        meddle(place.had(&place.pinned));
    };
    let meddling = timeout(LIMIT, meddling);
    let (ended, meddled) = tokio::join!(place.adopt(&YES), meddling);
    meddled.unwrap();
    ended
}

#[tokio::test]
async fn a_function_with_the_old_owner_makes_no_rule_of_a_pin() {
    let place = Place::new().await;
    let ended = meddled(&place, |had| {
        let description = had.description.as_ref().map(|text| text.replace(" pin ", " rule "));
        let spec = AssignmentSpec::new(had.name, &had.scope, had.role, had.principal);
        place.world.azure.assign(&AssignmentSpec { description, ..spec }).unwrap();
    });
    let ended = ended.await;
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    check_says(&ended.stdout, &["left    ", "made again under its old name", "1 adopted"]);
    assert!(place.record().exists());
    let again = place.adopt(&YES).await;
    assert_eq!(again.code, Some(0), "{}", again.stdout);
    place.check_adopted(&[&place.ruled, &place.pinned]);
}

#[tokio::test]
async fn what_somebody_else_assigns_meanwhile_stays_theirs() {
    let place = Place::new().await;
    let ended = meddled(&place, |had| {
        let spec = AssignmentSpec::new(Uuid::from_u128(2), &had.scope, had.role, had.principal);
        place.world.azure.assign(&spec).unwrap();
    });
    let ended = ended.await;
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    check_says(&ended.stdout, &["settled ", "somebody else assigned the same meanwhile"]);
    assert_eq!(place.at(&place.pinned).unwrap().name, Uuid::from_u128(2));
    place.check_adopted(&[&place.ruled]);
    assert!(!place.record().exists());
}

#[tokio::test]
async fn a_condition_holds_an_assignment_as_it_is() {
    let place = Place::new().await;
    let Assignment { name, scope, role, principal, description, .. } =
        place.had(&place.ruled).clone();
    let spec = AssignmentSpec {
        description,
        condition: Some("@Resource[x] StringEquals 'y'".to_owned()),
        ..AssignmentSpec::new(name, &scope, role, principal)
    };
    place.world.azure.assign(&spec).unwrap();
    let narrowed = place.at(&place.ruled);
    for words in [&YES[..2], &YES[..]] {
        let ended = place.adopt(words).await;
        let code = i32::from(words.len() == YES.len());
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        check_says(&ended.stdout, &["held    identity ", "has a condition", "1 held"]);
        assert_eq!(place.at(&place.ruled), narrowed);
    }
    place.check_adopted(&[&place.pinned]);
}

#[tokio::test]
async fn a_lock_leaves_an_assignment_where_it_is_and_notes_nothing() {
    let place = Place::new().await;
    place.world.azure.lock(&place.ruled, LockKind::CannotDelete);
    let ended = place.adopt(&YES).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    check_says(&ended.stdout, &["left    ", "ScopeLocked", "take the lock away", "1 adopted"]);
    place.check_same(&[&place.ruled]);
    place.check_adopted(&[&place.pinned]);
    assert!(!place.record().exists());
    place.world.azure.unlock(&place.ruled);
    assert_eq!(place.adopt(&YES).await.code, Some(0));
    place.check_adopted(&[&place.ruled]);
}

#[tokio::test]
async fn what_is_given_wrongly_or_cannot_be_read_is_said_in_clear_words() {
    let place = Place::new().await;
    let same = place.adopt(&["--from", " fabrikam ", "--yes"]).await;
    assert_eq!(same.code, Some(1));
    check_says(&same.stderr, &["the policy's owner is `fabrikam` itself"]);
    let empty = place.adopt(&["--from", " "]).await;
    assert_eq!(empty.code, Some(2));
    check_says(&empty.stderr, &["the owner is empty"]);
    let unknown = place.adopt(&["--from", "Contoso"]).await;
    assert_eq!(unknown.code, Some(0), "{}", unknown.stderr);
    check_says(
        &unknown.stderr,
        &["Nothing of `Contoso` was found", "2 carry tether's mark", "is `Contoso` spelled"],
    );
    let nowhere = place.adopt(&["--from", "contoso", "--policy", "nowhere.yaml"]).await;
    assert_eq!(nowhere.code, Some(1));
    check_says(&nowhere.stderr, &["cannot read the policy file `nowhere.yaml`; --policy"]);
    place.world.azure.revoke(PLATFORM, Right::Read);
    for words in [&YES[..], &["--quiet", "--from", "contoso", "--yes"]] {
        let blind = place.adopt(words).await;
        assert_eq!(blind.code, Some(1), "{}", blind.stdout);
        let unseen = format!("Subscription {PLATFORM} was not seen");
        check_says(&blind.stderr, &[&unseen, "stays with"]);
    }
    assert_eq!(place.world.azure.assignments(), place.before);
    let names: BTreeSet<_> = place.writes().into_iter().collect();
    assert_eq!(names, BTreeSet::new());
}

#[tokio::test]
async fn help_tells_of_the_gap_and_of_what_mends_a_crash() {
    let place = Place::new().await;
    let help = place.adopt(&["--help"]).await;
    assert_eq!(help.code, Some(0));
    let words = ["well under a second", "the same command", "TETHER_SUBSCRIPTIONS", "--record"];
    check_says(&help.stdout, &words);
}
