//! One case: a world with a cluster and a registry, something in the way, a person's command, and the
//! end.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};
use tether::emulator::azure::{AssignmentSpec, ClusterIdentity, ClusterSpec, Fault, RegistrySpec};
use tether::emulator::world::{PAYMENTS, World, WorldOptions};
use uuid::Uuid;

use super::told::{changes, words};
use crate::corridor::commands::{ask, pinning, reports};
use crate::corridor::{ACR_PULL, cluster, options, registry, requests, settle, start};

/// The service principal that the policy states for a cluster
pub(super) const STATED: Uuid = Uuid::from_u128(55);

/// The most follow-ups that any command has
const ROUNDS: usize = 20;

/// Which command is sent
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Attach,
    Detach,
    /// `detach` with `formerIdentities`
    DetachFormerIdentities,
    /// `reconcile` of everything
    Reconcile,
}

impl Command {
    /// As a person types it
    pub(super) fn typed(self) -> &'static str {
        match self {
            Self::Attach => "attach",
            Self::Detach => "detach",
            Self::DetachFormerIdentities => "detach --former-identities",
            Self::Reconcile => "reconcile everything",
        }
    }

    fn body(self, cluster: &str, registry: &str) -> Value {
        let name = match self {
            Self::Attach => "attach",
            Self::Detach | Self::DetachFormerIdentities => "detach",
            Self::Reconcile => return json!({ "command": "reconcile", "scope": "everything" }),
        };
        let mut body = json!({ "command": name, "cluster": cluster, "registry": registry });
        if self == Self::DetachFormerIdentities {
            body["formerIdentities"] = json!(true);
        }
        body
    }
}

/// How a case ends
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All of it is done; a run over everything may tell of one former identity that it keeps
    Applied,
    /// It was so already
    Already,
    /// Nothing of ours was there
    Nothing,
    /// A person has to see to it; the report's code, or a part of its reason
    Held(&'static str),
    /// The command is in `rejected`, with a part of the reason
    Refused(&'static str),
}

/// Which commands came before
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    /// One attached the pair
    Attached,
    /// One attached the pair, and another one after what is in the way came about
    AttachedTwice,
}

/// Some kind of trouble
pub(super) struct Case {
    pub(super) name: &'static str,
    /// What `az aks update` was seen to do, where that was measured
    pub(super) az: &'static str,
    pub(super) command: Command,
    pub(super) end: End,
    /// How often it is put off before it ends
    pub(super) later: usize,
    /// How many assignments are written or deleted, refused attempts included
    pub(super) writes: usize,
    /// Whether the cluster has a pull assignment at the registry afterwards
    pub(super) attached: bool,
    /// Whether the command calls both by their names
    by_name: bool,
    before: Before,
    /// Whether the policy states [`STATED`] for the cluster
    states_principal: bool,
    spec: fn(&mut ClusterSpec, &mut RegistrySpec),
    arrange: fn(&Stage),
    /// What happens between one look and the next
    meanwhile: fn(&Stage),
    /// What else must be in the last report
    pub(super) told: &'static [&'static str],
}

/// What a case plays on
pub(super) struct Stage {
    pub(super) world: World,
    pub(super) aks: String,
    pub(super) acr: String,
}

/// What came of a case
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) az: &'static str,
    pub(super) command: Command,
    pub(super) told: String,
    pub(super) requests: usize,
    pub(super) attached: bool,
}

/// Something in the way of a command to attach, which then succeeds with one write
pub(super) fn attach(name: &'static str, arrange: fn(&Stage)) -> Case {
    Case {
        name,
        az: "",
        command: Command::Attach,
        end: End::Applied,
        later: 0,
        writes: 1,
        attached: true,
        by_name: false,
        before: Before::Nothing,
        states_principal: false,
        spec: |_, _| {},
        arrange,
        meanwhile: |_| {},
        told: &[],
    }
}

/// Something in the way of a command to detach what a command attached, which then succeeds
pub(super) fn detach(name: &'static str, arrange: fn(&Stage)) -> Case {
    let case = attach(name, arrange).attached_before();
    Case { command: Command::Detach, attached: false, ..case }
}

/// The same for a command that detaches former identities alone
pub(super) fn detach_former(name: &'static str, arrange: fn(&Stage)) -> Case {
    Case { command: Command::DetachFormerIdentities, ..detach(name, arrange) }
}

/// The same for a run that looks at everything and attaches
pub(super) fn reconcile(name: &'static str, arrange: fn(&Stage)) -> Case {
    Case { command: Command::Reconcile, ..attach(name, arrange) }
}

impl Case {
    pub(super) fn az(self, az: &'static str) -> Self {
        Self { az, ..self }
    }

    pub(super) fn spec(self, spec: fn(&mut ClusterSpec, &mut RegistrySpec)) -> Self {
        Self { spec, ..self }
    }

    pub(super) fn by_name(self) -> Self {
        Self { by_name: true, ..self }
    }

    pub(super) fn attached_before(self) -> Self {
        Self { before: Before::Attached, ..self }
    }

    pub(super) fn attached_twice(self) -> Self {
        Self { before: Before::AttachedTwice, ..self }
    }

    /// The cluster pulls as a service principal, which the policy states
    pub(super) fn with_service_principal(self) -> Self {
        let spec: fn(&mut ClusterSpec, &mut RegistrySpec) = |aks, _| {
            aks.identity = ClusterIdentity::ServicePrincipal { client_id: Uuid::from_u128(5) };
        };
        Self { states_principal: true, spec, ..self }
    }

    pub(super) fn meanwhile(self, meanwhile: fn(&Stage)) -> Self {
        Self { meanwhile, ..self }
    }

    pub(super) fn later(self, later: usize) -> Self {
        Self { later, ..self }
    }

    pub(super) fn writes(self, writes: usize) -> Self {
        Self { writes, ..self }
    }

    pub(super) fn told(self, told: &'static [&'static str]) -> Self {
        Self { told, ..self }
    }

    /// Nothing changes, and the report has this code or reason
    pub(super) fn held(self, why: &'static str) -> Self {
        let attached = self.before != Before::Nothing;
        Self { end: End::Held(why), attached, ..self }
    }

    /// Nothing changes, and the command is in `rejected` for this reason
    pub(super) fn refused(self, why: &'static str) -> Self {
        let attached = self.before != Before::Nothing;
        Self { end: End::Refused(why), attached, writes: 0, ..self }
    }

    pub(super) fn ends(self, end: End, attached: bool, writes: usize) -> Self {
        Self { end, writes, attached, ..self }
    }
}

impl Stage {
    pub(super) fn fault(&self, fault: Fault) {
        self.world.azure.faults().inject(fault);
    }

    /// The identity that the cluster pulls with
    pub(super) fn principal(&self) -> Uuid {
        self.world.azure.kubelet_principal(&self.aks).unwrap()
    }

    /// The resource group of the registry
    pub(super) fn group(&self) -> &str {
        self.acr.split("/providers/").next().unwrap()
    }

    /// Somebody else assigns a role.
    pub(super) fn assign(&self, scope: &str, role: Uuid, who: Uuid) {
        self.assign_under(scope, role, who, None);
    }

    pub(super) fn assign_under(&self, scope: &str, role: Uuid, who: Uuid, condition: Option<&str>) {
        let number = 1 + self.world.azure.assignments().len() as u128;
        let mut spec = AssignmentSpec::new(Uuid::from_u128(number), scope, role, who);
        spec.condition = condition.map(str::to_owned);
        self.world.azure.assign(&spec).unwrap();
    }
}

/// Plays a case to its end, and checks it against what it says of itself.
pub(super) async fn play(case: Case) -> Row {
    let stage = set(&case).await;
    (case.arrange)(&stage);
    if case.before == Before::AttachedTwice {
        ask(&stage.world, "again", &Command::Attach.body(&stage.aks, &stage.acr));
        settle(&stage.world).await;
        assert!(is_attached(&stage), "{}", case.name);
    }
    stage.world.azure.clear_log();
    let (aks, acr) = if case.by_name { ("aks1", "acr1") } else { (&*stage.aks, &*stage.acr) };
    ask(&stage.world, "m", &case.command.body(aks, acr));
    settle(&stage.world).await;
    let mut rounds = 0;
    while pending(&stage.world) > 0 {
        rounds += 1;
        assert!(rounds < ROUNDS, "{}: it never ends", case.name);
        (case.meanwhile)(&stage);
        stage.world.clock.advance(Duration::from_secs(400));
        settle(&stage.world).await;
    }
    let requests = requests(&stage.world);
    let reports = reports(&stage.world, "m");
    let last = reports.last().unwrap_or_else(|| panic!("{}: no report", case.name));
    check_end(&case, &stage, last);
    assert_eq!(rounds, case.later, "{}: put off so often\n{last:#}", case.name);
    let writes = requests.iter().filter(|one| one.starts_with("PUT") || one.starts_with("DELETE"));
    assert_eq!(writes.count(), case.writes, "{}: writes {requests:?}", case.name);
    for words in case.told {
        assert!(last.to_string().contains(words), "{}: `{words}`\n{last:#}", case.name);
    }
    assert_eq!(stage.world.namespace.dead_letters("commands"), [], "{}", case.name);
    let told = words(rounds, last);
    let attached = is_attached(&stage);
    let Case { name, az, command, .. } = case;
    Row { name, az, command, told, requests: requests.len(), attached }
}

async fn set(case: &Case) -> Stage {
    let mut policy = pinning();
    if case.states_principal {
        let id = format!(
            "/subscriptions/{PAYMENTS}/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/aks1"
        );
        write!(policy, "\nservice_principals:\n  {id}: {STATED}\n").unwrap();
    }
    let world = start(WorldOptions { policy, speed: 0.0, ..options() }).await;
    world.events.pause();
    world.azure.add_principal(STATED, "ServicePrincipal");
    let (mut aks, mut acr) = (cluster("aks1"), registry("acr1").tag("pin", "yes"));
    (case.spec)(&mut aks, &mut acr);
    let aks = world.azure.create_cluster(&aks).unwrap();
    let acr = world.azure.create_registry(&acr).unwrap();
    let stage = Stage { world, aks, acr };
    if case.before != Before::Nothing {
        ask(&stage.world, "before", &Command::Attach.body(&stage.aks, &stage.acr));
        settle(&stage.world).await;
        assert_eq!(stage.world.azure.assignments().len(), 1, "{}", case.name);
    }
    stage
}

fn pending(world: &World) -> usize {
    world.namespace.scheduled("commands").len()
}

#[track_caller]
fn check_end(case: &Case, stage: &Stage, last: &Value) {
    let name = case.name;
    let rejected = stage.world.namespace.active("rejected");
    let outcomes: Vec<&str> = changes(last).filter_map(|one| one["outcome"].as_str()).collect();
    let text = last.to_string();
    match case.end {
        End::Applied => {
            let kept = outcomes.iter().filter(|one| **one == "already").count();
            let may_keep = usize::from(case.command == Command::Reconcile);
            assert!(kept <= may_keep && outcomes.len() > kept, "{name}\n{last:#}");
            let done = |one: &&str| ["applied", "already"].contains(one);
            assert!(outcomes.iter().all(done), "{name}\n{last:#}");
        }
        End::Already => assert_eq!(outcomes, ["already"], "{name}\n{last:#}"),
        End::Nothing => assert_eq!(outcomes, Vec::<&str>::new(), "{name}\n{last:#}"),
        End::Held(why) => {
            assert_eq!(outcomes, ["held"], "{name}\n{last:#}");
            assert!(text.contains(why), "{name}: `{why}`\n{last:#}");
        }
        End::Refused(why) => assert!(text.contains(why), "{name}: `{why}`\n{last:#}"),
    }
    let is_refused = matches!(case.end, End::Refused(_));
    let outcome = if is_refused { "refused" } else { "done" };
    assert_eq!(last["outcome"], json!(outcome), "{name}\n{last:#}");
    assert_eq!(rejected.len(), usize::from(is_refused), "{name}");
    assert_eq!(is_attached(stage), case.attached, "{name}: attached\n{last:#}");
}

/// Whether the cluster's identity has a pull role at the registry itself
fn is_attached(stage: &Stage) -> bool {
    let Some(principal) = stage.world.azure.kubelet_principal(&stage.aks) else { return false };
    let assignments = stage.world.azure.assignments();
    assignments.iter().any(|one| {
        let role = one.role == ACR_PULL || one.role == crate::corridor::REPOSITORY_READER;
        role && one.principal == principal && one.scope.eq_ignore_ascii_case(&stage.acr)
    })
}
